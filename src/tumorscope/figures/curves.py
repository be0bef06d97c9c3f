"""Loss, Dice and IoU by epoch, from a run's CSV log (S0-34, S0-35, S2-42)."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.figure import Figure

from tumorscope.core.files import atomic_path
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import new_figure


def curve_figure(rows: list[dict[str, float]], quantity: str) -> Figure:
    """Draw the training and validation curves of one quantity, the best validation epoch marked.

    Args:
        rows: One dict per epoch, as in ``log.csv``.
        quantity: ``loss``, ``dice`` or ``iou``.
    """
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    better = min if quantity == "loss" else max
    for part, colour in (("train", "#0072B2"), ("val", "#D55E00")):
        points = [(r["epoch"] + 1, r[f"{part}_{quantity}"]) for r in rows if f"{part}_{quantity}" in r]
        if not points:
            continue
        label = {"train": "training (augmented slices, pooled)", "val": "validation (mean over patients)"}[part]
        if quantity == "loss":
            label = {"train": "training", "val": "validation"}[part]
        axes.plot(*zip(*points, strict=True), color=colour, marker=".", label=label)
        if part == "val":
            epoch, value = better(points, key=lambda p: p[1])
            axes.axvline(epoch, color=colour, linestyle=":", linewidth=1)
            axes.annotate(
                f"best {value:.4f}, epoch {epoch:.0f}", (epoch, value), textcoords="offset points", xytext=(6, 6)
            )
    axes.set(xlabel="epoch", ylabel={"loss": "loss", "dice": "Dice", "iou": "IoU"}[quantity])
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(frameon=False)
    return figure


def save_curves(log: Path, folder: Path) -> list[Path]:
    """Write ``loss.png``, ``dice.png`` and ``iou.png`` for a run's log; returns their paths."""
    with log.open(newline="", encoding="utf-8") as handle:
        rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(handle)]
    paths = []
    for quantity in ("loss", "dice", "iou"):
        path = folder / f"{quantity}.png"
        with atomic_path(path) as scratch:
            curve_figure(rows, quantity).savefig(scratch, format="png")
        paths.append(path)
    return paths


def _examples() -> dict[str, dict[str, object]]:
    rows = [{"epoch": e, "train_loss": 1 / (e + 1), "val_loss": 1 / (e + 1) + 0.1} for e in range(8)]
    return {"loss": {"rows": rows, "quantity": "loss"}}


ENTRY = FigureEntry(
    title="Training curves", section="charts", draw=curve_figure, examples=_examples, caption="Provisional numbers."
)
