"""Choices that outlive a change of page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tumorscope.app.session import Session


def kept_choice(mine: Session, label: str, options: Sequence[str], name: str) -> str:
    """Draw a choice that the session remembers under ``name``, and return what is chosen."""
    key = f"choice {name}"
    before = mine.kept.get(key)
    chosen = st.selectbox(label, options, index=options.index(before) if before in options else 0)
    mine.kept[key] = chosen
    return chosen
