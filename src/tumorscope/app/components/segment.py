"""The button that segments, how far the work is, and stopping it."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.jobs import Job
from tumorscope.app.session import Session
from tumorscope.workflows.one_case import Models
from tumorscope.workflows.view import segment_view


@st.cache_resource(show_spinner=False)
def _models() -> Models:
    """The open models, which all sessions share; nothing of a case stays in them."""
    return Models()


def segment_button(mine: Session) -> None:
    """Draw the button or, while it works, progress and Cancel."""
    collect(mine)
    if mine.job is not None:
        _progress(mine)
        return
    again = "Segment again" if mine.outcome is not None else "Segment"
    if st.button(again, type="primary", width="stretch", disabled=mine.view is None):
        _start(mine)
        st.rerun()


def collect(mine: Session) -> None:
    """Take the result of work that has ended."""
    job = mine.job
    if job is None or job.running:
        return
    mine.job = None
    mine.error = job.error
    if job.result is not None:
        mine.outcome = job.result


def _start(mine: Session) -> None:
    view, folder, models = mine.view, mine.new_folder("result"), _models()
    spacing = mine.kept.get(f"spacing {mine.shown}")
    assert view is not None
    mine.error = None
    mine.job = Job(lambda watch: segment_view(view, models, folder, spacing=spacing, watch=watch))


@st.fragment(run_every=0.5)
def _progress(mine: Session) -> None:
    job = mine.job
    if job is None or not job.running:
        st.rerun()
        return
    left = job.seconds_left
    words = "stopping" if job.stopped else job.step
    if left is not None and not job.stopped:
        words += f", about {max(1, round(left))} s left"
    st.progress(job.share, text=words[:1].upper() + words[1:])
    st.button("Cancel", on_click=job.stop, width="stretch", disabled=job.stopped)
