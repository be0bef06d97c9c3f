"""Choosing a case: the phantom, the folder the server was started with, files handed in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tumorscope.app.components.trouble import show_error, told
from tumorscope.app.session import Session
from tumorscope.app.settings import settings
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import shipped_phantom
from tumorscope.workflows.found import Found
from tumorscope.workflows.inputs import Spacing, find_inputs
from tumorscope.workflows.view import view_case

_BOX = "case-box"
_BY_NAME = "as the file names tell"


def choose_case(mine: Session) -> None:
    """Draw the choice and open what was chosen into ``mine.view``."""
    place = st.container()
    with st.expander("Open your own scans"):
        _upload(mine)
    offered = _offered(mine)
    if st.session_state.get(_BOX) not in offered:
        st.session_state[_BOX] = mine.shown if mine.shown in offered else next(iter(offered))
    label = place.selectbox("Case", list(offered), key=_BOX)
    if label != mine.shown:
        _open(mine, label, offered[label])


def _open(mine: Session, label: str, found: Found) -> None:
    if (job := mine.jobs.pop("segment", None)) is not None:
        job.stop()
    mine.shown = label
    mine.forget()
    with told(), st.spinner("Reading the scans…"):
        mine.view = view_case(found, mine.kept.get(f"spacing {label}"))


def _offered(mine: Session) -> dict[str, Found]:
    """Return label → case."""
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


@st.cache_resource(show_spinner=False)
def _phantom() -> Found:
    return find_inputs(shipped_phantom(), any_grid=True)[0]


@st.cache_resource(show_spinner="Looking for cases…")
def _folder(data: Path) -> list[Found]:
    return [one for one in find_inputs(data, any_grid=True) if one.case is not None]


def _upload(mine: Session) -> None:
    """Draw the form for files, and take them in when it is sent."""
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
    folder = mine.new_folder("upload")
    paths = [folder / (Path(file.name).name or "file") for file in files]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file.getbuffer())
    spacing: Spacing | None = (edges[0], edges[1], edges[2]) if min(edges) > 0 else None
    _take(mine, paths[0] if len(paths) == 1 else folder, None if shows == _BY_NAME else Sequence(shows), spacing)


def _take(mine: Session, path: Path, sequence: Sequence | None, spacing: Spacing | None) -> None:
    """Look for cases in what was handed in, offer them and choose the first."""
    with told():
        found = find_inputs(path, sequence, any_grid=True)
        good = [one for one in found if one.case is not None]
        for one in found:
            if one.error is not None:
                show_error(one.error)
        mine.uploads += good
        if good:
            label = f"{good[0].id} (yours)"
            mine.kept[f"spacing {label}"] = spacing
            st.session_state[_BOX] = label
            mine.shown = ""
