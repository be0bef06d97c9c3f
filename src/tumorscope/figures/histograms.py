"""How bright each class is in each sequence (S4-64)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.figures.colours import class_colours, long_name
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.study import Study
from tumorscope.figures.style import GREY, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Below this many voxels a histogram is noise.
LEAST_VOXELS = 20


def histogram_figure(study: Study, *, bins: int = 60, title: str = "") -> Figure:
    """Draw the intensities of every sequence: tissue outside the tumour, and each class of the label map.

    Background (values of 0 and below, which brain-extracted scans have outside the head) is left out. The curves are
    densities: each has area 1, however rare its class. The axis ends at the 99.5th percentile.

    Args:
        study: The case; classes are the expert's, else the model's; without either there is one curve.
        bins: Number of bins of equal width.
        title: Line above; default the case.
    """
    labels, colours, names = _classes(study)
    shown = [s for s in Sequence if s in study.images]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(3.6 * columns + 0.2, 2.3 * rows + 1.3)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[0.22, *[1.0] * rows])
    words = figure.add_subplot(grid[0, :], frame_on=False, xticks=[], yticks=[])
    panels = [figure.add_subplot(grid[1 + i // columns, i % columns]) for i in range(len(shown))]
    for axes, sequence in zip(panels, shown, strict=True):
        _panel(axes, study.images[sequence], labels, colours, bins)
        style_axes(axes, xlabel="intensity (scanner units)", ylabel="density", title=str(sequence), grid="")
        axes.set_yticks([])
    handles = {text: handle for axes in panels for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    texts = [names.get(int(value), value) if value.isdigit() else value for value in handles]
    words.legend(handles.values(), texts, loc="center left", ncols=2, frameon=False, fontsize=8, borderaxespad=0)
    counts = "" if labels is None else f" Voxels: {_counts(labels, names)}."
    caption = (
        f"n = 1 case. Every curve has area 1.{counts} MRI intensities have no common unit: compare within a panel."
    )
    frame(figure, title or f"{study.id}: intensities by class", caption)
    return figure


def _classes(study: Study) -> tuple[Array | None, dict[int, tuple[float, float, float]], dict[int, str]]:
    if study.truth is None and study.predict is None:
        return None, {}, {}
    marked = study.marked
    names = {x.value: long_name(x.name) for x in marked.scheme.labels}
    return marked.labels.data, class_colours(marked.scheme, "papers"), names


def _panel(
    axes: Axes, image: Image, labels: Array | None, colours: dict[int, tuple[float, float, float]], bins: int
) -> None:
    tissue = image.data > 0
    if not tissue.any():
        return
    edges = np.linspace(0, float(np.percentile(image.data[tissue], 99.5)), bins + 1)
    outside = tissue if labels is None else tissue & (labels == 0)
    groups = [("tissue outside the tumour" if labels is not None else "tissue", outside, GREY)]
    groups += [(str(v), tissue & (labels == v), colour) for v, colour in colours.items()]  # type: ignore[misc]
    for name, mask, colour in groups:
        values = image.data[mask]
        if len(values) < LEAST_VOXELS:
            continue
        density, _ = np.histogram(values, edges, density=True)
        filled = mask is outside
        axes.stairs(density, edges, color=colour, linewidth=1.5, fill=filled, alpha=0.35 if filled else 1, label=name)


def _counts(labels: Array, names: dict[int, str]) -> str:
    return ", ".join(f"{name.split(':')[0]} {int((labels == value).sum()):,}" for value, name in names.items())


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study()}}


ENTRY = FigureEntry(
    title="Intensities by sequence and class",
    section="charts",
    draw=histogram_figure,
    examples=_examples,
    caption="The phantom: FLAIR tells oedema from tissue, T1CE the enhancing tumour.",
)
