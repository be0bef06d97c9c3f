"""The volume of every region, over the whole case in its own voxels."""

from __future__ import annotations

from html import escape

import streamlit as st

from tumorscope.figures.colours import LONG_NAMES
from tumorscope.workflows.view import Outcome


def volumes(outcome: Outcome) -> None:
    """Draw one line per region: millilitres where the spacing is known, else pixels."""
    rows = []
    for name, size in outcome.row.volumes.items():
        value = f"{size['voxels']} px" if size["ml"] is None else f"{size['ml']:.2f} ml"
        long = escape(LONG_NAMES.get(name, ""))
        rows.append(
            f'<tr data-region="{escape(name)}"><td>{escape(name)} <span class="long">{long}</span></td>'
            f'<td class="n"><b>{value}</b></td></tr>'
        )
    if not rows:
        return
    st.html(
        f'<table class="sizes" aria-label="Volumes"><tr><th>Volume</th><th class="n">whole case</th></tr>'
        f"{''.join(rows)}</table>"
    )
