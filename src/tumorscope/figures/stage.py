"""One study on the screen: orientation, visible part, scale and grey windows, which all its panels share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import INK, put
from tumorscope.figures.colours import RGB, Palette, class_colours, outlines
from tumorscope.figures.planes import (
    PLANES,
    PlaneName,
    View,
    centre_of_interest,
    oriented,
    sides_known,
    spacing_lps,
    view_at,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

Box = list[tuple[int, int]]
#: Share of the label colour in the fill.
FILL = 0.28
#: Where :data:`~tumorscope.figures.planes.PLANES` letters stand in a panel.
_EDGES = ((0.015, 0.5), (0.985, 0.5), (0.5, 0.985), (0.5, 0.015))


class Stage:
    """Draws slices of one study into axes, in millimetres, the patient's right on the left of the screen.

    Args:
        images: Sequences on one grid.
        segmentations: Label maps on that grid; they decide which slices are of interest.
    """

    def __init__(self, images: Mapping[Sequence, Image], *segmentations: Segmentation) -> None:
        self.images = images
        self.reference = segmentations[0].labels if segmentations else next(iter(images.values()))
        self.spacing = spacing_lps(self.reference)
        marked = [oriented(segmentation.labels) > 0 for segmentation in segmentations]
        self.mask: Array = np.zeros(oriented(self.reference).shape, dtype=bool) if not marked else marked[0]
        for mask in marked[1:]:
            self.mask = self.mask | mask
        self.box = _box([oriented(image) for image in images.values()], self.mask)
        self._windows: dict[Sequence, tuple[float, float]] = {}

    @property
    def depth_known(self) -> bool:
        """Whether coronal and sagittal slices can be shown: more than one slice, of known spacing."""
        return self.reference.spacing_known and self.mask.shape[2] > 1

    def need_depth(self, what: str) -> None:
        """Make sure that coronal and sagittal slices can be shown.

        Raises:
            GeometryError: if there is one slice only, or the distance of the slices is not known.
        """
        if self.depth_known:
            return
        single = self.mask.shape[2] == 1
        raise GeometryError(
            expected=f"a volume of known voxel size for {what}",
            found="a single slice" if single else "slices whose spacing is not known",
            fix="Choose a volume" if single else "State the voxel size with --spacing X,Y,Z",
            option="" if single else "--spacing X,Y,Z",
        )

    def centre(self) -> tuple[int, int, int]:
        """Return the voxel (L, P, S) that slices go through: in the largest tumour area, else mid-brain."""
        if self.mask.any():
            return centre_of_interest(self.mask)
        i, j, k = ((low + high) // 2 for low, high in self.box)
        return i, j, k

    def view(self, plane: PlaneName = "axial", number: int | None = None) -> View:
        """Return a slice: ``number`` as captions count it (from 1, along the file's own axis), or the one of interest.

        Raises:
            GeometryError: if the plane cannot be shown.
            UsageError: if there is no such slice.
        """
        if plane != "axial":
            self.need_depth(f"{plane} slices")
        if number is not None:
            return view_at(self.reference, plane, number)
        return View(plane, self.centre()[PLANES[plane][0]])

    def size(self, view: View) -> tuple[float, float]:
        """Return width and height of the visible part in mm (pixels where spacing is unknown)."""
        x0, x1, y0, y1 = self._limits(view)
        return x1 - x0, y1 - y0

    def extent(self, axis: int) -> tuple[int, int]:
        """Return the [first, last) slices along L, P or S (0, 1, 2) that hold anything but background."""
        return _extents([oriented(image) for image in self.images.values()], self.mask)[axis]

    def zoom(self, point: Array, around_mm: float) -> None:
        """Show only what lies within ``around_mm`` of a point (indices along L, P, S), as far as the volume goes."""
        for axis, step in enumerate(self.spacing):
            low, high = (round(float(point[axis]) + sign * around_mm / step) for sign in (-1, 1))
            self.box[axis] = max(0, low), min(self.mask.shape[axis], max(high, low + 2))

    def place(self, view: View, point: tuple[float, float, float]) -> tuple[float, float]:
        """Return where the centre of voxel ``point`` (L, P, S) lies in a panel of ``view``."""
        across, along = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[view.plane]
        width, height = view.pixel(self.spacing)
        y = (point[along] + 0.5) * height
        return (point[across] + 0.5) * width, y if view.plane == "axial" else -y

    def scan(self, axes: Axes, view: View, sequence: Sequence, dim: float = 1.0) -> None:
        """Draw the slice in grey; ``dim`` below 1 darkens it, so that colours stand out."""
        volume = oriented(self.images[sequence])
        if sequence not in self._windows:
            self._windows[sequence] = grey_window(volume)
        low, high = self._windows[sequence]
        pixels = view.cut(volume).astype(np.float32)
        high = low + (high - low) / dim
        extent = self._extent(view, pixels)
        axes.imshow(pixels, cmap="gray", vmin=low, vmax=high, extent=extent, interpolation="bilinear")
        self.clip(axes, view)

    def blank(self, axes: Axes, view: View) -> None:
        """Prepare a black panel without scan."""
        self.clip(axes, view)

    def clip(self, axes: Axes, view: View) -> None:
        """Show the visible part, pixels in their true proportions."""
        x0, x1, y0, y1 = self._limits(view)
        axes.set_axis_off()  # no ticks are ever made: they take longer than the picture
        axes.set_xlim(x0, x1)
        axes.set_ylim(y1, y0)
        axes.set_aspect("equal")

    def labels(
        self,
        axes: Axes,
        view: View,
        segmentation: Segmentation,
        palette: Palette = "papers",
        fill: float = FILL,
        lines: bool = True,
    ) -> None:
        """Draw fill (and outlines) of a label map."""
        plane = view.cut(oriented(segmentation.labels))
        if not plane.any():
            return
        colour = np.zeros((*plane.shape, 4), dtype=np.float32)
        for value, rgb in class_colours(segmentation.scheme, palette).items():
            colour[plane == value] = (*rgb, fill)
        axes.imshow(colour, extent=self._extent(view, plane), interpolation="nearest")
        for name, rgb in outlines(segmentation.scheme, palette).items() if lines else ():
            self.outline(axes, view, segmentation.scheme.mask(plane, name), rgb)
        self.clip(axes, view)

    def mask_of(self, axes: Axes, view: View, mask: Array, rgb: RGB, fill: float = 1.0) -> None:
        """Fill a boolean slice (as :meth:`View.cut` gives it) with one colour."""
        colour = np.zeros((*mask.shape, 4), dtype=np.float32)
        colour[mask] = (*rgb, fill)
        axes.imshow(colour, extent=self._extent(view, mask), interpolation="nearest")
        self.clip(axes, view)

    def outline(self, axes: Axes, view: View, mask: Array, rgb: RGB, width: float = 1.1) -> None:
        """Draw the border of a boolean slice (as :meth:`View.cut` gives it)."""
        if not mask.any():
            return
        extent = self._extent(view, mask)
        across, along = view.pixel(self.spacing)
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        top, left = rows[0], columns[0]
        inner = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1).astype(np.float32)
        x = (left + np.arange(-1, inner.shape[1] - 1) + 0.5) * across
        y = extent[3] + (top + np.arange(-1, inner.shape[0] - 1) + 0.5) * along
        axes.contour(x, y, inner, levels=[0.5], colors=[rgb], linewidths=width)
        self.clip(axes, view)

    def heat(
        self, axes: Axes, view: View, values: Array, top: float = 1.0, cmap: str = "magma", clear: bool = False
    ) -> AxesImage:
        """Draw a slice of values from 0 to ``top`` in colours.

        Args:
            axes: Panel.
            view: Slice.
            values: The slice's values (as :meth:`View.cut` gives them).
            top: Value of the brightest colour.
            cmap: Colour map.
            clear: Let the scan below shine through where values are small.
        """
        alpha = np.clip(1.6 * values / top, 0, 0.85) if clear else None
        extent = self._extent(view, values)
        drawn = axes.imshow(values, cmap=cmap, vmin=0, vmax=top, alpha=alpha, extent=extent, interpolation="nearest")
        self.clip(axes, view)
        return drawn

    def marks(self, axes: Axes, view: View, caption: bool = True, letters: bool = True) -> None:
        """Write plane and slice number, and the patient's sides where the file tells them (pictures never do)."""
        if caption:
            put(axes, 0.02, 0.015, view.name(self.reference))
        if letters and sides_known(self.reference):
            for (x, y), letter in zip(_EDGES, view.marks, strict=True):
                put(axes, x, y, letter, weight="bold")

    def bar(self, axes: Axes) -> None:
        """Draw a bar of 50 mm (20 mm in small views) where spacing is known."""
        if not self.reference.spacing_known:
            return
        x0, x1, y0, y1 = axes.axis()
        length = 50 if abs(x1 - x0) > 56 else 20 if abs(x1 - x0) > 24 else 5
        x, y = x1 - 0.04 * (x1 - x0), y0 + 0.06 * (y1 - y0)
        axes.plot([x - length, x], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
        text_at = y + 0.015 * (y1 - y0)
        axes.text(x - length / 2, text_at, f"{length} mm", color=INK, fontsize=8, ha="center", va="bottom")

    def _limits(self, view: View) -> tuple[float, float, float, float]:
        """Return x0, x1, y0, y1 of the visible part in mm; y runs downwards."""
        axes = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[view.plane]
        width, height = view.pixel(self.spacing)
        (x0, x1), (y0, y1) = self.box[axes[0]], self.box[axes[1]]
        if view.plane == "axial":
            return x0 * width, x1 * width, y0 * height, y1 * height
        return x0 * width, x1 * width, -y1 * height, -y0 * height

    def _extent(self, view: View, pixels: Array) -> tuple[float, float, float, float]:
        """Return matplotlib's (left, right, bottom, top) for the whole slice in the coordinates of the limits."""
        width, height = view.pixel(self.spacing)
        rows, columns = pixels.shape[:2]
        top = 0.0 if view.plane == "axial" else -rows * height
        return 0.0, columns * width, top + rows * height, top


def _box(volumes: list[Array], mask: Array) -> Box:
    """Return [first, last) along L, P, S around everything that is not background, with a small margin."""
    box = []
    for (low, high), size in zip(_extents(volumes, mask), mask.shape, strict=True):
        margin = round(0.03 * (high - low)) + 1
        box.append((max(0, low - margin), min(size, high + margin)))
    return box


def _extents(volumes: list[Array], mask: Array) -> Box:
    steps = tuple(slice(None, None, 2) if n > 64 else slice(None) for n in mask.shape)
    signal = mask[steps]
    for volume in volumes:
        thin = volume[steps]
        signal = signal | (thin > 0.05 * np.percentile(thin, 99.5))
    box = []
    for axis in range(3):
        step = steps[axis].step or 1
        where = np.flatnonzero(signal.any(axis=tuple(a for a in range(3) if a != axis))) * step
        low, high = (int(where[0]), int(where[-1]) + step) if where.size else (0, mask.shape[axis])
        box.append((low, min(high, mask.shape[axis])))
    return box


def grey_window(volume: Array) -> tuple[float, float]:
    """Return the intensities shown black and white: 0.5th and 99.7th percentile of what is not background."""
    thin = volume[tuple(slice(None, None, 2) if n > 64 else slice(None) for n in volume.shape)]
    inside = thin[thin > 0.02 * thin.max()]
    low, high = np.percentile(inside if inside.size else thin, (0.5, 99.7))
    return min(float(low), 0.6 * float(high)), float(high)
