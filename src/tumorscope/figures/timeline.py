"""Volumes of one patient over time with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colour-blind-safe (Okabe-Ito) colours and markers of regions; others take the rest in turn.
_STYLES = {"WT": ("#0072b2", "o"), "TC": ("#d55e00", "s"), "ET": ("#009e73", "^"), "tumor": ("#0072b2", "o")}


def timeline_figure(found: Mapping[str, Any]) -> Figure:
    """Draw the volume of each region at each time point; bars are 90 % intervals, dashes join points without any.

    Args:
        found: From :func:`~tumorscope.workflows.timeline.timeline`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = [n for n in found["regions"] if n in _STYLES] or list(found["regions"])[:3]
    days = [p["day"] for p in found["points"]]
    width = (max(days) - min(days)) or 1.0
    for number, name in enumerate(shown):
        rows = found["regions"][name]
        colour, marker = _STYLES.get(name, (f"C{number}", "o"))
        place = [d + 0.006 * width * (number - 1) for d in days]
        ml = [r["ml"] for r in rows]
        axes.plot(place, ml, color=colour, marker=marker, linewidth=1.4, label=name)
        for x, row in zip(place, rows, strict=True):
            if row["interval_ml"]:
                axes.plot([x, x], row["interval_ml"], color=colour, linewidth=4, alpha=0.35, solid_capstyle="butt")
    axes.set_xticks(days, [p["label"] for p in found["points"]])
    axes.set(xlabel="date" if found["dated"] else "time point", ylabel="volume, ml", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, ncols=len(shown))
    axes.set_title("Bars: 90 % interval. Research use only.", fontsize=9, loc="right")
    return figure
