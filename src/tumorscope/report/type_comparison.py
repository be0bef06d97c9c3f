"""The result of comparing classifiers, for machines and for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tumorscope.metrics.paired_types import DIFFERENCES
from tumorscope.report.comparison import Table, aligned, interval, number, p_text

#: Scores that are shown, over all classes.
_SHOWN = ("accuracy", "macro_f1", "macro_auroc", "ece")


@dataclass(frozen=True)
class TypeComparison:
    """Classifiers on the same pictures, and everything that must stand beside the numbers.

    Attributes:
        runs: One row per run: name, source, what it is.
        scores: Score rows of every run (``run`` and the keys of ``TypeScore.to_json``).
        pairs: ``first``, ``second`` and the keys of :meth:`~tumorscope.metrics.paired_types.PairedTypes.to_json`.
        cases: Per picture the truth and the answer of every run.
        costs: Parameters, operations and milliseconds per slice, per run.
        conditions: Data set, split, part, n.
        notes: What must be said beside every score.
    """

    runs: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    conditions: dict[str, Any]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        return dict(vars(self))

    def tables(self) -> Iterator[Table]:
        """Yield the tables for people: heading, column names, rows."""
        names = [run["name"] for run in self.runs]
        found = {(s["run"], s["metric"], s["region"]): s for s in self.scores}
        overall = [[n, *(_cell(found.get((n, m, "all"))) for m in _SHOWN)] for n in names]
        yield "All classes", ["run", *(m.replace("_", " ") for m in _SHOWN)], overall
        classes = list(dict.fromkeys(s["region"] for s in self.scores if s["region"] != "all"))
        rows = [[n, *(_cell(found.get((n, "sensitivity", c))) for c in classes)] for n in names]
        yield "Sensitivity by class", ["run", *classes], rows
        yield "Paired differences", *_pair_table(self.pairs)
        columns = ["run", "parameters", "GFLOPs per input", "ms per slice", "processor ms per slice", "runtime"]
        yield "Cost", columns, [_cost_row(c) for c in self.costs]

    def render(self) -> str:
        """Return the comparison as text."""
        lines = [f"{key.replace('_', ' ')}: {value}" for key, value in self.conditions.items()]
        lines += [f"note: {note}" for note in self.notes]
        for heading, columns, rows in self.tables():
            lines += ["", heading, *aligned(columns, rows)]
        return "\n".join([*lines, "", *self.footnotes])

    @property
    def footnotes(self) -> list[str]:
        """How the intervals and tests were made."""
        return [
            f"Intervals: 95 % percentile bootstrap, {self.conditions['n_boot']} resamples of "
            f"{self.conditions['resampled']}. p: McNemar's exact test over pictures, two-sided, not corrected for the "
            f"number of pairs ({len(self.pairs)}); it takes pictures as independent; those of one patient are not."
        ]


def _cell(score: dict[str, Any] | None) -> str:
    if score is None or score["mean"] is None:
        return "–"
    around = interval(*score["ci95"])
    return number(score["mean"]) + (f" ({around})" if around else "")


def _pair_table(pairs: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for pair in pairs:
        cells = [f"{pair['first']} – {pair['second']}"]
        for metric in DIFFERENCES:
            low, high = pair["intervals"][metric]
            around = interval(low, high, sign=True)
            cells.append(number(pair["differences"][metric], sign=True) + (f" ({around})" if around else ""))
        counts = (pair[key] for key in ("first_only", "second_only", "both", "neither"))
        rows.append([*cells, " / ".join(map(str, counts)), p_text(pair["p"])])
    right = "right: only first / only second / both / neither"
    return ["first – second", *(m.replace("_", " ") for m in DIFFERENCES), right, "p"], rows


def _cost_row(cost: dict[str, Any]) -> list[str]:
    if "parameters" not in cost:
        return [cost["run"], *["–"] * 5]
    cells = [cost["run"], f"{cost['parameters'] / 1e6:.2f} M", f"{cost['flops'] / 1e9:.2f}"]
    if "ms_per_slice" not in cost:
        return [*cells, *["–"] * 3]
    return [*cells, f"{cost['ms_per_slice']:.1f}", f"{cost['processor_ms_per_slice']:.1f}", cost["runtime"]]
