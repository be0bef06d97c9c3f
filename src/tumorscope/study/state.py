"""How far a study has been prepared already: with skull or without, on one grid or several, in BraTS space or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.look import background

#: No brain is larger, in ml; heads are, even children's.
_BRAIN_ML = 2100.0
#: Of a scan without skull at least this fraction is exactly the background value.
_EMPTY = 0.3
#: Voxel edges of a BraTS scan, mm.
_ISOTROPIC = (0.8, 1.25)


@dataclass(frozen=True)
class State:
    """What has been done to a study before it came here.

    Attributes:
        one_grid: All sequences lie on one grid.
        skull: Some sequence shows the skull.
        isotropic: Voxels are cubes of about 1 mm.
        whole: Every sequence is a volume of several slices with known voxel size.
        reason: What was seen, one sentence.
    """

    one_grid: bool
    skull: bool
    isotropic: bool
    whole: bool
    reason: str

    @property
    def prepared(self) -> bool:
        """Nothing is left to do: on one grid, without skull."""
        return self.one_grid and not self.skull


def study_state(images: Mapping[Sequence, Image]) -> State:
    """Look at geometry and background of a study's images.

    Args:
        images: In memory; at least one.
    """
    first, *rest = images.values()
    one_grid = all(image.same_grid(first) for image in rest)
    skulls = {s: has_skull(image) for s, image in images.items()}
    isotropic = all(_ISOTROPIC[0] <= v <= _ISOTROPIC[1] for image in images.values() for v in image.spacing)
    whole = all(image.spacing_known and min(image.shape) > 1 for image in images.values())
    seen = [s for s, skull in skulls.items() if skull]
    head = f"{' and '.join(seen)} with skull" if seen else "no skull"
    grids = "one grid" if one_grid else "several grids"
    voxels = "voxels of 1 mm" if isotropic else "other voxels than 1 mm"
    return State(one_grid, bool(seen), isotropic, whole, f"Seen in the study: {head}, {grids}, {voxels}.")


def has_skull(image: Image) -> bool:
    """Whether a scan shows more of a head than its brain.

    Without skull, much of a scan holds exactly one value, and the rest is no larger than a brain. Where it is
    smaller than a brain too (a slab), its rim decides: scalp and skull are a bright and a dark shell.
    """
    data = np.asarray(image.data)[:: _step(image, 0), :: _step(image, 1), :: _step(image, 2)]
    empty = data == background(data)
    if float(empty.mean()) < _EMPTY:
        return True
    content = ~empty
    if not content.any():
        return False
    if float(np.percentile(data[content], 50)) <= 0.15 * float(np.percentile(data[content], 99)):
        return True  # mostly air with noise
    ml = float(np.prod(image.shape)) * image.voxel_ml / data.size
    if ml * np.count_nonzero(_between(content)) <= _BRAIN_ML:  # no smaller than the filled volume, and quick
        return False
    return ml * float(_filled(content).sum()) > _BRAIN_ML


def _step(image: Image, axis: int) -> int:
    return max(1, round(2.0 / image.spacing[axis])) if image.spacing_known else 1


def _between(mask: Array) -> Array:
    """Return what lies between content along both of the first two axes: it holds every hole of every slice."""
    inside = np.ones(mask.shape, dtype=bool)
    for axis in (0, 1):
        inside &= np.logical_or.accumulate(mask, axis=axis)
        inside &= np.flip(np.logical_or.accumulate(np.flip(mask, axis), axis=axis), axis)
    return inside


def _filled(mask: Array) -> Array:
    """Fill holes slice by slice along the last axis: air in a head is inside it."""
    from scipy.ndimage import binary_fill_holes

    return np.stack([binary_fill_holes(mask[:, :, k]) for k in range(mask.shape[2])], axis=2)
