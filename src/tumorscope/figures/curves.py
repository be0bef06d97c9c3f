"""Training and validation curves with the best epoch and over-fitting (S0-34, S1-14, S1-15, S2-42, S3-28, S4-49)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import InputError
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.save import write_figure
from tumorscope.figures.style import BLUE, GREY, INK, ORANGE, frame, new_figure, style_axes, whole_numbers
from tumorscope.training.log_columns import NAMES, Part, lower_is_better
from tumorscope.training.log_file import TrainingLog, read_training_log
from tumorscope.training.overfit import Overfit, judge_overfit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Quantity → name of its picture.
FILES = {"loss": "loss", "accuracy": "accuracy", "dice": "dice", "iou": "IoU"}
_COLOURS: dict[Part, str] = {"train": BLUE, "val": ORANGE}
_WORDS: Mapping[Part, str] = {"train": "training", "val": "validation"}


def curve_figure(log: TrainingLog, quantity: str, words: Mapping[Part, str] = _WORDS) -> Figure:
    """Draw training and validation of one quantity, mark the best epoch, and tell over-fitting in words.

    Args:
        log: The run.
        quantity: A key of ``log.curves``; one that was not logged gives empty axes.
        words: What the two curves are called.

    Returns:
        One panel; epochs count from 1, values that are no finite number are gaps. The shaded part begins where
        over-fitting or the widening gap was found.
    """
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    parts = log.curves.get(quantity, {})
    for part, points in parts.items():
        style = {"color": _COLOURS[part], "marker": "o", "markersize": 3.0, "linewidth": 1.4}
        axes.plot(*zip(*points, strict=True), label=words[part], **style)  # type: ignore[arg-type]
    caption = []
    best = log.best(quantity)
    if best is not None:
        _mark(axes, best, quantity)
        caption.append(f"Best validation value {best[1]:.4g} in epoch {best[0]} of {log.epochs} (circle).")
    if len(parts) == 2:
        verdict = judge_overfit(log, quantity)
        caption.append(verdict.sentence)
        _shade(axes, verdict, log.epochs)
    style_axes(axes, xlabel="epoch", ylabel=NAMES.get(quantity, quantity), grid="both")
    whole_numbers(axes)
    if parts:
        axes.legend(frameon=False, fontsize=9)
    name = NAMES.get(quantity, quantity)
    frame(figure, f"{name[0].upper()}{name[1:]} by epoch", "\n".join(caption))
    return figure


def overlap_figure(log: TrainingLog) -> Figure:
    """Draw validation Dice and mean IoU by epoch in one panel (S0-35: IoU blue, Dice orange).

    Args:
        log: A run that logged at least one of them.
    """
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    caption = []
    for quantity, colour in (("iou", BLUE), ("dice", ORANGE)):
        points, best = log.curves.get(quantity, {}).get("val"), log.best(quantity)
        if points and best:
            axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, label=NAMES[quantity])
            axes.plot(*best, marker="o", markersize=9, markerfacecolor="none", color=colour)
            caption.append(f"best {NAMES[quantity]} {best[1]:.4g} in epoch {best[0]}")
    style_axes(axes, xlabel="epoch", ylabel="validation Dice, IoU", grid="both")
    axes.set_ylim(0, 1)
    whole_numbers(axes)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9)
    frame(figure, "Validation overlap by epoch", f"Circles: {', '.join(caption)}." if caption else "Not logged.")
    return figure


def save_curves(path: Path, folder: Path, words: Mapping[Part, str] | None = None) -> list[Path]:
    """Write one picture per quantity of a log: ``loss.png``, ``accuracy.png``, ``dice.png``, ``IoU.png`` (S4-58).

    Quantities beyond these four are drawn under their own name.

    Args:
        path: The log, or a run's folder.
        folder: Where to write.
        words: What the curves are called; by default validation names the unit of the run's ``split.json``.

    Returns:
        The files, those of the four first.

    Raises:
        InputError: if the log cannot be read.
        OutputError: if a file cannot be written.
    """
    log = read_training_log(path)
    words = words or _run_words(log.path.parent)
    files = []
    for quantity in log.curves:
        name = FILES.get(quantity) or re.sub(r"[^A-Za-z0-9.-]+", "_", quantity).strip("_.") or "column"
        files.append(write_figure(curve_figure(log, quantity, words), folder / f"{name}.png"))
    return files


def _run_words(run: Path) -> Mapping[Part, str]:
    """Return what the curves of a run are called; the unit of its split, if it has one, is beside validation."""
    from tumorscope.datasets.splits import Split

    try:
        return {**_WORDS, "val": f"validation (split unit: {Split.load(run / 'split.json').unit_text})"}
    except InputError:
        return _WORDS


def _mark(axes: Axes, best: tuple[int, float], quantity: str) -> None:
    """Circle the best point; its words stand in the caption, where they cannot lie on a curve."""
    axes.axvline(best[0], color=ORANGE, linestyle=":", linewidth=1)
    axes.plot(*best, marker="o", markersize=9, markerfacecolor="none", markeredgewidth=1.5, color=ORANGE)
    below = lower_is_better(quantity)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.06 * (high - low) * below, high + 0.06 * (high - low) * (not below))


def _shade(axes: Axes, verdict: Overfit, last: int) -> None:
    if verdict.epoch is None:
        return
    right = axes.get_xlim()[1]
    axes.axvspan(verdict.epoch - 0.5, right, color=GREY, alpha=0.10, linewidth=0)
    axes.set_xlim(right=right)
    near_end = verdict.epoch > 0.7 * last
    axes.annotate(
        verdict.kind,
        (verdict.epoch - 0.5, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if near_end else 4, -3),
        textcoords="offset points",
        ha="right" if near_end else "left",
        va="top",
        fontsize=8,
        color=INK,
    )


def sample_log() -> TrainingLog:
    """Return the log of a small U-Net that over-fits two phantom patients (``benchmarks/sample_log.py``)."""
    return read_training_log(Path(__file__).parent / "samples" / "training.log")


def _examples() -> dict[str, dict[str, object]]:
    log = sample_log()
    return {FILES[q].lower(): {"log": log, "quantity": q} for q in log.curves}


_CAPTION = "A small U-Net over-fits two phantom patients; the log has the column names of Keras' `CSVLogger`."
ENTRY = FigureEntry(title="Training curves", section="charts", draw=curve_figure, examples=_examples, caption=_CAPTION)
OVERLAP = FigureEntry(
    title="Validation Dice and IoU in one panel",
    section="charts",
    draw=overlap_figure,
    examples=lambda: {"": {"log": sample_log()}},
    caption=_CAPTION,
)
