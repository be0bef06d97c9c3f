"""How a metric is distributed over the cases (S4-61, S4-66)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.sample_numbers import sample_numbers
from tumorscope.figures.score_words import metric_title, region_colours
from tumorscope.figures.style import INK, frame, new_figure, style_axes
from tumorscope.metrics.registry import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def distribution_figure(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    unit: str = "patients",
    length_unit: str = "mm",
    title: str = "Distribution over cases",
) -> Figure:
    """Draw every case as a dot, with box and mean, one panel per metric.

    Args:
        values: Region → metric → one value per case; NaN (left out by the empty-mask policy) is not drawn.
        unit: What one value belongs to.
        length_unit: Of distances.
        title: Line above.

    Raises:
        InputError: if there is no value.
    """
    kept = {
        region: {m: np.asarray(v, float)[~np.isnan(np.asarray(v, float))] for m, v in metrics.items()}
        for region, metrics in values.items()
    }
    names = list(dict.fromkeys(m for metrics in kept.values() for m in metrics))
    if not any(len(v) for metrics in kept.values() for v in metrics.values()):
        raise InputError(expected="values of at least one case", found="none", fix="Evaluate some cases first")
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = new_figure(2.6 * columns + 0.2, 2.5 * rows + 0.9)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, metric in zip(panels, names, strict=False):
        _panel(axes, {r: m[metric] for r, m in kept.items() if len(m.get(metric, ()))})
        is_length = metric in METRICS and METRICS[metric].is_length
        style_axes(axes, ylabel=f"{metric_title(metric)} ({length_unit})" if is_length else metric_title(metric))
        axes.set_ylim(bottom=0)
        if not is_length and axes.get_ylim()[1] > 0.98:
            axes.set_ylim(0, 1.03)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    counts = sorted({len(v) for metrics in kept.values() for v in metrics.values()})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    parts = "Box: quartiles and median; whiskers: to 1.5 interquartile ranges; diamond: mean; dots: cases."
    frame(figure, title, f"n = {n} {unit}. {parts}")
    return figure


def _panel(axes: Axes, groups: Mapping[str, np.ndarray]) -> None:
    colours = region_colours(groups)
    axes.boxplot(
        list(groups.values()),
        widths=0.5,
        showfliers=False,
        medianprops={"color": INK},
        boxprops={"color": INK, "linewidth": 0.8},
        whiskerprops={"color": INK, "linewidth": 0.8},
        capprops={"color": INK, "linewidth": 0.8},
    )
    for index, (region, values) in enumerate(groups.items(), 1):
        order = np.argsort(np.argsort(values))
        aside = 0.16 * np.sin(2.4 * order)  # spread without chance, so that equal numbers give equal pictures
        axes.plot(index + aside, values, linestyle="", marker="o", markersize=3.5, color=colours[region], alpha=0.75)
        axes.plot(index, values.mean(), marker="D", markersize=5, color=INK, markerfacecolor="white")
    axes.set_xticks(range(1, len(groups) + 1), list(groups))


def _examples() -> dict[str, dict[str, object]]:
    metrics = ("dice", "iou", "precision", "sensitivity", "specificity", "hd95")
    brats = {r: {m: v[m] for m in metrics} for r, v in sample_numbers()["brats_values"].items()}
    return {"": {"values": brats, "title": "Test patients of brats-2d"}}


ENTRY = FigureEntry(
    title="Distribution of metrics over cases",
    section="charts",
    draw=distribution_figure,
    examples=_examples,
    caption="The 12 test patients of the shipped bundle `brats-2d`.",
)
