"""Hand-crafted features of single pictures (S3-06): shape of edges, texture, intensities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tumorscope.core.image import Array

Floats = npt.NDArray[np.float32]
_SIDE = 64
_BINS = 32
#: Cells per side in which local binary patterns are counted.
_GRID = 4
#: Neighbours and radius of local binary patterns; "uniform" leaves this many + 2 kinds (Ojala et al., 2002).
_POINTS, _RADIUS = 8, 1


def picture_features(pictures: Array) -> Floats:
    """Describe pictures by HOG, local binary patterns and intensities.

    Args:
        pictures: (N, H, W) with values in [0, 1].

    Returns:
        float32 (N, D): histograms of oriented gradients (Dalal & Triggs, 2005; 8×8 pixels per cell of a 64×64
        picture), counts of uniform local binary patterns in 4×4 cells, a histogram of 32 intensities, mean and standard
        deviation.
    """
    from skimage.feature import hog, local_binary_pattern
    from skimage.transform import resize

    rows = []
    for picture in pictures:
        small = resize(np.asarray(picture, dtype=np.float32), (_SIDE, _SIDE), anti_aliasing=True)
        edges = hog(small, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2))
        codes = local_binary_pattern((small * 255).astype(np.uint8), _POINTS, _RADIUS, method="uniform").astype(int)
        cells = codes.reshape(_GRID, _SIDE // _GRID, _GRID, -1).swapaxes(1, 2).reshape(_GRID**2, -1)
        texture = [np.bincount(cell, minlength=_POINTS + 2) / cell.size for cell in cells]
        levels = np.histogram(small, bins=_BINS, range=(0, 1))[0] / small.size
        rows.append(np.concatenate([edges, *texture, levels, [small.mean(), small.std()]]))
    return np.asarray(rows, dtype=np.float32)
