"""The result of a comparison, for machines and for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tumorscope.metrics import METRICS, EmptyPolicy, Unit
from tumorscope.metrics.paired import least_p
from tumorscope.metrics.render import UNIT_TEXT

Row = Mapping[str, Any]
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class Comparison:
    """Runs on the same cases, and everything that must stand beside the numbers.

    Attributes:
        runs: One row per run: name, source, what it is.
        scores: Score rows of every run (``run`` and the keys of :meth:`~tumorscope.metrics.Score.to_json`).
        pairs: Paired differences: ``first``, ``second``, ``metric``, ``region`` and the keys of
            :meth:`~tumorscope.metrics.paired.Paired.to_json`.
        cases: Per case, region and metric the value of every run.
        tumour_free: False alarms on slices without tumour, per run and region.
        costs: Parameters, operations, seconds and memory, per run.
        validation: Score rows of each run on its own validation cases.
        conditions: Data set, split, part, policy, n.
        notes: What must be said beside every score.
    """

    runs: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    tumour_free: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    validation: list[dict[str, Any]]
    conditions: dict[str, Any]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        return dict(vars(self))

    def tables(self) -> Iterator[Table]:
        """Yield the tables for people: heading, column names, rows."""
        yield from score_tables(self.scores)
        yield pair_table(self.pairs)
        yield from cost_tables(self.costs, self.tumour_free)
        if self.validation:
            yield validation_table(self.validation, self.scores)

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
        tests = max((p["n_tests"] for p in self.pairs), default=1)
        family = f"over its pairs of runs and regions ({tests} tests), not over metrics"
        holm = f", Holm-corrected within one metric only: {family}" if tests > 1 else ""
        few = [p for p in self.pairs if too_few(p)]
        return [
            "Intervals: 95 % percentile bootstrap, patients (blocks where patients are unknown) resampled "
            f"{self.conditions['n_boot']} times (with all their pairs). "
            f"p: Wilcoxon signed-rank test over patients, two-sided{holm}. "
            "Better / worse / equal: cases on which the first run beats the second, loses, ties.",
            *([_few_text(few)] if few else []),
        ]


def number(value: float | None, digits: int = 3, sign: bool = False) -> str:
    """Return a number for people, an en dash for None."""
    return "–" if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def interval(low: float | None, high: float | None, digits: int = 3, sign: bool = False) -> str:
    """Return "low to high", nothing where it is not known."""
    return "" if low is None or high is None else f"{number(low, digits, sign)} to {number(high, digits, sign)}"


def title(metric: str, length_unit: str = "") -> str:
    """Return a metric's title, with the unit of lengths."""
    name = METRICS[metric].title if metric in METRICS else metric
    return f"{name}, {length_unit}" if length_unit else name


def score_tables(scores: Sequence[Row]) -> Iterator[Table]:
    """Yield one table per region, unit and empty-mask policy: runs down, metrics across.

    Policies that change nothing (no mask is empty) share a table.
    """
    shown: dict[tuple[Any, ...], tuple[list[Row], list[str]]] = {}
    for region, unit, policy in dict.fromkeys((s["region"], s["unit"], s["empty_policy"]) for s in scores):
        block = [s for s in scores if (s["region"], s["unit"], s["empty_policy"]) == (region, unit, policy)]
        values = [(s["run"], s["metric"], s["mean"], s["n"]) for s in block]
        shown.setdefault((region, unit, *values), (block, []))[1].append(policy)
    for (region, unit, *_), (block, policies) in shown.items():
        metrics = dict.fromkeys((s["metric"], s["length_unit"]) for s in block)
        rows = []
        for run in dict.fromkeys(s["run"] for s in block):
            mine = {s["metric"]: s for s in block if s["run"] == run}
            rows.append([run, *(_score_cell(mine.get(m)) for m, _ in metrics), _n_cell(next(iter(mine.values())))])
        spread = "" if unit == Unit.POOLED else ", SD over the values"
        rules = " or ".join(f"'{p}' ({EmptyPolicy(p).text})" for p in policies)
        heading = f"{region}, {UNIT_TEXT[Unit(unit)]}: mean (95 % interval){spread}; empty masks: {rules}"
        yield heading, ["run", *(title(*m) for m in metrics), "n"], rows


def _score_cell(score: Row | None) -> str:
    if score is None:
        return "–"
    digits = 2 if score["length_unit"] else 3
    low, high = score["ci95"] if score["n_groups"] > 1 else (None, None)
    around = f" ({interval(low, high, digits)})" if low is not None else ""
    spread = "" if score["sd"] is None else f", SD {number(score['sd'], digits)}"
    return f"{number(score['mean'], digits)}{around}{spread}"


def _n_cell(score: Row) -> str:
    return f"{score['n']}" + (f" ({score['n_excluded']} left out)" if score["n_excluded"] else "")


def pair_table(pairs: Sequence[Row]) -> Table:
    """Return the paired differences."""
    columns = ["first – second", "region", "metric", "mean difference", "95 % interval", "better / worse / equal", "n"]
    rows = []
    for p in pairs:
        digits = 2 if METRICS[p["metric"]].is_length else 3
        low, high = p["ci95"] if p["n_patients"] > 1 else (None, None)
        shown = p["p"] if p["p_holm"] is None else p["p_holm"]
        rows.append(
            [
                f"{p['first']} – {p['second']}",
                p["region"],
                METRICS[p["metric"]].title,
                number(p["difference"], digits, sign=True),
                interval(low, high, digits, sign=True),
                f"{p['wins']} / {p['losses']} / {p['ties']}",
                str(p["n"]),
                p_text(shown) + (f" (cannot be below {p_text(p['p_least'])})" if too_few(p) else ""),
            ]
        )
    return "Paired differences", [*columns, "p (Holm)" if any(p["p_holm"] is not None for p in pairs) else "p"], rows


def p_text(p: float | None) -> str:
    """Return a p-value for people."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def too_few(pair: Row) -> bool:
    """Whether a pair has too few patients for a p-value below 0.05, whatever the differences."""
    return pair["p_least"] is not None and pair["p_least"] >= 0.05


def _few_text(pairs: Sequence[Row]) -> str:
    fewest, most = min(p["n_patients"] for p in pairs), max(p["n_patients"] for p in pairs)
    n = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return (
        f"Too few patients for a small p: the two-sided test of {n} patients cannot give less than 2 / 2^n, "
        f"{least_p(most):.3g} at n = {most}, before correction; there p says nothing about a difference."
    )


def cost_tables(costs: Sequence[Row], tumour_free: Sequence[Row]) -> Iterator[Table]:
    """Yield what each run costs, and its false alarms on tumour-free slices."""
    if any("parameters" in c for c in costs):
        columns = ["run", "parameters", "input", "GFLOPs per input", "inputs per case", "GFLOPs per case"]
        columns += ["seconds per case (range, n)", "processor seconds", "peak memory", "runtime"]
        yield "Cost", columns, [_cost_row(c) for c in costs]
    rows = []
    for row in tumour_free:
        size = f"{number(row['mean_px'], 1)} px" + ("" if row["mean_ml"] is None else f", {row['mean_ml']:.4f} ml")
        low, high = row["ci95"] if row["n_patients"] > 1 else (None, None)
        rows.append(
            [
                row["run"],
                row["region"],
                number(row["rate"]),
                interval(low, high),
                f"{row['n_alarms']} / {row['n']}",
                "–" if row["mean_px"] is None else size,
            ]
        )
    columns = ["run", "region", "false-positive rate", "95 % interval", "slices with alarm / all", "mean predicted"]
    yield "Tumour-free slices: share on which anything is predicted, and how much per slice", columns, rows


def _cost_row(cost: Row) -> list[str]:
    if "parameters" not in cost:
        return [cost["run"], *["–"] * 9]
    cells = [cost["run"], f"{cost['parameters'] / 1e6:.2f} M", "×".join(map(str, cost["input_shape"]))]
    cells.append(f"{cost['flops'] / 1e9:.2f}")
    if "seconds_per_case" not in cost:
        return [*cells, *["–"] * 6]
    low, high = cost["seconds_range"]
    seconds = f"{cost['seconds_per_case']:.2f} ({low:.2f} to {high:.2f}, {cost['cases_timed']})"
    cells += [f"{cost['inputs_per_case']:.0f}", f"{cost['flops_per_case'] / 1e9:.1f}", seconds]
    cells.append(f"{cost['processor_seconds_per_case']:.2f}")
    return [*cells, f"{cost['peak_memory_mb']:.0f} MB", f"{cost['runtime']}; {cost['machine']}"]


def validation_table(validation: Sequence[Row], scores: Sequence[Row]) -> Table:
    """Return the same metric on the validation and the test part; the validation part chose the epoch."""
    rows: list[list[str]] = []
    seen: set[tuple[Any, ...]] = set()
    for val in validation:
        same = ("run", "metric", "region", "unit", "empty_policy")
        test = next((s for s in scores if all(s[k] == val[k] for k in same)), None)
        if test is None or val["metric"] not in ("dice", "iou"):
            continue
        both = val["mean"] is not None and test["mean"] is not None
        gap = number(test["mean"] - val["mean"], sign=True) if both else "–"
        numbers = (val["run"], val["metric"], val["region"], val["unit"], val["mean"], test["mean"])
        if numbers in seen:  # another empty-mask policy that changes nothing
            continue
        seen.add(numbers)
        where = f"{val['region']}, {UNIT_TEXT[Unit(val['unit'])]}, '{val['empty_policy']}'"
        cells = [val["run"], title(val["metric"]), where, _score_cell(val), str(val["n"]), _score_cell(test)]
        rows.append([*cells, str(test["n"]), gap])
    columns = ["run", "metric", "region", "validation", "n", "compared", "n", "difference"]
    return (
        "Each run's own validation cases (they chose the epoch: not a test score) and the cases compared",
        columns,
        rows,
    )


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table as text, columns aligned."""
    widths = [max(len(r[i]) for r in (columns, *rows)) for i in range(len(columns))]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in (columns, *rows)]
