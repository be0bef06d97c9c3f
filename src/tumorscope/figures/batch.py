"""A training batch as the network sees it, after augmentation (S4-76)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading, put
from tumorscope.figures.colours import Palette, long_name, target_colour
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.study import PREFERRED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: At most so many samples are shown.
SHOWN = 8


@dataclass(frozen=True, eq=False)
class Batch:
    """Slices and targets of one training step.

    Attributes:
        images: float32 (B, C, H, W), channels offset-major as ``transforms.with_context`` gives them; background 0.
        targets: 0/1 (B, K, H, W).
        sequences: Channels of one slice.
        names: What the last ``len(names)`` targets are; one more channel in front is background.
        scheme: Gives the colours.
        case_ids: Case of each sample.
        augmentations: What ran, with its settings.
    """

    images: Array
    targets: Array
    sequences: tuple[Sequence, ...]
    names: tuple[str, ...]
    scheme: LabelScheme
    case_ids: tuple[str, ...]
    augmentations: Mapping[str, float]


def batch_figure(batch: Batch, *, palette: Palette = "papers") -> Figure:
    """Draw one column per sample: each sequence of its own slice, and below them the targets on one of them.

    Neighbouring slices that the network also sees are not drawn. Augmentation mirrors and turns, so no sides are named.

    Args:
        batch: From :func:`~tumorscope.figures.sample_batch.training_batch`.
        palette: Colours of the targets.
    """
    count, channels, height, width = batch.images.shape
    count = min(count, SHOWN)
    rows = len(batch.sequences)
    first = channels // rows // 2 * rows
    legend = [(target_colour(batch.scheme, n, palette), long_name(n)) for n in batch.names]
    active = ", ".join(f"{name} {value:g}" for name, value in batch.augmentations.items()) or "none"
    title = f"Training batch, {count} of {len(batch.images)} slices of {height}×{width} pixels as the network sees them"
    figure, grid = canvas(
        rows + 1,
        [(width, height)] * count,
        title=title,
        legend=legend,
        note=f"Augmentation: {active}.",
        row_inches=1.75,
    )
    windows = [_window(batch.images[:, first + c]) for c in range(rows)]
    for sample in range(count):
        for row in range(rows + 1):
            axes = figure.add_subplot(grid[row, sample])
            channel = row if row < rows else _ground(batch, sample, first)
            low, high = windows[channel]
            pixels = np.where(batch.images[sample, first + channel] == 0, low, batch.images[sample, first + channel])
            axes.imshow(pixels, cmap="gray", vmin=low, vmax=high, interpolation="bilinear")
            axes.set(xticks=[], yticks=[])
            if row == rows:
                _targets(axes, batch, sample, palette)
            text = f"{batch.sequences[channel]}" if row < rows else "targets"
            heading(axes, text if sample == 0 else "", fontsize=9)
            if row < rows and not batch.images[sample, first + channel].any():
                put(axes, 0.5, 0.5, "absent or dropped", fontsize=7)
            if row == 0:
                put(axes, 0.02, 0.015, batch.case_ids[sample][-22:], fontsize=6)
    return figure


def _ground(batch: Batch, sample: int, first: int) -> int:
    """Return which sequence the targets are drawn on: the best for glioma that is not blank."""
    filled = [s for s in PREFERRED if s in batch.sequences and batch.images[sample, first + _at(batch, s)].any()]
    return _at(batch, filled[0]) if filled else 0


def _at(batch: Batch, sequence: Sequence) -> int:
    return batch.sequences.index(sequence)


def _window(images: Array) -> tuple[float, float]:
    inside = images[images != 0]
    low, high = np.percentile(inside, (0.5, 99.5)) if inside.size else (0.0, 1.0)
    return float(low), max(float(high), float(low) + 1e-6)


def _targets(axes: Axes, batch: Batch, sample: int, palette: Palette) -> None:
    """Draw the targets, larger ones first, so that nested regions all show."""
    maps = np.asarray(batch.targets[sample][-len(batch.names) :]) > 0.5
    for name, mask in sorted(zip(batch.names, maps, strict=True), key=lambda pair: -int(pair[1].sum())):
        colour = np.zeros((*mask.shape, 4), dtype=np.float32)
        colour[mask] = (*target_colour(batch.scheme, name, palette), 1.0)
        axes.imshow(colour, interpolation="nearest")


def _examples() -> dict[str, dict[str, object]]:
    import tempfile
    from pathlib import Path

    from tumorscope.figures.sample import sample_case
    from tumorscope.figures.sample_batch import training_batch
    from tumorscope.recipes.recipe import load_recipe

    smaller = {"preprocess.spacing_mm": "2", "preprocess.size": "[96, 96]", "training.batch_size": "6"}
    with tempfile.TemporaryDirectory() as folder:
        return {"": {"batch": training_batch([sample_case()], load_recipe("brats-2d", smaller), Path(folder))}}


ENTRY = FigureEntry(
    title="Training batch",
    section="pictures",
    draw=batch_figure,
    examples=_examples,
    caption="Slices of the phantom with the sampler and the augmentation of recipe `brats-2d`, at 2 mm.",
)
