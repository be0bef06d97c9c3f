"""The segmentation on the scan, as a radiologist looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.colours import Palette, class_colours, long_name, outlines
from tumorscope.figures.planes import View, centre_of_interest, oriented, sides_known, slices_through, spacing_lps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

#: Sequences in the order of their use for looking at glioma; at most :data:`ROWS` are shown.
PREFERRED = (Sequence.FLAIR, Sequence.T1CE, Sequence.T2, Sequence.T1)
ROWS = 2
#: Height of one row, and of the strips above and below for title and legend, in inches.
_ROW_INCHES, _EDGE_INCHES = 3.3, 0.31
#: Share of the label colour in the fill.
_FILL = 0.28
_INK, _PAPER = "#e8e8e8", "black"


@dataclass(frozen=True)
class _Panel:
    view: View
    overlay: bool


def overlay_figure(
    images: Mapping[Sequence, Image],
    segmentation: Segmentation,
    *,
    title: str = "",
    palette: Palette = "papers",
    fill: float = _FILL,
) -> Figure:
    """Draw the scan and the segmentation on it, patient's right on the left of the screen.

    One row per sequence (FLAIR and T1CE first, at most two). A volume of known spacing shows the axial slice with the
    largest tumour area, plain and with fill and outline, and the coronal and sagittal slice through it; a stack of
    unknown spacing shows its slices only; a single picture is shown plain and with the overlay. All panels of a row
    have one scale, and pixels their true proportions. A bar of 50 mm appears only where spacing is known, R and L only
    where the file tells them: never for pictures.

    Args:
        images: Sequences on the segmentation's grid.
        segmentation: Label map.
        title: Line above the panels.
        palette: ``papers`` (purple core, green oedema, blue enhancement) or ``safe`` for colour-blind readers.
        fill: Opacity of the fill, 0 to 1.

    Returns:
        A Figure with an Agg canvas.
    """
    shown = [s for s in PREFERRED if s in images][:ROWS]
    labels = oriented(segmentation.labels)
    panels = _panels(labels > 0, segmentation.labels.spacing_known)
    spacing = spacing_lps(segmentation.labels)
    box = _box([oriented(images[s]) for s in shown], labels)
    figure, grid = _canvas(len(shown), [_size(p.view, box, spacing) for p in panels])
    for row, sequence in enumerate(shown):
        volume = oriented(images[sequence])
        window = _window(volume)
        for column, panel in enumerate(panels):
            axes = figure.add_subplot(grid[row, column])
            _draw_scan(axes, panel.view, volume, window, spacing, box)
            if panel.overlay:
                _draw_labels(axes, panel.view, labels, segmentation, spacing, palette, fill)
            _annotate(axes, panel, images[sequence], sequence if column == 0 else "", first=row == column == 0)
    _frame(figure, segmentation, title, palette)
    return figure


def _canvas(rows: int, sizes: list[tuple[float, float]]) -> tuple[Figure, GridSpec]:
    """Return an empty figure and its grid of panels of one scale; ``sizes`` are (width, height) in mm."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scale = _ROW_INCHES / max(height for _, height in sizes)
    widths = [width * scale for width, _ in sizes]
    figure = Figure(figsize=(sum(widths), _ROW_INCHES * rows + 2 * _EDGE_INCHES), facecolor=_PAPER)
    FigureCanvasAgg(figure)
    edge = _EDGE_INCHES / figure.get_figheight()
    grid = figure.add_gridspec(
        rows, len(sizes), width_ratios=widths, left=0, right=1, top=1 - edge, bottom=edge, wspace=0.012, hspace=0.012
    )
    return figure, grid


def _panels(mask: Array, spacing_known: bool) -> list[_Panel]:
    i, j, k = centre_of_interest(mask)
    axial = View("axial", k)
    panels = [_Panel(axial, False), _Panel(axial, True)]
    if mask.shape[2] == 1:
        return panels
    if spacing_known:
        return [*panels, _Panel(View("coronal", j), True), _Panel(View("sagittal", i), True)]
    low, high = slices_through(mask, 2)
    return [*panels, *(_Panel(View("axial", z), True) for z in (low, high))]


def _box(volumes: list[Array], labels: Array) -> list[tuple[int, int]]:
    """Return [first, last) along L, P, S around everything that is not background, with a small margin."""
    steps = tuple(slice(None, None, 2) if n > 64 else slice(None) for n in labels.shape)
    signal = labels[steps] > 0
    for volume in volumes:
        thin = volume[steps]
        signal = signal | (thin > 0.05 * np.percentile(thin, 99.5))
    box = []
    for axis in range(3):
        step = steps[axis].step or 1
        where = np.flatnonzero(signal.any(axis=tuple(a for a in range(3) if a != axis))) * step
        low, high = (int(where[0]), int(where[-1]) + step) if where.size else (0, labels.shape[axis])
        margin = round(0.03 * (high - low)) + 1
        box.append((max(0, low - margin), min(labels.shape[axis], high + margin)))
    return box


def _limits(view: View, box: list[tuple[int, int]], spacing: tuple[float, float, float]) -> tuple[float, ...]:
    """Return x0, x1, y0, y1 of the visible part in mm; y runs downwards."""
    axes = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[view.plane]
    width, height = view.pixel(spacing)
    (x0, x1), (y0, y1) = box[axes[0]], box[axes[1]]
    if view.plane == "axial":
        return x0 * width, x1 * width, y0 * height, y1 * height
    return x0 * width, x1 * width, -y1 * height, -y0 * height


def _size(view: View, box: list[tuple[int, int]], spacing: tuple[float, float, float]) -> tuple[float, float]:
    x0, x1, y0, y1 = _limits(view, box, spacing)
    return x1 - x0, y1 - y0


def _extent(view: View, pixels: Array, spacing: tuple[float, float, float]) -> tuple[float, float, float, float]:
    """Return matplotlib's (left, right, bottom, top) for the whole slice in the coordinates of :func:`_limits`."""
    width, height = view.pixel(spacing)
    rows, columns = pixels.shape[:2]
    top = 0.0 if view.plane == "axial" else -rows * height
    return 0.0, columns * width, top + rows * height, top


def _window(volume: Array) -> tuple[float, float]:
    """Return the intensities shown black and white: 0.5th and 99.7th percentile of what is not background."""
    thin = volume[tuple(slice(None, None, 2) if n > 64 else slice(None) for n in volume.shape)]
    inside = thin[thin > 0.02 * thin.max()]
    low, high = np.percentile(inside if inside.size else thin, (0.5, 99.7))
    return min(float(low), 0.6 * float(high)), float(high)


def _draw_scan(
    axes: Axes,
    view: View,
    volume: Array,
    window: tuple[float, float],
    spacing: tuple[float, float, float],
    box: list[tuple[int, int]],
) -> None:
    pixels = view.cut(volume).astype(np.float32)
    extent = _extent(view, pixels, spacing)
    axes.imshow(pixels, cmap="gray", vmin=window[0], vmax=window[1], extent=extent, interpolation="bilinear")
    x0, x1, y0, y1 = _limits(view, box, spacing)
    axes.set(xlim=(x0, x1), ylim=(y1, y0), aspect="equal")
    axes.set_axis_off()


def _draw_labels(
    axes: Axes,
    view: View,
    labels: Array,
    segmentation: Segmentation,
    spacing: tuple[float, float, float],
    palette: Palette,
    fill: float,
) -> None:
    plane = view.cut(labels)
    if not plane.any():
        return
    extent = _extent(view, plane, spacing)
    colour = np.zeros((*plane.shape, 4), dtype=np.float32)
    for value, rgb in class_colours(segmentation.scheme, palette).items():
        colour[plane == value] = (*rgb, fill)
    limits = axes.axis()
    axes.imshow(colour, extent=extent, interpolation="nearest")
    width, height = view.pixel(spacing)
    x = (np.arange(-1, plane.shape[1] + 1) + 0.5) * width
    y = extent[3] + (np.arange(-1, plane.shape[0] + 1) + 0.5) * height
    for name, rgb in outlines(segmentation.scheme, palette).items():
        mask = np.pad(segmentation.scheme.mask(plane, name), 1)
        if mask.any():
            axes.contour(x, y, mask.astype(np.float32), levels=[0.5], colors=[rgb], linewidths=1.1)
    axes.axis(limits)


def _annotate(axes: Axes, panel: _Panel, image: Image, sequence: str, first: bool) -> None:
    from matplotlib.patheffects import withStroke

    def put(x: float, y: float, text: str, **style: object) -> None:
        across = "left" if x < 0.3 else "right" if x > 0.7 else "center"
        along = "bottom" if y < 0.3 else "top" if y > 0.7 else "center"
        shadow = [withStroke(linewidth=2, foreground=_PAPER)]
        defaults = {"color": _INK, "fontsize": 9, "ha": across, "va": along, "transform": axes.transAxes}
        defaults["path_effects"] = shadow
        axes.text(x, y, text, **{**defaults, **style})  # type: ignore[arg-type]

    put(0.02, 0.985, sequence, fontsize=11, weight="bold")
    put(0.02, 0.015, panel.view.name(image))
    if sides_known(image):
        places = ((0.015, 0.5), (0.985, 0.5), (0.5, 0.985), (0.5, 0.015))
        for (x, y), letter in zip(places, panel.view.marks, strict=True):
            put(x, y, letter, weight="bold")
    if first and image.spacing_known:
        x0, x1, y0, y1 = axes.axis()
        x, y = x1 - 0.04 * (x1 - x0), y0 + 0.06 * (y1 - y0)
        axes.plot([x - 50, x], [y, y], color=_INK, linewidth=2, solid_capstyle="butt")
        axes.text(x - 25, y - 2, "50 mm", color=_INK, fontsize=8, ha="center", va="bottom")


def _frame(figure: Figure, segmentation: Segmentation, title: str, palette: Palette) -> None:
    """Add the title, the legend and the line of caution."""
    from matplotlib.patches import Patch

    height = figure.get_figheight()
    figure.text(0.008, 1 - 0.08 / height, title, color=_INK, fontsize=11, va="top", ha="left")
    figure.text(0.992, 0.08 / height, "Research use only", color=_INK, fontsize=8, va="bottom", ha="right")
    colours = class_colours(segmentation.scheme, palette)
    present = [x for x in segmentation.scheme.labels if (segmentation.labels.data == x.value).any()]
    if not present:
        figure.text(0.008, 0.08 / height, "Nothing was segmented.", color=_INK, fontsize=10, va="bottom")
        return
    handles = [Patch(color=colours[x.value], label=long_name(x.name)) for x in present]
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=len(handles),
        frameon=False,
        labelcolor=_INK,
        fontsize=9,
        borderaxespad=0.25,
        handlelength=1.1,
    )
