"""Denoise, reconstruct, enhance a scan and see what changed; make synthetic images, marked as such."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.components.choose_case import choose_case
from tumorscope.app.components.kept_choice import kept_choice
from tumorscope.app.components.repair import repair_button, repaired, sequence_choice
from tumorscope.app.components.repair_plans import plans
from tumorscope.app.components.synthesis import made, makers, synthesis_form
from tumorscope.app.components.trouble import show_error, told
from tumorscope.app.components.upload import upload
from tumorscope.app.session import session

_MAKE = "Synthesise"


def generative_page() -> None:
    """Draw the page."""
    mine = session()
    offered = plans()
    with st.sidebar:
        what = kept_choice(mine, "What to do", [*offered, *([_MAKE] if makers() else [])], "generative")
        if what == _MAKE:
            synthesis_form(mine)
        else:
            above = st.container()
            upload(mine)
            with above:
                choose_case(mine)
                sequence = sequence_choice(mine)
                repair_button(mine, sequence, offered[what](mine), what.split()[0])
    if what == _MAKE:
        with told():
            made(mine)
        return
    if mine.error is not None:
        show_error(mine.error)
    if mine.view is not None:
        with told():
            repaired(mine)
    elif mine.error is None:
        st.info("Choose a case on the left, or open your own scans.")
