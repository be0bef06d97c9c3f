"""Handing in scans of one's own."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import streamlit as st

from tumorscope.app.components.choose_case import BOX, offered_cases
from tumorscope.app.components.trouble import caught, show_error
from tumorscope.app.session import Session
from tumorscope.core.sequence import Sequence
from tumorscope.workflows.inputs import Spacing, find_inputs

_BY_NAME = "as the file names tell"
#: Key in ``Session.kept``: why some of the cases handed in last could not be taken, while others were.
_REFUSED = "refused uploads"


def upload(mine: Session) -> None:
    """Draw the form for files and, when it is sent, offer the cases in them; draw it before the choice of a case."""
    with st.expander("Open your own scans"):
        _form(mine)
        for error in mine.kept.get(_REFUSED, []):
            show_error(error)


def _form(mine: Session) -> None:
    """Draw the form, and take the files in when it is sent."""
    with st.form("upload", clear_on_submit=True, border=False):
        files = st.file_uploader(
            "NIfTI, a DICOM study as a zip file, PNG, JPEG or TIFF. Several files are taken as one case.",
            accept_multiple_files=True,
        )
        shows = st.selectbox("They show", [_BY_NAME, *map(str, Sequence)])
        st.caption("Voxel size in mm, only for pictures, which carry none:")
        columns = zip("xyz", st.columns(3), strict=True)
        edges = [column.number_input(axis, min_value=0.0, value=0.0) for axis, column in columns]
        sent = st.form_submit_button("Open", width="stretch")
    if not sent:
        return
    if not files:
        st.info("Choose at least one file first.")
        return
    folder = mine.new_folder("upload") / _name([file.name for file in files])
    folder.mkdir()
    paths = [folder / (Path(file.name).name or "file") for file in files]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file.getbuffer())
    spacing: Spacing | None = (edges[0], edges[1], edges[2]) if min(edges) > 0 else None
    _take(mine, paths[0] if len(paths) == 1 else folder, None if shows == _BY_NAME else Sequence(shows), spacing)


def _name(names: list[str]) -> str:
    """Return what the names of one case's files have in common; the case is called so."""
    letters = zip(*(Path(name).name for name in names), strict=False)
    common = "".join(same[0] for same in takewhile(lambda these: len(set(these)) == 1, letters))
    return re.sub(r"[^\w-]+", "_", common).strip("_-") or "scans"


def _take(mine: Session, path: Path, sequence: Sequence | None, spacing: Spacing | None) -> None:
    """Look for cases in what was handed in, offer them and choose the first."""
    with caught(mine):
        found = find_inputs(path, sequence, any_grid=True)
        good = [one for one in found if one.case is not None]
        refused = [one.error for one in found if one.error is not None]
        mine.kept[_REFUSED] = refused if good else []
        mine.uploads += good
        if refused and not good:
            mine.error = refused[-1]
        if good:
            label = list(offered_cases(mine))[-len(good)]
            mine.kept[f"spacing {label}"] = spacing
            st.session_state[BOX] = label
            mine.shown = ""
