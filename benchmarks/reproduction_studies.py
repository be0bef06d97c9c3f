"""Our own comparisons among stored runs: architecture (S0-06), input size and depth (S0-07)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reproduction_runs import Stored, interval, part_of, split_unit

from tumorscope.metrics import METRICS
from tumorscope.metrics.paired import paired
from tumorscope.report.comparison import Comparison

#: A paired difference with a lower corrected p is said to be told apart from chance.
LEVEL = 0.05
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
    some = stored.runs[names[0]]
    policy = (dice(some) or {}).get("empty_policy", "no policy stored")
    return [
        f"{first} {means[0]:.3f}, {second} {means[1]:.3f} mean Dice of whole patients ({policy}, n = {len(both)}; two "
        f"folds, split unit {split_unit(some)}, each patient scored by a model that did not train on him; "
        f"{some['budget']}). Difference {result.difference:+.3f} (95 % interval {low:+.3f} to {high:+.3f}), {first} "
        f"better on {result.wins}, {second} on {result.losses}, Wilcoxon p = {result.p:.3g}."
    ]


def sweep_rows(stored: Stored) -> list[Sequence[str]]:
    """Return study, setting and patient Dice of each run of :data:`SWEEPS` that is stored."""
    rows = []
    for study, runs in SWEEPS.items():
        for setting, name in runs.items():
            score = None if stored.run(name) is None else dice(stored.runs[name])
            told = "not measured yet" if score is None else f"{interval(score)}, {score['empty_policy']}"
            rows.append([study, setting, told])
    return rows


def dice(run: Mapping[str, Any]) -> Any:
    """Return the patient Dice of the tumour, or None."""
    for s in run.get(part_of(run), {}).get("scores", ()):
        if (s["metric"], s["region"], s["unit"]) == ("dice", "tumor", "patient") and s["mean"] is not None:
            return s
    return None


def comparisons(
    stored: Stored, about: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, list[str], list[tuple[str, list[str], list[list[str]]]]]]:
    """Return every stored comparison: heading, paragraphs that say what is compared, tables.

    Args:
        stored: Stored results.
        about: ``comparisons`` of ``papers.yaml``: per name its title, what it asks, and the stored runs it is of.
    """
    found = []
    for name, content in stored.comparisons.items():
        compared, told = Comparison(**content), about.get(name, {})
        runs = [run for run in map(stored.run, told.get("runs", ())) if run is not None]
        paragraphs = [str(told["asks"])] if told else []
        paragraphs += [f"`{r['run']}`: {r['budget']}; {r['minutes']} minutes of training." for r in runs]
        paragraphs.append(told_apart(compared))
        tables = [*compared.tables(), ("How it was made", ["condition", "value"], _conditions(compared))]
        found.append((str(told.get("title", name)), paragraphs, tables))
    return found


def told_apart(compared: Comparison) -> str:
    """Say which paired differences chance does not explain, by the corrected p."""
    said = []
    for pair in compared.pairs:
        p = pair["p"] if pair["p_holm"] is None else pair["p_holm"]
        if p is not None and p < LEVEL:
            metric = METRICS[pair["metric"]]
            better = pair["first"] if (pair["difference"] > 0) == metric.higher_is_better else pair["second"]
            said.append(f"{better} in {metric.title} of {pair['region']} ({abs(pair['difference']):.3g}, p = {p:.3f})")
    rest = f"the other {len(compared.pairs) - len(said)} of {len(compared.pairs)} paired differences may be chance"
    return f"Better, at p < {LEVEL} corrected within each metric: {'; '.join(said) or 'none'}; {rest}."


def _conditions(compared: Comparison) -> list[list[str]]:
    rows = [[str(k).replace("_", " "), str(v)] for k, v in compared.conditions.items() if v not in (None, "", [])]
    return rows + [["note", text] for text in (*compared.notes, *compared.footnotes)]


def names() -> set[str]:
    """Return the runs this module shows."""
    return {n for runs in FOLDS.values() for n in runs} | {n for runs in SWEEPS.values() for n in runs.values()}
