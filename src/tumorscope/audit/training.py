"""The audit that every training run makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tumorscope.audit.audited import Audited
from tumorscope.audit.result import AuditResult, run_checks
from tumorscope.audit.scan import scan_cases
from tumorscope.core.case import Case
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Split


def audit_for_training(
    cases: Sequence[Case],
    split: Split,
    dataset: Dataset,
    *,
    store: Path | None = None,
    echo: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Audit the cases of a training run under its split, without baselines and with one sequence per case.

    Args:
        cases: Labelled cases, whole studies also where the split divides slices.
        split: The run's split; of several folds the first.
        dataset: Where the cases come from.
        store: Folder that keeps scans, so that a resumed run reads nothing twice.
        echo: Receives the verdict.

    Returns:
        ``verdict``, ``severity``, ``split_hash`` and ``findings`` (check, severity, headline, numbers), without names
        of cases: what a bundle's manifest keeps.
    """
    scans = scan_cases(cases, thorough=False, store=store)
    audited = Audited(
        dataset.name,
        dataset.title,
        scans,
        tuple(map(str, dataset.sequences)),
        parts_of(split),
        split.unit,
        f"split {split.hash}",
        dataset.sliced,
    )
    result = AuditResult({}, run_checks(audited, leave_out=("baselines", "sequences")))
    echo(f"audit: {result.verdict}")
    found = result.to_json()
    kept = [{key: f[key] for key in ("check", "severity", "headline", "numbers")} for f in found["findings"]]
    return {
        "verdict": found["verdict"],
        "severity": found["severity"],
        "split_hash": split.hash,
        "findings": [f for f in kept if f["severity"] != "ok"],
    }


def parts_of(split: Split) -> dict[str, Any]:
    """Return case (or slice) id → part."""
    return {case_id: part for part, ids in split.parts.items() for case_id in ids}
