"""Every case's value under every model, with means and intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import GREY, INK, SERIES, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Up to this many cases a line links the values of one case.
LINKED = 60
Values = Mapping[str, npt.NDArray[np.float64]]


def case_values_figure(
    values: Mapping[str, Values],
    title: str,
    ylabel: str,
    intervals: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> Figure:
    """Draw one point per case and model, the mean and, where given, its 95 % interval; one panel per region.

    Args:
        values: Region → model → value per case (N,), the same cases in the same order; NaN is left out.
        title: Names the metric and its unit.
        ylabel: Name of the vertical axis.
        intervals: (Region, model) → low, high.
    """
    models = len(next(iter(values.values())))
    figure = new_figure(max(5.0, len(values) * (1.2 + 0.85 * models)), 4.4)
    panels = figure.subplots(1, len(values), sharey=True, squeeze=False)[0]
    for axes, (region, found) in zip(panels, values.items(), strict=True):
        _panel(axes, found, {m: (intervals or {}).get((region, m)) for m in found})
        style_axes(axes, ylabel=ylabel, title=region)
    cases = len(next(iter(next(iter(values.values())).values())))
    linked = ", lines link a case" if cases <= LINKED else ""
    bar = ", bar: its 95 % interval" if intervals else ""
    frame(figure, title, f"One point per case (n = {cases}){linked}; diamond: mean{bar}.")
    return figure


def _panel(axes: Axes, found: Values, intervals: Mapping[str, tuple[float, float] | None]) -> None:
    table = np.stack(list(found.values()))
    jitter = np.random.default_rng(0).uniform(-0.13, 0.13, table.shape[1])
    if table.shape[1] <= LINKED:
        axes.plot(np.arange(len(table))[:, None] + jitter, table, color=GREY, alpha=0.25, linewidth=0.7)
    for place, (name, row) in enumerate(found.items()):
        axes.scatter(place + jitter, row, s=10, alpha=0.55, color=SERIES[place % len(SERIES)], linewidths=0)
        kept = row[~np.isnan(row)]
        if not len(kept):
            continue
        between = intervals[name]
        if between is not None:
            axes.plot([place + 0.25] * 2, between, color=INK, linewidth=1.6)
        axes.plot([place + 0.25], [kept.mean()], marker="D", color=INK, markersize=5)
    axes.set_xticks(range(len(found)), [textwrap.fill(name, 14) for name in found])
    axes.set_xlim(-0.5, len(found) - 0.3)


def example_values() -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Return region → model → values of a seeded generator, for the examples."""
    rng = np.random.default_rng(4)
    found = {}
    for region, centre in (("WT", 9), ("TC", 6), ("ET", 4)):
        first = rng.beta(centre, 2, 24)
        found[region] = {"Model A": first, "Model B": np.clip(first + rng.normal(-0.01, 0.05, 24), 0, 1)}
    return found


ENTRY = FigureEntry(
    title="Every case under every model",
    section="charts",
    draw=case_values_figure,
    examples=lambda: {"": {"values": example_values(), "title": "Dice per patient", "ylabel": "Dice"}},
    caption="Two sets of values from a seeded generator, to show the chart; no model was compared.",
)
