"""What was measured: sizes, lesions, flags and notes; the tables are the report's."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from tumorscope.report.case_tables import legend, lesion_tables, sizes_table
from tumorscope.workflows.found import RESULT_MARK
from tumorscope.workflows.segment import CaseResult
from tumorscope.workflows.view import Outcome


def record_of(outcome: Outcome) -> dict[str, Any]:
    """Return the case's ``measurements.json``."""
    record: dict[str, Any] = json.loads((outcome.folder / RESULT_MARK).read_text(encoding="utf-8"))
    return record


def findings(outcome: Outcome, record: dict[str, Any]) -> None:
    """Draw the tables."""
    result = outcome.result
    if not isinstance(result, CaseResult):
        st.info("This case was classified, not segmented.")
        return
    scheme = result.segmentation.scheme
    if record["flags"]:
        st.warning("\n".join(f"- {flag}" for flag in record["flags"]))
    st.html(f"<div>{legend(scheme)}</div>")
    st.html(
        f'<div style="overflow-x: auto" tabindex="0"><table class="sizes">{sizes_table(record, scheme)}</table></div>'
    )
    tables = lesion_tables(record)
    if tables:
        with st.expander("Lesions, one by one"):
            st.html(
                f'<div style="overflow-x: auto" tabindex="0">{tables.replace("<table>", "<table class=sizes>")}</div>'
            )


def remarks(outcome: Outcome, notes: list[str]) -> None:
    """Draw what the user should know about model and input."""
    bundle = outcome.result.bundle
    if bundle is not None:
        training = bundle.manifest.training
        use = "" if training.commercial else "; no commercial use"
        st.markdown(f"**{bundle.name} {bundle.manifest.version}**: {bundle.manifest.title}. {outcome.result.reason}")
        st.markdown(f"Trained on `{training.dataset}` (licence: {training.licence}{use}).")
    limits = [] if bundle is None else list(bundle.manifest.limits)
    for note in dict.fromkeys([*notes, *limits]):
        st.markdown(f"- {note}")
