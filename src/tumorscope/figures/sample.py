"""What the examples of the gallery show: the phantom, and a second outline of its tumour. Never a patient."""

from __future__ import annotations

from functools import cache

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.datasets.phantom import PhantomSpec, make_phantom

#: What captions say of :func:`sample_segmentation`.
STAND_IN = "The 'prediction' is a stand-in: the same phantom with a smaller tumour, shifted by one voxel."


@cache
def sample_case(spacing: float = 2.0) -> Case:
    """Return the phantom patient in memory: four sequences and its label (values 0, 1, 2, 4); not to be changed."""
    return make_phantom(PhantomSpec(), spacing=spacing)


@cache
def sample_segmentation(spacing: float = 2.0) -> Segmentation:
    """Return a stand-in for a prediction on :func:`sample_case`: its tumour at an earlier time, one voxel aside."""
    case, earlier = sample_case(spacing), make_phantom(PhantomSpec(growth=0.5), spacing=spacing)
    assert isinstance(earlier.label, Image) and isinstance(case.label, Image) and case.scheme is not None
    return Segmentation(labels=case.label.with_data(np.roll(earlier.label.data, 1, axis=0)), scheme=case.scheme)


@cache
def sample_probabilities(spacing: float = 2.0, blur_mm: float = 4.0) -> Array:
    """Return class probabilities (K, x, y, z), background first, that belong to :func:`sample_segmentation`.

    The one-hot stand-in, blurred by a Gaussian of ``blur_mm`` and normalised to sum to 1.
    """
    from scipy.ndimage import gaussian_filter

    segmentation = sample_segmentation(spacing)
    values = (0, *segmentation.scheme.values)
    soft = [gaussian_filter((segmentation.labels.data == v).astype(np.float32), blur_mm / spacing) for v in values]
    stacked = np.stack(soft)
    result: Array = stacked / stacked.sum(axis=0)
    return result
