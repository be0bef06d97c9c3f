"""What a hyper-parameter search found: how much each parameter mattered, and the trials in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import BLUE, GREY, ORANGE, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = {"val_dice": "validation Dice", "val_loss": "validation loss"}


def importance_figure(importance: Sequence[Mapping[str, Any]], trials: int) -> Figure:
    """Draw the importance of each parameter with its interval.

    Args:
        importance: Dicts ``key``, ``share``, ``low``, ``high``, highest share first.
        trials: Complete trials they were computed from.
    """
    figure = new_figure(6.4, 1.6 + 0.34 * len(importance))
    axes = figure.subplots()
    rows = list(reversed(importance))
    shares = [float(i["share"]) for i in rows]
    reach = [
        [max(0.0, s - float(i["low"])) for s, i in zip(shares, rows, strict=True)],
        [max(0.0, float(i["high"]) - s) for s, i in zip(shares, rows, strict=True)],
    ]
    axes.barh([str(i["key"]) for i in rows], shares, color=BLUE, height=0.6)
    axes.errorbar(shares, range(len(rows)), xerr=reach, fmt="none", ecolor=GREY, capsize=3, linewidth=1.2)
    axes.set_xlim(0, 1)
    style_axes(axes, xlabel="share of the variance over the search space (fANOVA)", grid="x")
    caption = f"{trials} complete trials. Bars: importance; lines: 95 % bootstrap interval over the trials."
    frame(figure, "Which parameters mattered", caption)
    return figure


def history_figure(trials: Sequence[Mapping[str, Any]], objective: str) -> Figure:
    """Draw the value of every trial and the best so far.

    Args:
        trials: Dicts ``trial`` (number), ``state``, ``value`` (None: not shown).
        objective: ``val_dice`` (higher is better) or ``val_loss`` (lower).
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(6.4, 3.8)
    axes = figure.subplots()
    for state, colour, mark in (("complete", BLUE, "o"), ("pruned", GREY, "x")):
        points = [(t["trial"], t["value"]) for t in trials if t["state"] == state and t["value"] is not None]
        if points:
            axes.plot(*zip(*points, strict=True), mark, color=colour, label=state, markersize=5)
    better = max if objective == "val_dice" else min
    best: list[tuple[int, float]] = []
    for trial in trials:
        if trial["state"] == "complete" and trial["value"] is not None:
            value = float(trial["value"])
            best.append((int(trial["trial"]), better(value, best[-1][1]) if best else value))
    if best:
        axes.step(*zip(*best, strict=True), where="post", color=ORANGE, linewidth=1.4, label="best so far")
    failed = [t["trial"] for t in trials if t["state"] == "failed"]
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style_axes(axes, xlabel="trial", ylabel=_NAMES[objective], grid="both")
    axes.legend(frameon=False, fontsize=8)
    caption = "Pruned trials are shown at their best epoch until they were ended."
    if failed:
        caption += f" Failed, without a value: trial {', '.join(map(str, failed))}."
    frame(figure, f"{len(trials)} trials in the order they began", caption)
    return figure


def _importance_example() -> dict[str, dict[str, object]]:
    shares = (
        ("optimizer.lr", 0.68, 0.42, 0.84),
        ("network.args.dropout", 0.2, 0.08, 0.33),
        ("training.batch_size", 0.12, 0.02, 0.3),
    )
    keys = ("key", "share", "low", "high")
    return {"": {"importance": [dict(zip(keys, row, strict=True)) for row in shares], "trials": 20}}


def _history_example() -> dict[str, dict[str, object]]:
    values = (0.41, 0.55, 0.32, 0.61, 0.58, None, 0.66, 0.24, 0.67, 0.69, 0.35, 0.68)
    states = {2: "pruned", 5: "failed", 7: "pruned", 10: "pruned"}
    trials = [{"trial": i + 1, "state": states.get(i, "complete"), "value": v} for i, v in enumerate(values)]
    return {"": {"trials": trials, "objective": "val_dice"}}


IMPORTANCE = FigureEntry(
    title="Importance of hyper-parameters",
    section="charts",
    draw=importance_figure,
    examples=_importance_example,
    caption="Made-up shares: one parameter matters, two hardly do.",
)

HISTORY = FigureEntry(
    title="History of a hyper-parameter search",
    section="charts",
    draw=history_figure,
    examples=_history_example,
    caption="Made-up values of twelve trials.",
)
