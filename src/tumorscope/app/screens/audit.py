"""Leaks and defects of a data set and its split, before anyone trains on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from tumorscope.app.components.choose_files import hand_in
from tumorscope.app.components.progress import progress
from tumorscope.app.components.trouble import show_error
from tumorscope.app.jobs import Job
from tumorscope.app.session import Session, session
from tumorscope.app.settings import settings
from tumorscope.audit.finding import Severity
from tumorscope.audit.result import AuditResult
from tumorscope.core.watch import Watch
from tumorscope.datasets import DATASETS
from tumorscope.workflows.audit import audit

_NAME = "audit"
_DRAW = {Severity.LEAK: st.error, Severity.DEFECT: st.warning, Severity.REMARK: st.info, Severity.OK: st.success}


def audit_page() -> None:
    """Draw the page."""
    mine = session()
    data = settings().data
    if data is None:
        st.info("Start the app with --data DIR to audit the data set in that folder.")
        return
    mine.settle(_NAME)
    if _NAME in mine.jobs:
        progress(mine, _NAME)
        return
    _form(mine, data)
    found = mine.kept.get(_NAME)
    if isinstance(found, Exception):
        show_error(found)
    elif found is not None:
        _result(found["result"], found["report"])


def _form(mine: Session, data: Path) -> None:
    names = list(DATASETS)
    dataset = st.selectbox("Layout of the data set", names, index=names.index("brats"))
    st.caption(f"{DATASETS.load(dataset).title}. Folder: `{data.name}`.")
    split = hand_in(mine, "Split file (JSON), if there is one", "split", many=False)
    if st.button("Audit", type="primary"):
        report = mine.new_folder("audit") / "audit.html"
        chosen = split[0] if split else None

        def work(watch: Watch) -> dict[str, Any]:
            result = audit(dataset, data, split=chosen, report=report, echo=lambda line: watch(line, 0.0))
            return {"result": result, "report": report}

        mine.jobs[_NAME] = Job(work)
        st.rerun()


def _result(result: AuditResult, report: Path) -> None:
    st.subheader(result.verdict, anchor=False)
    for finding in result.findings:
        lines = [f"**{finding.check}**: {finding.headline}"]
        lines += [f"- {example.text}" for example in finding.examples[:3]]
        lines += [f"**To do:** {finding.fix}"] if finding.fix else []
        _DRAW[finding.severity]("\n\n".join(lines))
    with st.expander("Conditions"):
        for key, value in result.conditions.items():
            if value is not None:
                st.markdown(f"- {key}: {value}")
    st.download_button("Report (HTML)", report.read_bytes, file_name="audit.html", on_click="ignore")
