"""The result against the reference that came with the case."""

from __future__ import annotations

import streamlit as st

from tumorscope.metrics import METRICS
from tumorscope.workflows.agreement import POLICY, SHOWN, Agreement


def reference(found: Agreement | None, seen: bool) -> None:
    """Draw one row per region; ``seen``: the model was trained on this case."""
    if found is None:
        st.info("No reference (expert segmentation) came with this case.")
        return
    if seen:
        st.warning(
            "The model was trained or validated on this case. How well it does on new ones these scores do not tell."
        )
    heads = [METRICS[m].title for m in SHOWN]
    head = "".join(f'<th class="n">{text}</th>' for text in (*heads, "found", "missed", "invented"))
    rows = []
    for region in found.regions:
        values = ["–" if (v := region.values[m]) is None else f"{v:.3f}" for m in SHOWN]
        cells = "".join(f'<td class="n">{text}</td>' for text in (*values, *map(str, region.counts)))
        rows.append(f"<tr><th scope=row>{region.name}</th>{cells}</tr>")
    st.html(
        f'<div style="overflow-x: auto" tabindex="0"><table class="sizes"><tr><th>Region</th>{head}</tr>'
        f"{''.join(rows)}</table></div>"
    )
    st.caption(
        f"Whole case; empty masks: {POLICY.text}. Found, missed and invented are voxels. One case tells little: "
        "`tumorscope evaluate` scores many, with intervals. The view 'Against reference' shows where they differ."
    )
