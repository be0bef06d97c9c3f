"""Choose a case, look at it, segment it, read what was found, take the files."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.components.choose_case import choose_case
from tumorscope.app.components.downloads import downloads
from tumorscope.app.components.findings import findings, record_of, remarks
from tumorscope.app.components.reference import reference
from tumorscope.app.components.segment import segment_button
from tumorscope.app.components.trouble import show_error, told
from tumorscope.app.components.tumour_type import tumour_type
from tumorscope.app.components.upload import upload
from tumorscope.app.components.viewer import viewer
from tumorscope.app.components.volumes import volumes
from tumorscope.app.session import Session, session


def case_page() -> None:
    """Draw the page."""
    mine = session()
    with st.sidebar:
        above = st.container()
        upload(mine)
        with above:
            choose_case(mine)
            segment_button(mine)
            if mine.outcome is not None:
                volumes(mine.outcome)
    if mine.error is not None:
        show_error(mine.error)
    if mine.view is None:
        if mine.error is None:
            st.info("Choose a case on the left, or open your own scans.")
        return
    outcome = mine.outcome
    packed = outcome.packed if outcome is not None and outcome.packed is not None else mine.view.packed
    viewer(packed, f"{mine.folder.name}-{mine.shown}")
    if outcome is not None:
        with told():
            _results(mine)
    else:
        for note in mine.view.notes:
            st.caption(note)


def _results(mine: Session) -> None:
    outcome = mine.outcome
    assert outcome is not None
    record = record_of(outcome)
    names = ["Measurements", "Tumour type", "Against reference", "Downloads", "Model and notes"]
    sizes, kind, scores, files, notes = st.tabs(names)
    with sizes:
        findings(outcome, record)
    with kind:
        tumour_type(outcome, record)
    with scores:
        reference(outcome.agreement, outcome.seen)
    with files:
        downloads(outcome)
    with notes:
        remarks(outcome, [*outcome.notes, *([] if mine.view is None else mine.view.notes)])
