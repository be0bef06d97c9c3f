"""A case's volumes as a viewer in a browser takes them: 8 bits, axes L, P, S, cut to what shows anything."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.colours import LONG_NAMES, class_colours, outlines
from tumorscope.figures.planes import PLANES, PlaneName, centre_of_interest, file_axis, sides_known, spacing_lps
from tumorscope.figures.stage import grey_window
from tumorscope.transforms.grid import MODEL_ORIENTATION, to_model_orientation

#: A volume with more voxels than this is thinned for the screen.
MOST_VOXELS = 24_000_000
#: Values above this percentile are shown as the brightest.
_TOP = 99.95
#: Percentile of the change that a difference shows as black or white.
_CHANGE = 99.5


@dataclass(frozen=True)
class Packed:
    """What the viewer gets of a case.

    Attributes:
        facts: JSON values: geometry, names, colours, windows.
        volumes: Key → zlib-compressed uint8 voxels, (S, P, L) in C order, all of one shape.
    """

    facts: dict[str, Any]
    volumes: dict[str, bytes] = field(repr=False, default_factory=dict)


class Screen:
    """The grid on which a case is shown, and its volumes on it.

    Args:
        images: Sequences (for :meth:`change`: images by name) on one grid.
        masks: Label maps on that grid; what they mark is inside what is shown.
        within: What is shown is cut to what this image shows; default to what any does.
    """

    def __init__(
        self, images: Mapping[Sequence, Image] | Mapping[str, Image], *masks: Image, within: Image | None = None
    ) -> None:
        self.images = images
        self.reference = next(iter(images.values()))
        self.box = _box([*images.values()] if within is None else [within], [*masks])
        shape = [high - low for low, high in self.box]
        self.step = 1
        while np.prod([-(-n // self.step) for n in shape]) > MOST_VOXELS:
            self.step += 1

    @property
    def shape(self) -> list[int]:
        """Voxels along L, P, S."""
        return [-(-(high - low) // self._steps[axis]) for axis, (low, high) in enumerate(self.box)]

    @property
    def _steps(self) -> list[int]:
        return [self.step if high - low > self.step else 1 for low, high in self.box]

    def grid(self) -> dict[str, Any]:
        """Return the geometry: shape, mm per voxel, affine to RAS mm, and how each plane counts its slices."""
        turn = ornt_transform(io_orientation(self.reference.affine), axcodes2ornt(MODEL_ORIENTATION))
        affine = self.reference.affine @ inv_ornt_aff(turn, self.reference.shape)
        cut = np.diag([*map(float, self._steps), 1.0])
        cut[:3, 3] = [low for low, _ in self.box]
        spacing = [v * s for v, s in zip(spacing_lps(self.reference), self._steps, strict=True)]
        known = self.reference.spacing_known
        planes = {}
        for plane in get_args(PlaneName):
            axis, marks = PLANES[plane]
            count, along = file_axis(self.reference, plane)
            start = self.box[axis][0]
            planes[plane] = {"marks": marks, "count": count, "along": along, "start": start, "step": self._steps[axis]}
        return {
            "shape": self.shape,
            "spacing": spacing if known else [1.0, 1.0, 1.0],
            "affine": (affine @ cut).tolist(),
            "planes": planes,
            "sides": sides_known(self.reference),
            "unit": "mm" if known else "px",
            "deep": self.shape[2] > 1 and known,
            "thinned": self.step,
        }

    def centre(self, mask: Image | None = None) -> list[int]:
        """Return the voxel (L, P, S) of the screen's grid to open at: in the largest area of ``mask``, or mid-way."""
        if mask is None or not mask.data.any():
            return [n // 2 for n in self.shape]
        point = centre_of_interest(to_model_orientation(mask) > 0)
        return [(v - low) // s for v, (low, _), s in zip(point, self.box, self._steps, strict=True)]

    def scans(self) -> Packed:
        """Return every sequence, with the values that 0 and 255 stand for and the window it opens with."""
        facts, volumes = [], {}
        for sequence, image in ((s, self.images[s]) for s in Sequence if s in self.images):
            data = to_model_orientation(image)
            black, white = grey_window(data)
            inside = self._cut(data)
            low = min(float(inside.min()), black)
            high = max(float(np.percentile(inside[::2, ::2, ::2] if min(inside.shape) > 8 else inside, _TOP)), white)
            scale = 255.0 / max(high - low, 1e-12)
            volumes[f"scan_{sequence}"] = self._pack((inside.astype(np.float32) - low) * scale)
            facts.append({"name": sequence, "low": low, "high": high, "window": [black, white]})
        return Packed({"scans": facts}, volumes)

    def change(self, *, same_units: bool = True) -> Packed:
        """Return the images by their names, from before something was done to after it, and last minus first.

        In the difference mid-grey is no change, brighter is more and darker is less than before.

        Args:
            same_units: One window serves all images. Else each has its own, and the difference is in percent of them.
        """
        names = [str(name) for name in self.images]
        lps = [to_model_orientation(image).astype(np.float32) for image in self.images.values()]
        windows = [grey_window(data) for data in lps]
        cut = [self._cut(data) for data in lps]
        lows = [min(float(x.min()), black) for x, (black, _) in zip(cut, windows, strict=True)]
        highs = [max(float(np.percentile(x, _TOP)), white) for x, (_, white) in zip(cut, windows, strict=True)]
        first, last = cut[0], cut[-1]
        if same_units:
            windows, lows, highs = [windows[0]] * len(cut), [min(lows)] * len(cut), [max(highs)] * len(cut)
        else:
            first, last = (_percent(x, window) for x, window in ((first, windows[0]), (last, windows[-1])))
        facts, volumes = [], {}
        for name, data, low, high, window in zip(names, cut, lows, highs, windows, strict=True):
            volumes[f"scan_{name}"] = self._pack((data - low) * (255.0 / max(high - low, 1e-12)))
            like = {"like": names[0]} if same_units else {}
            facts.append({"name": name, "low": low, "high": high, "window": list(window), **like})
        difference = last - first
        least = 1e-4 * max(float(np.abs(first).max()), 1e-6)  # less is rounding
        most = max(float(np.percentile(np.abs(difference), _CHANGE)), least)
        volumes["scan_difference"] = self._pack(difference * (127 / (2 * most)) + 127)  # 127 is exactly no change
        top = 2 * most * 128 / 127
        facts.append({"name": "difference", "low": -2 * most, "high": top, "window": [-most, most]})
        return Packed({"scans": facts, "change": {"unit": "" if same_units else " %"}}, volumes)

    def labels(self, key: str, segmentation: Segmentation) -> Packed:
        """Return a label map under ``key``, with its regions, colours and class names."""
        facts = {"regions": _regions(segmentation.scheme), "classes": _classes(segmentation.scheme)}
        return Packed({key: facts}, {key: self._pack(self._cut(to_model_orientation(segmentation.labels)))})

    def maps(self, segmentation: Segmentation, entropy: Array | None = None, top: float = 1.0) -> Packed:
        """Return the probability of each region or class, and the entropy if given; ``top``: its largest value."""
        found: dict[str, tuple[str, Array, float]] = {
            f"p_{name}": (f"p({name})", image.data, 1.0) for name, image in segmentation.probabilities.items()
        }
        if entropy is not None:
            found["entropy"] = ("uncertainty (entropy, bits)", entropy, top)
        facts, volumes = [], {}
        for key, (title, data, most) in found.items():
            lps = to_model_orientation(segmentation.labels.with_data(data))
            volumes[key] = self._pack(self._cut(lps).astype(np.float32) * (255.0 / most))
            facts.append({"key": key, "title": title, "top": most, "entropy": key == "entropy"})
        return Packed({"maps": facts}, volumes)

    def _cut(self, lps: Array) -> Array:
        (a, b), (c, d), (e, f) = self.box
        i, j, k = self._steps
        return lps[a:b:i, c:d:j, e:f:k]

    def _pack(self, lps: Array) -> bytes:
        """Return (L, P, S) values as bytes, L fastest."""
        values = lps if lps.dtype == np.uint8 else np.rint(np.clip(lps, 0, 255)).astype(np.uint8)
        deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)  # half the time of the default, hardly more bytes
        return deflate.compress(values.transpose(2, 1, 0).tobytes()) + deflate.flush()


def merged(*parts: Packed) -> Packed:
    """Return several packs as one."""
    facts = {key: value for part in parts for key, value in part.facts.items()}
    return Packed(facts, {key: data for part in parts for key, data in part.volumes.items()})


def colour_table(name: str) -> list[list[int]]:
    """Return 256 RGB colours (0-255) of a matplotlib colour map."""
    from matplotlib import colormaps

    table = np.rint(colormaps[name](np.linspace(0, 1, 256))[:, :3] * 255).astype(int)
    return [[int(v) for v in row] for row in table]


def _percent(data: Array, window: tuple[float, float]) -> Array:
    """Return values as a percentage of their window."""
    black, white = window
    return np.asarray(100 * (data - black) / max(white - black, 1e-12))


def _box(images: list[Image], masks: list[Image]) -> list[tuple[int, int]]:
    """Return [first, last) along L, P, S of everything that is not the background at a corner, or is marked."""
    first = to_model_orientation(images[0])
    signal: Array = first != first[0, 0, 0]  # lies in memory as the scan does, which is many times faster than not
    for image in images[1:]:
        data = to_model_orientation(image)
        signal |= data != data[0, 0, 0]
    for mask in masks:
        signal |= to_model_orientation(mask) > 0
    flat: Array = np.asarray(signal.any(axis=2))
    box = []
    for along in (flat.any(axis=1), flat.any(axis=0), signal.any(axis=(0, 1))):
        where, size = np.flatnonzero(along), along.size
        low, high = (int(where[0]), int(where[-1]) + 1) if where.size else (0, size)
        margin = 3 if size > 8 else size
        box.append((max(0, low - margin), min(size, high + margin)))
    return box


def _regions(scheme: LabelScheme) -> list[dict[str, Any]]:
    """Return what can be shown and hidden, largest first: regions where the scheme has them, else classes."""
    papers, safe = outlines(scheme, "papers"), outlines(scheme, "safe")
    found = []
    for name in papers:
        colours = {"papers": _rgb(papers[name]), "safe": _rgb(safe[name])}
        values = list(scheme.values_of(name))
        found.append({"name": name, "long": LONG_NAMES.get(name, ""), "values": values, "colours": colours})
    return found


def _classes(scheme: LabelScheme) -> list[dict[str, Any]]:
    papers, safe = class_colours(scheme, "papers"), class_colours(scheme, "safe")
    return [
        {
            "value": x.value,
            "name": x.name,
            "long": LONG_NAMES.get(x.name, ""),
            "colours": {"papers": _rgb(papers[x.value]), "safe": _rgb(safe[x.value])},
        }
        for x in scheme.labels
    ]


def _rgb(colour: tuple[float, float, float]) -> list[int]:
    return [round(255 * v) for v in colour]
