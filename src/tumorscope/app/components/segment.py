"""The button that segments the case shown."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.components.progress import progress
from tumorscope.app.jobs import Job
from tumorscope.app.session import Session
from tumorscope.workflows.one_case import Models
from tumorscope.workflows.view import segment_view

_NAME = "segment"


@st.cache_resource(show_spinner=False)
def _models() -> Models:
    """The open models, which all sessions share; nothing of a case stays in them."""
    return Models()


def segment_button(mine: Session) -> None:
    """Draw the button or, while it works, progress and Cancel; take the result of work that has ended."""
    ended = mine.ended(_NAME)
    if ended is not None:
        mine.error = ended.error
        mine.outcome = ended.result or mine.outcome
    if _NAME in mine.jobs:
        progress(mine, _NAME)
        return
    again = "Segment again" if mine.outcome is not None else "Segment"
    if st.button(again, type="primary", width="stretch", disabled=mine.view is None):
        _start(mine)
        st.rerun()


def _start(mine: Session) -> None:
    view, folder, models = mine.view, mine.new_folder("result"), _models()
    spacing = mine.kept.get(f"spacing {mine.shown}")
    assert view is not None
    mine.error = None
    mine.jobs[_NAME] = Job(lambda watch: segment_view(view, models, folder, spacing=spacing, watch=watch))
