"""What every chart of scores says of its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tumorscope.core.errors import InputError
from tumorscope.figures.style import SERIES
from tumorscope.metrics.registry import METRICS
from tumorscope.metrics.score import Score, Unit

_UNITS = {
    Unit.PATIENT: "patients",
    Unit.SLICE: "slices",
    Unit.IMAGE: "pictures",
    Unit.POOLED: "patients, voxels pooled",
}


def metric_title(name: str) -> str:
    """Return the metric's name for people: "Dice"."""
    return METRICS[name].title if name in METRICS else name


def region_colours(regions: Iterable[str]) -> dict[str, str]:
    """Return region → colour, in the order in which they appear."""
    names = list(dict.fromkeys(regions))
    return {name: SERIES[index % len(SERIES)] for index, name in enumerate(names)}


def conditions(scores: Sequence[Score]) -> str:
    """Return n, unit and empty-mask policy of scores that share unit and policy, as a sentence.

    Raises:
        InputError: if there is no score, or units or policies are mixed: they cannot stand in one chart.
    """
    mixed = {(s.unit, s.empty_policy) for s in scores}
    if len(mixed) != 1:
        found = ", ".join(sorted(f"{unit}/{policy}" for unit, policy in mixed)) or "none"
        raise InputError(
            expected="scores of one unit and one empty-mask policy", found=found, fix="Draw one chart for each"
        )
    ((unit, policy),) = mixed
    counts = sorted({s.n for s in scores})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    left_out = max(s.n_excluded for s in scores)
    excluded = f", up to {left_out} left out" if left_out else ""
    return f"n = {n} {_UNITS[unit]}{excluded}; empty masks: {policy.text}"
