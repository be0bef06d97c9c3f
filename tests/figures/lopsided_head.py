"""A lopsided head whose right, front and top cannot be mistaken, in any orientation of the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform

from tumorscope.core.image import Array, Image
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.study import Study

SHAPE, SPACING = (30, 26, 12), (1.0, 1.5, 4.0)
#: Voxels (RAS+) of the one lesion: on the patient's right, in front, above the middle; as large as a voxel is long.
LESION = (slice(21, 25), slice(17, 20), slice(7, 9))


def ras_volumes() -> tuple[Array, Array]:
    """Return scan and labels in RAS+ order: a dim ellipsoid, a bright lesion of class 2 with classes 4 and 1 inside."""
    axes = np.meshgrid(*[np.linspace(-1.2, 1.2, n) for n in SHAPE], indexing="ij")
    rng = np.random.default_rng(1)
    scan = np.where(sum(a**2 for a in axes) < 1, rng.integers(90, 110, SHAPE), 0).astype(np.int16)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    scan[LESION], labels[LESION] = 1000, 2
    labels[22:24, 18, 7:9] = 4
    labels[22, 18, 7] = 1
    return scan, labels


def placed(data: Array, codes: str, **kwargs: object) -> Image:
    """Return RAS+ voxels as a file of orientation ``codes`` would hold them."""
    change = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-14, -20, -30)
    return Image(apply_orientation(data, change), affine @ inv_ornt_aff(change, data.shape), **kwargs)


def lopsided(codes: str = "RAS", *, spacing_known: bool = True, truth: bool = True) -> Study:
    """Return the head with all sequences, its label map, and a prediction with probabilities that misses a slice."""
    scan, labels = ras_volumes()
    image = placed(scan, codes, spacing_known=spacing_known)
    images = {s: replace(image, data=np.clip(image.data, 0, 1000 - 10 * i)) for i, s in enumerate(Sequence)}
    label = placed(labels, codes, spacing_known=spacing_known)
    less = labels.copy()
    less[:, :, 8] = 0
    found = placed(less, codes, spacing_known=spacing_known)
    maps = {n: found.with_data(BRATS.mask(found.data, n) * np.float32(0.9)) for n in BRATS.regions}
    prediction = Segmentation(found, BRATS, maps)
    reference = Segmentation(label, BRATS) if truth else None
    return Study("lopsided", images, reference, lambda: prediction, model="stand-in")
