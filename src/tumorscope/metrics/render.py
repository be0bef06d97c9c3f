"""Scores as a text table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tumorscope.core.errors import InputError
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.registry import COMPANIONS, METRICS, counts_background
from tumorscope.metrics.score import Score, Unit

#: Unit → words for tables.
UNIT_TEXT = {
    Unit.PATIENT: "per patient volume",
    Unit.SLICE: "per slice",
    Unit.IMAGE: "per image",
    Unit.POOLED: "pooled over all voxels",
}
_HEADER = ("metric", "mean", "SD", "median", "95 % interval", "n", "all empty")


def render_scores(scores: Sequence[Score]) -> str:
    """Return scores as a table, one block per region, unit and empty-mask policy (equal ones share a block).

    Accuracy stands beside the class-wise scores of the same block, with a line that says what a prediction without a
    single voxel scores on this data.

    Raises:
        InputError: if a block has an accuracy and none of Dice, sensitivity or specificity.
    """
    rows = [tuple(_cells(s)) for s in scores]
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    lines: list[str] = []
    for region, unit, policies, block in _blocks(scores, rows):
        rules = "; ".join(f"'{policy}': {policy.text}" for policy in policies)
        lines += ["", f"{region}, {UNIT_TEXT[unit]}; empty masks {rules}", _line(_HEADER, widths)]
        lines += [_line(row, widths) for _, row in block]
        lines += _accuracy_warning([s for s, _ in block])
    _check_companions(scores)
    return "\n".join([*lines[1:], "", *_footnotes(scores)]) if scores else "No scores."


def _blocks(
    scores: Sequence[Score], rows: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, Unit, list[EmptyPolicy], list[tuple[Score, tuple[str, ...]]]]]:
    """Yield region, unit, policies and lines of each block; policies that change no number share one."""
    shown: dict[tuple[object, ...], tuple[list[EmptyPolicy], list[tuple[Score, tuple[str, ...]]]]] = {}
    for (region, unit, policy), block in groupby(
        zip(scores, rows, strict=True), key=lambda item: (item[0].region, item[0].unit, item[0].empty_policy)
    ):
        pairs = list(block)
        policies, _ = shown.setdefault((region, unit, *(row for _, row in pairs)), ([], pairs))
        policies.append(policy)
    for policies, pairs in shown.values():
        yield pairs[0][0].region, pairs[0][0].unit, policies, pairs


def _cells(score: Score) -> list[str]:
    digits = 2 if score.length_unit else 3
    metric = METRICS.get(score.metric)
    title = metric.title if metric else score.metric
    details = ", ".join(part for part in (score.length_unit, score.reduction.partition(":")[0], score.note) if part)
    low, high = score.ci95
    interval = "-" if low is None or high is None or score.n_groups < 2 else f"{low:.{digits}f} to {high:.{digits}f}"
    n = f"{score.n} ({score.n_excluded} left out)" if score.n_excluded else str(score.n)
    numbers = [_number(v, digits) for v in (score.mean, score.sd, score.median)]
    return [f"{title} ({details})" if details else title, *numbers, interval, n, _number(score.all_empty, digits)]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
    return "  " + "  ".join([first, *rest]).rstrip()


def _accuracy_warning(block: Sequence[Score]) -> list[str]:
    misleading = [s for s in block if s.metric in METRICS and counts_background(METRICS[s.metric])]
    if not misleading:
        return []
    told = [s for s in misleading if s.all_empty is not None]
    if not told:
        return ["  Scores with background mislead: it fills most of a scan; read the class-wise scores."]
    if told[0].metric == "accuracy":
        return [
            f"  Accuracy misleads: background counts as right, so the accuracy of an all-empty prediction here is "
            f"{told[0].all_empty:.3f}."
        ]
    return [
        "  Scores with background mislead: an all-empty prediction has those of the last column here. "
        "Read the class-wise scores."
    ]


def _check_companions(scores: Sequence[Score]) -> None:
    """Make sure that class-wise scores stand beside those that count the background (S2-40).

    Raises:
        InputError: if there are none.
    """
    for unit in {s.unit for s in scores}:
        beside = [s for s in scores if s.unit is unit]
        lonely = [s for s in beside if s.metric in METRICS and counts_background(METRICS[s.metric])]
        for score in lonely:
            of_region = METRICS[score.metric].of_region
            if not any(s.metric in COMPANIONS for s in beside if not of_region or s.region == score.region):
                raise InputError(
                    expected=f"class-wise scores (Dice, sensitivity or specificity) beside {score.metric}",
                    found=f"{score.metric} alone for {score.region}",
                    fix="Add 'dice' to the metrics",
                )


#: Below so many resampled patients an interval is hardly more than the range of their values.
_FEW = 6


def _footnotes(scores: Sequence[Score]) -> list[str]:
    boot = sorted({s.n_boot for s in scores})
    groups = sorted({s.n_groups for s in scores})
    span = f"{groups[0]}" if len(groups) == 1 else f"{groups[0]} to {groups[-1]}"
    return [
        f"95 % interval: percentile bootstrap of the mean, {span} patients (or blocks) resampled {boot[-1]} times"
        f"{', too few for more than a range' if groups[0] < _FEW else ''}. "
        "all empty: the score of predicting nothing."
    ]
