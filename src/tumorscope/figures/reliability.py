"""Whether a classifier is right as often as it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tumorscope.core.errors import InputError
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import GREY, SERIES, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bins = Sequence[Mapping[str, float]]


def reliability_figure(
    series: Mapping[str, Bins], *, ece: Mapping[str, float] | None = None, title: str = "Reliability"
) -> Figure:
    """Draw accuracy against confidence, and how many pictures have each confidence.

    Args:
        series: Name → bins with ``confidence``, ``accuracy`` and ``n``
            (:func:`tumorscope.metrics.type_scores.reliability`).
        ece: Name → expected calibration error, for the legend.
        title: Line above.

    Raises:
        InputError: if there is nothing to draw.
    """
    if not series or not all(series.values()):
        raise InputError(expected="bins of at least one classifier", found="none", fix="Score it first")
    figure = new_figure(5.2, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="right as often as it says")
    width = 0.9 / 15 / len(series)
    for index, (name, bins) in enumerate(series.items()):
        x = [b["confidence"] for b in bins]
        told = f"{name}, ECE {ece[name]:.3f}" if ece and name in ece else name
        above.plot(x, [b["accuracy"] for b in bins], "o-", color=SERIES[index % 6], label=told, markersize=4)
        shift = (index - (len(series) - 1) / 2) * width
        below.bar([v + shift for v in x], [b["n"] for b in bins], width, color=SERIES[index % 6])
    above.set_xlim(0, 1)
    above.set_ylim(0, 1.02)
    above.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    style_axes(above, xlabel="probability of the answer", ylabel="share that is right", grid="both")
    style_axes(below, xlabel="probability of the answer", ylabel="pictures")
    below.set_yscale("log")
    total = {name: int(sum(b["n"] for b in bins)) for name, bins in series.items()}
    counted = ", ".join(f"{name} {n}" for name, n in total.items())
    frame(figure, title, f"15 equal bins of the probability of the answer; empty ones are left out. n: {counted}.")
    return figure


def _examples() -> dict[str, dict[str, object]]:
    import numpy as np

    from tumorscope.metrics.type_scores import TypeAnswers, reliability

    rng = np.random.default_rng(0)
    sure = rng.beta(6, 1.2, 1500) * 0.66 + 0.34
    truth = np.where(rng.random(1500) < sure, 0, 1 + rng.integers(0, 2, 1500))
    rows = {"calibrated": sure, "too sure": 1 - (1 - sure) * 0.25}
    series = {}
    for name, p in rows.items():
        rest = (1 - p) / 2
        answers = TypeAnswers(["a", "b", "c"], truth, np.stack([p, rest, rest], axis=1), ["x"] * len(p))
        series[name] = reliability(answers)
    return {"": {"series": series}}


ENTRY = FigureEntry(
    title="Reliability diagram",
    section="charts",
    draw=reliability_figure,
    examples=_examples,
    caption="Drawn at random: the same answers with honest probabilities and with probabilities that are too high.",
)
