"""A picture with the words that a screen reader says; Streamlit's own has none."""

from __future__ import annotations

import base64
from html import escape

import streamlit as st


def picture(png: bytes, alt: str, caption: str = "") -> None:
    """Draw a PNG as wide as the page allows.

    Args:
        png: The file's content.
        alt: What it shows, in words.
        caption: Below it, if anything.
    """
    data = base64.b64encode(png).decode()
    st.html(f'<img style="width: 100%" alt="{escape(alt)}" src="data:image/png;base64,{data}">')
    if caption:
        st.caption(caption)
