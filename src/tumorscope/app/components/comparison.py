"""Models compared case by case, from what ``tumorscope evaluate --json`` stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from tumorscope.app.components.choose_files import hand_in
from tumorscope.app.components.picture import picture
from tumorscope.app.components.trouble import told
from tumorscope.app.session import Session
from tumorscope.figures.save import png_bytes
from tumorscope.report.compare_html import comparison_figures
from tumorscope.workflows.compare import compare, write_report

_KEPT = "comparison"


def comparison(mine: Session, evaluations: Mapping[str, Path]) -> None:
    """Draw the choice of evaluations, and the comparison made last."""
    kept = mine.kept.setdefault(_KEPT, {"chosen": [], "found": None})
    chosen = st.multiselect(
        "Evaluations",
        list(evaluations),
        default=[name for name in kept["chosen"] if name in evaluations],
        placeholder="Choose two or more" if evaluations else "Start with --runs DIR to offer a folder's",
        disabled=not evaluations,
    )
    own = hand_in(mine, "Evaluations of your own (JSON of `tumorscope evaluate --json`)", "evaluation")
    paths = [*(evaluations[name] for name in chosen), *own]
    if st.button("Compare", disabled=len(paths) < 2):
        kept["chosen"] = chosen
        with told(), st.spinner("Comparing case by case…"):
            kept["found"] = _compared(mine, paths)
    if kept["found"] is None:
        st.info("Choose at least two evaluations of the same cases.")
        return
    _draw(kept["found"])


def _compared(mine: Session, paths: list[Path]) -> dict[str, Any]:
    folder = mine.new_folder("compare")
    result = compare([str(path) for path in paths], out=folder, cost=False, echo=lambda line: None)
    pictures = [(heading, png_bytes(figure)) for heading, figure in comparison_figures(result)]
    return {"result": result, "pictures": pictures, "report": write_report(result, folder / "compare.html")}


def _draw(found: dict[str, Any]) -> None:
    result = found["result"]
    for note in result.notes:
        st.warning(note)
    for heading, columns, rows in result.tables():
        st.markdown(f"**{heading}**")
        st.table([dict(zip(columns, row, strict=True)) for row in rows] if len(set(columns)) == len(columns) else rows)
    for heading, png in found["pictures"]:
        picture(png, heading, heading)
    for sentence in result.footnotes:
        st.caption(sentence)
    st.download_button("Report (HTML)", found["report"].read_bytes, file_name="compare.html", on_click="ignore")
