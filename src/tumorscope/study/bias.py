"""Correction of the bias field: N4 (Tustison et al., IEEE Trans Med Imaging 29:1310, 2010) by SimpleITK."""

from __future__ import annotations

import numpy as np

from tumorscope.core.image import Image
from tumorscope.study.look import background
from tumorscope.study.resample import to_voxel_grid

#: The field is estimated on every n-th voxel, for speed; it is smooth.
_EVERY = 4
_ITERATIONS = [30, 20, 10]


def correct_bias(image: Image) -> Image:
    """Return ``image`` divided by its bias field, float32; what holds the background value stays as it is."""
    import SimpleITK as sitk

    inside = image.data != background(image.data)
    whole = to_voxel_grid(np.where(inside, image.data, 0))
    factors = [min(_EVERY, n) for n in image.shape]
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations(_ITERATIONS)
    mask = sitk.Cast(to_voxel_grid(inside), sitk.sitkUInt8)
    corrector.Execute(sitk.Shrink(whole, factors), sitk.Shrink(mask, factors))
    field = np.exp(sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(whole)).T)
    return image.with_data(np.where(inside, image.data / np.maximum(field, 1e-3), image.data).astype(np.float32))
