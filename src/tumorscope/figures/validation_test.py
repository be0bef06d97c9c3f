"""Validation beside test, with intervals (S0-38)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.sample_numbers import sample_numbers, score_from_json
from tumorscope.figures.score_words import conditions, metric_title
from tumorscope.figures.style import INK, PART_COLOURS, frame, new_figure, style_axes
from tumorscope.metrics.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = {"train": "training", "val": "validation", "test": "test"}


def validation_test_figure(
    parts: Mapping[str, Sequence[Score]],
    metrics: Sequence[str] = ("dice", "iou"),
    title: str = "Validation and test",
) -> Figure:
    """Draw the mean of each metric in each part of a split as bars with 95 % intervals.

    Args:
        parts: ``val``, ``test`` (or any names) → scores; all of one unit and empty-mask policy.
        metrics: Which of them; several regions give several groups of bars.
        title: Line above.

    Raises:
        InputError: if no score is left, or units or policies are mixed.
    """
    chosen = {p: [s for s in scores if s.metric in metrics and s.mean is not None] for p, scores in parts.items()}
    every = [s for scores in chosen.values() for s in scores]
    conditions(every)
    regions = list(dict.fromkeys(s.region for s in every))
    groups = [(m, r) for m in metrics for r in regions if any((s.metric, s.region) == (m, r) for s in every)]
    figure = new_figure(max(4.6, 1.4 + 1.5 * len(groups)), 4.2)
    axes = figure.subplots()
    width = 0.8 / len(chosen)
    for index, (part, scores) in enumerate(chosen.items()):
        colour = PART_COLOURS.get(part, INK)
        for position, (metric, region) in enumerate(groups):
            for score in (s for s in scores if (s.metric, s.region) == (metric, region)):
                x = position + (index - (len(chosen) - 1) / 2) * width
                axes.bar(x, score.mean or 0.0, width * 0.92, color=colour)
                top = _interval(axes, x, score)
                axes.annotate(
                    f"{score.mean:.3f}", (x, top), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
                )
    several = len(regions) > 1
    axes.set_xticks(range(len(groups)), [f"{metric_title(m)}\n{r}" if several else metric_title(m) for m, r in groups])
    style_axes(axes, ylabel="mean over cases")
    highest = max([1.0, *(s.ci95[1] or 0.0 for s in every)])
    axes.set_ylim(0, highest * 1.08)
    handles = [_patch(PART_COLOURS.get(p, INK), _WORDS.get(p, p)) for p in chosen]
    axes.legend(handles=handles, frameon=False, fontsize=9, ncols=len(handles), loc="lower left", bbox_to_anchor=(0, 1))
    told = [f"{_WORDS.get(p, p)}: {conditions(s).split('; empty')[0]}" for p, s in chosen.items() if s]
    policy = every[0].empty_policy.text
    whiskers = "Whiskers: 95 % bootstrap interval of the mean, patients or blocks resampled."
    caption = f"{'; '.join(told)}. Empty masks: {policy}.\n{whiskers}"
    frame(figure, title, caption)
    return figure


def _interval(axes: object, x: float, score: Score) -> float:
    """Draw the whisker and return where it ends."""
    low, high = score.ci95
    if low is None or high is None:
        return score.mean or 0.0
    axes.plot([x, x], [low, high], color=INK, linewidth=1.2)  # type: ignore[attr-defined]
    return high


def _patch(colour: str, label: str) -> object:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)


def _examples() -> dict[str, dict[str, object]]:
    rows = sample_numbers()["lgg_scores"]
    examples: dict[str, dict[str, object]] = {}
    for unit, policy in (("patient", "both-empty-one"), ("slice", "both-empty-one"), ("slice", "positives-only")):
        parts = {
            part: [score_from_json(r) for r in rows[part] if (r["unit"], r["empty_policy"]) == (unit, policy)]
            for part in ("val", "test")
        }
        kind = "slices with tumour only" if policy == "positives-only" else "all, both empty = 1"
        title = f"Validation and test by {unit}{'' if unit == 'patient' else f': {kind}'}"
        examples[f"{unit}-{policy}"] = {"parts": parts, "title": title}
    return examples


ENTRY = FigureEntry(
    title="Validation and test scores",
    section="charts",
    draw=validation_test_figure,
    examples=_examples,
    caption=(
        "One run of recipe `lgg-flair` on its validation and test patients. The same predictions score higher by slice "
        "than by patient where empty slices count as 1, and lower where only slices with tumour count."
    ),
)
