"""The pose of BraTS brains: how a head must be turned so that models trained on BraTS see it as they know it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.register import Move, register

#: Voxel size of the template that heads are laid over, mm.
_STEP = 2.0
#: A head is turned by no more than this; larger angles are taken for a failed registration.
MAX_TURN_DEG = 45.0
#: Mutual information (nats) below which the brain and the template have nothing in common.
MIN_INFORMATION = 0.15
#: Shape and affine of a released BraTS volume.
BRATS_SHAPE = (240, 240, 155)


def brats_affine(spacing: float) -> Array:
    """Voxel → RAS mm of the BraTS grid (LPS) at ``spacing`` mm; the first voxel's corner stays in place."""
    shift = (spacing - 1) / 2
    return np.array(
        [[-spacing, 0, 0, -shift], [0, -spacing, 0, 239 - shift], [0, 0, spacing, shift], [0, 0, 0, 1]],
        dtype=np.float64,
    )


def brats_shape(spacing: float) -> tuple[int, int, int]:
    """Voxels of the BraTS grid at ``spacing`` mm."""
    x, y, z = (int(np.ceil(n / spacing)) for n in BRATS_SHAPE)
    return x, y, z


def brats_pose(brain: Image, sequence: Sequence) -> Move | None:
    """Find the rigid move from BraTS space (RAS mm) to where ``brain`` lies.

    Args:
        brain: Skull-stripped scan.
        sequence: What it shows.

    Returns:
        None where no plausible pose was found.
    """
    try:
        found = register(_template(sequence), brain)
    except RuntimeError:
        return None
    if found.information < MIN_INFORMATION or found.rotation_deg > MAX_TURN_DEG:
        return None
    return found


@lru_cache(maxsize=4)
def _template(sequence: Sequence) -> Image:
    """A healthy brain of average shape in BraTS space, with the contrast of ``sequence``."""
    from tumorscope.datasets.phantom.signal import CONTRASTS
    from tumorscope.datasets.phantom.template import TO_MNI, load_template, sample

    template, look = load_template(), CONTRASTS[sequence]
    shape = brats_shape(_STEP)
    axes = [_STEP * np.arange(n, dtype=np.float32) + (_STEP - 1) / 2 for n in shape]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    mni = (TO_MNI[:, :3] @ voxels + TO_MNI[:, 3:]).astype(np.float32)
    wm, gm, csf, mask = (sample(v, mni) for v in (template.wm, template.gm, template.csf, template.mask))
    signal = np.where(mask > 0.5, wm + look.gm * gm + look.csf * csf, 0)
    return Image((100 * signal).reshape(shape).astype(np.float32), brats_affine(_STEP))
