"""The patient's brain: the ICBM152 template, placed and shaped like the brains of the BraTS releases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tumorscope.core.image import Array
from tumorscope.datasets.phantom.grid import Grid, Noise

#: BraTS voxel index → MNI mm. Fitted once (9 parameters) to the mean T1 of 52 released cases; correlation 0.98.
TO_MNI = np.array(
    [
        [-1.0827, -0.0268, 0.0102, 131.4544],
        [0.0279, -1.0457, 0.2207, 99.6529],
        [0.0046, 0.2423, 1.1268, -108.7737],
    ]
)
# Part of nilearn's template that holds brain, and MNI mm of its first voxel.
_CROP = (slice(22, 175), slice(23, 212), slice(0, 160))
_ORIGIN = np.array([-98.0 + 22, -134.0 + 23, -72.0])


@dataclass(frozen=True)
class Template:
    """ICBM152 2009a maps on one 1 mm grid in MNI space, float32: tissue probabilities, T1 and depth below the surface."""

    gm: Array
    wm: Array
    t1: Array
    mask: Array
    depth: Array

    @staticmethod
    def sample(volume: Array, mni: Array) -> Array:
        """Interpolate ``volume`` linearly at MNI mm (3, n)."""
        from scipy.ndimage import map_coordinates

        values: Array = map_coordinates(volume, mni - _ORIGIN[:, None].astype(np.float32), order=1, prefilter=False)
        return values


@lru_cache(maxsize=2)
def load_template(blur: float = 0.0) -> Template:
    """Read the template that ships inside nilearn (nothing is downloaded).

    Args:
        blur: Gaussian sigma in voxels, against aliasing on coarse grids.
    """
    from nilearn import datasets
    from scipy import ndimage

    def read(loader: object) -> Array:
        image = loader(resolution=1)  # type: ignore[operator]
        volume = np.asarray(image.dataobj, dtype=np.float32)[_CROP]
        return ndimage.gaussian_filter(volume, blur) if blur else volume

    brain = np.asarray(datasets.load_mni152_brain_mask(resolution=1).dataobj)[_CROP] > 0
    depth = ndimage.distance_transform_edt(np.pad(brain[::2, ::2, ::2], 1))[1:-1, 1:-1, 1:-1] * 2
    depth = np.repeat(np.repeat(np.repeat(depth, 2, 0), 2, 1), 2, 2)[: brain.shape[0], : brain.shape[1], : brain.shape[2]]
    return Template(
        gm=read(datasets.load_mni152_gm_template),
        wm=read(datasets.load_mni152_wm_template),
        t1=read(datasets.load_mni152_template),
        mask=ndimage.gaussian_filter(brain.astype(np.float32), max(1.0, blur)),
        depth=ndimage.gaussian_filter(depth.astype(np.float32), 2.0),
    )
