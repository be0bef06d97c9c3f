"""All metrics of one model on one page: mean, interval and spread beside the numbers (S2-51, S4-50, S4-61)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.sample_numbers import sample_numbers, score_from_json
from tumorscope.figures.score_words import conditions, metric_title, region_colours
from tumorscope.figures.style import GREY, INK, frame, new_figure, style_axes
from tumorscope.metrics.score import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.27


def metric_panel(scores: Sequence[Score], title: str = "Scores") -> Figure:
    """Draw mean ± SD and the 95 % interval of every metric and region, with the numbers beside.

    Args:
        scores: Of one unit and one empty-mask policy; those without a mean are left out.
        title: Line above.

    Returns:
        One panel from 0 to 1, and one per unit of distance (mm, px).

    Raises:
        InputError: if there is none, or units or policies are mixed.
    """
    words = conditions(scores)
    shown = [s for s in scores if s.mean is not None]
    colours = region_colours(s.region for s in shown)
    groups = [g for unit in ("", "mm", "px") if (g := [s for s in shown if s.length_unit == unit])]
    heights = [len(g) + len({s.metric for s in g}) + 0.6 for g in groups]
    figure = new_figure(7.2, _ROW * sum(heights) + 1.5)
    panels = figure.subplots(len(groups), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, group in zip(panels, groups, strict=True):
        _draw(axes, group, colours)
        unit = group[0].length_unit
        style_axes(axes, xlabel=f"distance ({unit})" if unit else "score (0 worst, 1 best)", grid="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        if not unit:
            axes.set_xlim(0, 1.02)
    caption = f"{words}.\nDot: mean. Thick bar: 95 % bootstrap interval of the mean. Thin bar: mean ± SD over cases."
    if any(s.metric in ("accuracy", "specificity") for s in shown):
        caption += " Accuracy and specificity count background, which fills most of a scan."
    frame(figure, title, caption)
    return figure


def _draw(axes: Axes, scores: list[Score], colours: dict[str, str]) -> None:
    """Draw one row per metric and region, metrics as headings."""
    ticks: dict[float, str] = {}
    y = 0.0
    for metric in dict.fromkeys(s.metric for s in scores):
        ticks[y] = metric_title(metric)
        y += 1
        for score in (s for s in scores if s.metric == metric):
            _row(axes, score, y, colours[score.region])
            ticks[y] = score.region
            y += 1
    axes.set_ylim(y - 0.4, -0.8)
    axes.set_yticks(list(ticks), list(ticks.values()))
    headings = {metric_title(s.metric) for s in scores}
    for text in axes.get_yticklabels():
        if text.get_text() in headings:
            text.set_fontweight("bold")


def _row(axes: Axes, score: Score, y: float, colour: str) -> None:
    mean, (low, high), top = score.mean, score.ci95, 1.0 if not score.length_unit else float("inf")
    assert mean is not None
    if score.sd is not None:
        axes.plot([max(mean - score.sd, 0), min(mean + score.sd, top)], [y, y], color=colour, linewidth=1)
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=colour, linewidth=4, alpha=0.45, solid_capstyle="butt")
    axes.plot(mean, y, marker="o", markersize=5, color=colour)
    digits = ".1f" if score.length_unit else ".3f"
    spread = "" if score.sd is None else f" ± {score.sd:{digits}}"
    interval = "" if low is None else f"  [{low:{digits}}, {high:{digits}}]"
    axes.annotate(
        f"{mean:{digits}}{spread}{interval}",
        (1.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=INK if score.sd is not None else GREY,
    )


def _examples() -> dict[str, dict[str, object]]:
    numbers = sample_numbers()
    bundles = {"regions": ("brats-2d", "brats_scores"), "binary": ("lgg-flair", "lgg_test_scores")}
    return {
        key: {
            "scores": [score_from_json(row) for row in numbers[rows]],
            "title": f"Test scores of the shipped bundle {name}",
        }
        for key, (name, rows) in bundles.items()
    }


ENTRY = FigureEntry(
    title="Metric panel of a model",
    section="charts",
    draw=metric_panel,
    examples=_examples,
    caption="The shipped bundles on their fixed test patients (`benchmarks/results`).",
)
