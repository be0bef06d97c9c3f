"""Heads turned in the scanner, for tests."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from tumorscope.core.image import Image

Three = tuple[float, float, float]


def moved(image: Image, angles: Three, shift: Three) -> tuple[Image, np.ndarray]:
    """The image with its head turned about its middle and shifted; and the true move (RAS mm)."""
    move = np.eye(4)
    move[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    middle = image.affine[:3, :3] @ ((np.array(image.shape) - 1) / 2) + image.affine[:3, 3]
    move[:3, 3] = middle - move[:3, :3] @ middle + np.array(shift)
    return Image(image.data, move @ image.affine), move
