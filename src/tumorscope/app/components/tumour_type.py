"""The tumour type a classifier tells, how probable each is, and where it looked."""

from __future__ import annotations

from typing import Any

import streamlit as st

from tumorscope.report.type_html import type_section
from tumorscope.workflows.view import Outcome


def tumour_type(outcome: Outcome, record: dict[str, Any]) -> None:
    """Draw the report's section on the type."""
    picture = outcome.folder / "type.png"
    if "tumor_type" not in record or not picture.is_file():
        st.info(
            "No type is told. The model for it knows T1CE of heads with their skull, and is not asked about anything "
            "else; `tumorscope predict --types always` asks it all the same."
        )
        return
    section = type_section(record["tumor_type"], picture.read_bytes()).replace("<table>", '<table class="sizes">')
    st.html(f'<div class="typed">{section}</div>')
