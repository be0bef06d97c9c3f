"""Choosing a case: the phantom, one of the folder the server was started with, one handed in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tumorscope.app.components.trouble import caught
from tumorscope.app.session import Session
from tumorscope.app.settings import settings
from tumorscope.datasets.phantom import small_phantom
from tumorscope.workflows.found import Found
from tumorscope.workflows.inputs import find_inputs
from tumorscope.workflows.view import view_case

#: Key of the choice in Streamlit's session state; set it before the choice is drawn to choose a case.
BOX = "case-box"


def choose_case(mine: Session) -> None:
    """Draw the choice and open what was chosen into ``mine.view``."""
    offered = offered_cases(mine)
    if st.session_state.get(BOX) not in offered:
        st.session_state[BOX] = mine.shown if mine.shown in offered else next(iter(offered))
    label = st.selectbox("Case", list(offered), key=BOX)
    unread = mine.view is None and mine.error is None  # Streamlit broke off the run that read it
    if label != mine.shown or unread:
        _open(mine, label, offered[label])


def _open(mine: Session, label: str, found: Found) -> None:
    for work in ("segment", "repair"):
        mine.drop(work)
    mine.shown = label
    mine.forget()
    with caught(mine), st.spinner("Reading the scans…"):
        mine.view = view_case(found, mine.kept.get(f"spacing {label}"))


def offered_cases(mine: Session) -> dict[str, Found]:
    """Return label → case; those handed in come last."""
    data = settings().data
    found = [("phantom", _phantom())]
    found += [] if data is None else [("", one) for one in _folder(data)]
    found += [("yours", one) for one in mine.uploads]
    labels: dict[str, Found] = {}
    for kind, one in found:
        label = {"phantom": f"{one.id} (synthetic)", "yours": f"{one.id} (yours)"}.get(kind, one.id)
        number = 2
        while label in labels:
            label, number = f"{one.id} ({number})", number + 1
        labels[label] = one
    return labels


@st.cache_resource(show_spinner="Making the phantom patient…")
def _phantom() -> Found:
    return find_inputs(small_phantom(), any_grid=True)[0]


@st.cache_resource(show_spinner="Looking for cases…")
def _folder(data: Path) -> list[Found]:
    return [one for one in find_inputs(data, any_grid=True) if one.case is not None]
