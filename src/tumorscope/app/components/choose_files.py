"""Files handed in on a page, put into the session's private folder."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tumorscope.app.session import Session


def hand_in(mine: Session, label: str, name: str, many: bool = True) -> list[Path]:
    """Draw a box for files and return where those in it lie.

    Args:
        mine: Session.
        label: What is wanted, in words.
        name: Unique on the page.
        many: Take several.
    """
    found = st.file_uploader(label, accept_multiple_files=many, key=f"files-{name}")
    files = found if isinstance(found, list) else [] if found is None else [found]
    kept: dict[str, Path] = mine.kept.setdefault(f"files {name}", {})
    for file in files:
        if file.file_id not in kept:
            kept[file.file_id] = mine.new_folder(name) / (Path(file.name).name or "file")
            kept[file.file_id].write_bytes(file.getbuffer())
    return [kept[file.file_id] for file in files]
