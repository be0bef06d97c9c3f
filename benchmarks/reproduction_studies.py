"""Our own comparisons among stored runs: architecture (S0-06), input size and depth (S0-07)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reproduction_runs import Stored, interval

from tumorscope.metrics.paired import paired
from tumorscope.report.comparison import Comparison

#: Runs of one method over the folds: every patient is validated once.
FOLDS = {"FPN": ("fpn--fold-0", "fpn--fold-1"), "U-Net": ("unet--fold-0", "unet--fold-1")}
#: Runs on the first fold that differ in one thing.
SWEEPS = {
    "Input size (FPN)": {"64 px": "fpn--64px", "96 px": "fpn--fold-0", "128 px": "fpn--128px", "192 px": "fpn--192px"},
    "Levels (plain U-Net)": {
        "3": "unet-plain--3-levels",
        "4": "unet-plain--4-levels",
        "5": "unet-plain--5-levels",
    },
}


def part_of(run: Mapping[str, Any]) -> str:
    """Return the part that a run was scored on: test where it was."""
    return "test" if "test" in run else "val"


def patient_dice(run: Mapping[str, Any]) -> dict[str, float]:
    """Return case → Dice of its tumour from the rows a run stores."""
    rows = run.get(part_of(run), {}).get("cases", ())
    return {row["case"]: row["tumor"]["dice"] for row in rows if row.get("tumor", {}).get("dice") is not None}


def folds(stored: Stored) -> list[str]:
    """Compare the methods of :data:`FOLDS` patient by patient.

    Returns:
        Sentences; empty while a fold is missing.
    """
    names = [name for runs in FOLDS.values() for name in runs]
    if any(stored.run(name) is None for name in names):
        return []
    found = {
        method: {k: v for name in runs for k, v in patient_dice(stored.runs[name]).items()}
        for method, runs in FOLDS.items()
    }
    (first, a), (second, b) = found.items()
    both = sorted(a.keys() & b.keys())
    if len(both) < 2:
        return []
    result = paired([a[k] for k in both], [b[k] for k in both], groups=both)
    means = [sum(x[k] for k in both) / len(both) for x in (a, b)]
    low, high = result.ci95
    return [
        f"{first} {means[0]:.3f}, {second} {means[1]:.3f} mean patient Dice over {len(both)} patients, each scored by "
        f"a model that never saw the patient; difference {result.difference:+.3f} (95 % interval {low:+.3f} to "
        f"{high:+.3f}), {first} better on {result.wins}, {second} on {result.losses}, Wilcoxon p = {result.p:.3g}."
    ]


def sweep_rows(stored: Stored) -> list[Sequence[str]]:
    """Return study, setting and patient Dice of each run of :data:`SWEEPS` that is stored."""
    rows = []
    for study, runs in SWEEPS.items():
        for setting, name in runs.items():
            score = None if stored.run(name) is None else dice(stored.runs[name])
            rows.append([study, setting, "not measured yet" if score is None else interval(score)])
    return rows


def dice(run: Mapping[str, Any]) -> Any:
    """Return the patient Dice of the tumour, or None."""
    for s in run.get(part_of(run), {}).get("scores", ()):
        if (s["metric"], s["region"], s["unit"]) == ("dice", "tumor", "patient") and s["mean"] is not None:
            return s
    return None


def comparisons(stored: Stored) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return the tables of every stored comparison: heading, column names, rows."""
    tables = []
    for name, content in stored.comparisons.items():
        compared = Comparison(**content)
        tables += [(f"{name}: {heading}", columns, rows) for heading, columns, rows in compared.tables()]
        tables.append((f"{name}: how it was made", ["condition", "value"], _conditions(compared)))
    return tables


def _conditions(compared: Comparison) -> list[list[str]]:
    rows = [[str(k).replace("_", " "), str(v)] for k, v in compared.conditions.items() if v not in (None, "", [])]
    return rows + [["note", text] for text in (*compared.notes, *compared.footnotes)]


def names() -> set[str]:
    """Return the runs this module shows."""
    return {n for runs in FOLDS.values() for n in runs} | {n for runs in SWEEPS.values() for n in runs.values()}
