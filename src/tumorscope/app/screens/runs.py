"""Training runs: their curves, and models compared on the same cases."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tumorscope.app.components.comparison import comparison
from tumorscope.app.components.curves import curves
from tumorscope.app.session import session
from tumorscope.app.settings import settings
from tumorscope.workflows.list_runs import RunList, list_runs


@st.cache_resource(ttl=30, show_spinner="Looking for runs…")
def _offered(folder: Path) -> RunList:
    return list_runs(folder)


def runs_page() -> None:
    """Draw the page."""
    mine = session()
    folder = settings().runs
    offered = RunList({}, {}) if folder is None else _offered(folder)
    first, second = st.tabs(["Training curves", "Comparison"])
    with first:
        curves(mine, offered.logs)
    with second:
        comparison(mine, offered.evaluations)
