"""Longest diameters of a lesion, exact on the voxel grid: in the axial plane with their perpendicular, and in 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.image import Array

#: Lengths closer than this (mm) are one length: of two such diameters the one with the longer perpendicular counts.
_SAME = 1e-6
#: Of many equally long diameters so many are tried.
_TIES = 8
#: Candidates per step of the search for the perpendicular: bounds its memory.
_CHUNK = 512


@dataclass(frozen=True)
class Line:
    """A straight line between two points.

    Attributes:
        length: In mm (pixels where the size of a voxel is unknown).
        ends: The two ends as voxel indices of the file, (2, 3); voxel centres are whole numbers.
    """

    length: float
    ends: Array


@dataclass(frozen=True)
class PlanarDiameters:
    """The two diameters of RANO's bidimensional product.

    Attributes:
        slice: Index of the slice that holds both.
        longest: Largest distance between two points of the outline within one slice.
        perpendicular: Longest line at right angles to it in that slice, between the outermost points of the outline.
    """

    slice: int
    longest: Line
    perpendicular: Line

    @property
    def product(self) -> float:
        """Longest diameter times longest perpendicular, mm²."""
        return self.longest.length * self.perpendicular.length


def planar_diameters(mask: Array, axis: int, step: Array) -> PlanarDiameters:
    """Find the longest diameter within one slice and its longest perpendicular.

    Voxels count with their full size: both are exact for the union of the slice's voxels. Among equally long diameters
    the one with the longest perpendicular is taken.

    Args:
        mask: One lesion, boolean (x, y, z), not empty.
        axis: Voxel axis across the slices.
        step: The two in-plane voxel steps as columns, (3, 2), in mm; they need not be at right angles.

    Source: Wen et al., J Clin Oncol 28:1963, 2010 (RANO); Macdonald et al., J Clin Oncol 8:1277, 1990.
    """
    to_plane = np.linalg.qr(step)[1]  # index steps → mm in an orthonormal basis of the slice
    planes = np.moveaxis(mask, axis, 0)
    shown = np.flatnonzero(planes.any(axis=(1, 2)))
    outlines = {int(k): _row_ends(planes[k]) for k in shown}
    bounds = {k: float(np.linalg.norm(np.abs(to_plane) @ np.ptp(points, axis=0))) for k, points in outlines.items()}
    longest, ties = 0.0, list[tuple[int, Array]]()
    for k in sorted(bounds, key=lambda k: -bounds[k]):
        if bounds[k] < longest - _SAME:
            break  # the rest cannot be longer than their bounding boxes
        length, pairs = _farthest(outlines[k], to_plane)
        if length > longest + _SAME:
            longest, ties = length, []
        if length >= longest - _SAME:
            ties += [(k, pair) for pair in pairs]
    best: PlanarDiameters | None = None
    edges: dict[int, Array] = {}
    for k, pair in sorted(ties, key=lambda tie: tie[0])[: 2 * _TIES]:
        edges[k] = edges[k] if k in edges else _boundary(planes[k])
        found = PlanarDiameters(
            k, _line(pair, to_plane, axis, k), _line(_across(edges[k], pair, to_plane), to_plane, axis, k)
        )
        if best is None or found.product > best.product + _SAME:
            best = found
    assert best is not None
    return best


def longest_3d(mask: Array, steps: Array) -> Line:
    """Find the largest distance between two points of a lesion, voxels counted with their full size.

    Args:
        mask: One lesion, boolean (x, y, z), not empty.
        steps: Voxel steps as columns, (3, 3), in mm.
    """
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    i, j = np.nonzero(mask.any(axis=2))
    first = mask[i, j].argmax(axis=1) - 0.5
    last = mask.shape[2] - mask[i, j, ::-1].argmax(axis=1) - 0.5
    ends = [np.column_stack([i + di, j + dj, k]) for di in (-0.5, 0.5) for dj in (-0.5, 0.5) for k in (first, last)]
    points = _distinct(np.concatenate(ends))
    hull = points[ConvexHull(points).vertices]
    lengths = pdist(hull @ steps.T)
    a, b = np.triu_indices(len(hull), 1)
    far = int(lengths.argmax())
    return Line(float(lengths[far]), hull[[a[far], b[far]]])


def _distinct(points: Array) -> Array:
    """Return each of the points (n, 3), whose coordinates are multiples of a half from -0.5 on, once, in order."""
    whole = np.rint(2 * points).astype(np.int64) + 1
    size = whole.max(axis=0) + 1
    keys = np.unique((whole[:, 0] * size[1] + whole[:, 1]) * size[2] + whole[:, 2])
    return np.column_stack([keys // (size[1] * size[2]), keys // size[2] % size[1], keys % size[2]]) / 2 - 0.5


def _line(pair: Array, to_plane: Array, axis: int, k: int) -> Line:
    """Return the line between two points of slice ``k``, which are given as in-plane indices (2, 2)."""
    length = float(np.linalg.norm(to_plane @ (pair[1] - pair[0])))
    return Line(length, np.insert(pair, axis, k, axis=1).astype(np.float64))


def _row_ends(plane: Array) -> Array:
    """Return the outer corners (n, 2) of the first and last True pixel of every row, in pixels."""
    rows = np.flatnonzero(plane.any(axis=1))
    first = plane[rows].argmax(axis=1) - 0.5
    last = plane.shape[1] - plane[rows, ::-1].argmax(axis=1) - 0.5
    return np.concatenate([np.column_stack([rows + up, ends]) for up in (-0.5, 0.5) for ends in (first, last)])


def _farthest(points: Array, to_plane: Array) -> tuple[float, list[Array]]:
    """Return the largest distance between two points, and the pairs (2, 2) that have it."""
    hull = _hull(points)
    mm = hull @ to_plane.T
    lengths = np.triu(np.linalg.norm(mm[:, None] - mm[None], axis=2))
    longest = float(lengths.max())
    pairs = np.argwhere(lengths >= longest - _SAME)[:_TIES]
    return longest, [hull[pair] for pair in pairs]


def _across(edges: Array, pair: Array, to_plane: Array) -> Array:
    """Return the ends (2, 2), in pixels, of the longest line at right angles to ``pair``.

    Along the diameter, the highest and the lowest point of the outline are piecewise linear between the corners of
    pixels, so the longest line passes through such a corner: trying them all is exact.

    Args:
        edges: Outline as (n, 2, 2): two ends of each pixel edge.
        pair: Ends of the diameter.
        to_plane: Pixels → mm.
    """
    along = to_plane @ (pair[1] - pair[0])
    along /= np.linalg.norm(along)
    basis = np.stack([along, [-along[1], along[0]]])
    t, s = np.moveaxis(edges @ to_plane.T @ basis.T, -1, 0)  # (n, 2): place along and height above the diameter
    order = np.argsort(t, axis=1)
    t, s = np.take_along_axis(t, order, 1), np.take_along_axis(s, order, 1)
    width = t[:, 1] - t[:, 0]
    slope = np.divide(s[:, 1] - s[:, 0], width, out=np.zeros_like(width), where=width > _SAME)
    # An edge at right angles to the diameter lies at one place and has two heights there.
    heights = np.where(width[:, None] > _SAME, s, np.sort(s, axis=1))
    places = np.unique(np.round(t, 9))
    best = (-1.0, 0.0, 0.0, 0.0)
    for start in range(0, len(places), _CHUNK):
        at = places[start : start + _CHUNK, None]
        inside = (at >= t[:, 0] - _SAME) & (at <= t[:, 1] + _SAME)
        lower = heights[:, 0] + slope * (np.clip(at, t[:, 0], t[:, 1]) - t[:, 0])
        upper = np.where(width > _SAME, lower, heights[:, 1])
        top = np.where(inside, upper, -np.inf).max(axis=1)
        bottom = np.where(inside, lower, np.inf).min(axis=1)
        row = int((top - bottom).argmax())
        if top[row] - bottom[row] > best[0] + _SAME:
            best = (float(top[row] - bottom[row]), float(at[row, 0]), float(bottom[row]), float(top[row]))
    _, place, low, high = best
    return np.asarray(np.array([[place, low], [place, high]]) @ np.linalg.inv(basis @ to_plane).T)


def _boundary(plane: Array) -> Array:
    """Return the pixel edges between True and False as (n, 2, 2): two ends each, in pixels."""
    padded = np.pad(plane, 1).astype(np.int8)
    found = []
    for axis in (0, 1):
        at = np.argwhere(np.diff(padded, axis=axis) != 0).astype(np.float64) - 1
        at[:, axis] += 0.5
        half = np.zeros(2)
        half[1 - axis] = 0.5
        inner = at.copy()
        found.append(np.stack([inner - half, inner + half], axis=1))
    return np.concatenate(found)


def _hull(points: Array) -> Array:
    """Return the corners of the convex hull of (n, 2) points (monotone chain, Andrew 1979)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    halves: list[list[tuple[float, float]]] = []
    for sweep in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for x, y in sweep:
            while len(chain) >= 2:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        halves.append(chain[:-1])
    return np.array(halves[0] + halves[1])
