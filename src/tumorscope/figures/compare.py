"""Wins and losses of one model against another, case by case."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import BLUE, INK, ORANGE, PALE, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = (("wins", BLUE, "first better"), ("ties", PALE, "equal"), ("losses", ORANGE, "second better"))


def win_loss_figure(pairs: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Draw, for every two models and region, on how many cases each is better, and the mean difference beside it.

    Args:
        pairs: Paired differences of one metric: ``first``, ``second``, ``region``, ``wins``, ``losses``, ``ties``,
            ``n``, ``difference``, ``ci95``, ``p``, ``p_holm``.
        title: Names the metric and its unit, e.g. "Dice per patient".
    """
    figure = new_figure(9.6, 1.5 + 0.62 * len(pairs))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
    places = range(len(pairs), 0, -1)
    for place, pair in zip(places, pairs, strict=True):
        _bar(left, place, pair)
        low, high = pair["ci95"]
        if pair["difference"] is not None:
            right.plot([low, high], [place, place], color=INK, linewidth=1.6, solid_capstyle="butt")
            right.plot([pair["difference"]], [place], marker="o", color=INK, markersize=5)
    right.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    right.margins(x=0.12)
    left.set_yticks(list(places), [_label(pair) for pair in pairs])
    left.set_ylim(0.4, len(pairs) + 0.6)
    left.set_xlim(0, 100)
    right.yaxis.set_visible(False)
    style_axes(left, xlabel="cases (%)", ylabel="first – second", title="On how many cases which is better", grid="")
    style_axes(right, xlabel="first – second, mean and 95 % interval", title="Mean difference", grid="x")
    handles = [left.barh([0], [0], color=colour, label=name) for _, colour, name in _PARTS]
    figure.legend(handles=handles, loc="outside upper right", ncols=3, frameon=False, fontsize=8)
    frame(figure, title)
    return figure


def _label(pair: Mapping[str, Any]) -> str:
    shown = pair["p"] if pair["p_holm"] is None else pair["p_holm"]
    p = "" if shown is None else ", p < 0.001" if shown < 0.001 else f", p = {shown:.3f}"
    if (pair.get("p_least") or 0) >= 0.05:
        p += f" (cannot be below {pair['p_least']:.3f})"
    names = textwrap.shorten(f"{pair['first']} – {pair['second']}", 60, placeholder="…")
    return f"{names}\n{pair['region']}, n = {pair['n']}{p}"


def _bar(axes: Axes, place: int, pair: Mapping[str, Any]) -> None:
    start, total = 0.0, max(pair["n"], 1)
    for key, colour, _ in _PARTS:
        width = 100 * pair[key] / total
        axes.barh([place], [width], left=[start], height=0.55, color=colour)
        if width > 6:
            ink = INK if key == "ties" else "white"
            axes.text(start + width / 2, place, str(pair[key]), ha="center", va="center", fontsize=8, color=ink)
        start += width


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.compare_cases import example_values
    from tumorscope.metrics.paired import paired

    pairs = []
    for region, values in example_values().items():
        a, b = (values[name] for name in ("Model A", "Model B"))
        result = paired(a, b, groups=[str(i) for i in range(len(a))], n_boot=200)
        pairs.append({"first": "Model A", "second": "Model B", "region": region, **result.to_json()})
    return {"": {"pairs": pairs, "title": "Dice per patient"}}


ENTRY = FigureEntry(
    title="Wins and losses",
    section="charts",
    draw=win_loss_figure,
    examples=_examples,
    caption="Two sets of values from a seeded generator, to show the chart; no model was compared.",
)
