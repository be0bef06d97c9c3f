"""Small descriptions of a 2D picture by which a copy of it is found at another size, brightness or JPEG quality.

A picture is described twice, as a whole frame and cropped to the head (so that another margin does not matter), by a
difference hash (Krawetz, 2013: is a pixel brighter than its left neighbour?) of 16 × 16 bits in each of the eight
orientations a square has, and by a small grey picture with which a match is confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorscope.core.image import Array
from tumorscope.transforms.head import Floats, head_box

#: What was done to the other picture, in the order of :func:`oriented`.
ORIENTATIONS = (
    "as it is",
    "rotated by 90°",
    "rotated by 180°",
    "rotated by 270°",
    "transposed",
    "mirrored top to bottom",
    "transposed the other way",
    "mirrored left to right",
)
#: Side of the confirming picture.
SIDE = 32
_GRID = 17
#: A view whose hash has fewer bits set is a shapeless blob.
LEAST_BITS = 40
#: A neighbour counts as brighter from this share of the picture's brightest values on.
_STEP = 0.02

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PictureHash:
    """One picture.

    Attributes:
        bits: uint8 (2, 8, 32): whole frame and head, eight orientations, 256 bits.
        small: uint8 (2, SIDE, SIDE), the same two as they are.
        usable: False where there is too little to see (background, the tip of the head).
    """

    bits: Bytes
    small: Bytes
    usable: bool


def hash_picture(picture: Array) -> PictureHash:
    """Describe a picture (H, W) of any number type."""
    pixels = np.ascontiguousarray(picture, dtype=np.float32)
    views = (pixels, pixels[head_box(pixels)])
    bits = np.stack([_all_bits(shrunk(view, _GRID)) for view in views])
    small = np.stack([as_bytes(shrunk(view, SIDE)) for view in views])
    usable = bool(np.bitwise_count(bits[1, 0]).sum() >= LEAST_BITS)
    return PictureHash(bits, small, usable)


def oriented(square: Array) -> list[Array]:
    """Return a square picture in its eight orientations, in the order of :data:`ORIENTATIONS`."""
    return [np.rot90(view, k) for view in (square, square.T) for k in range(4)]


def shrunk(pixels: Floats, side: int) -> Floats:
    """Return ``pixels`` averaged down (or repeated up) to ``side`` × ``side``."""
    from PIL import Image as Pillow

    resized = Pillow.fromarray(pixels).resize((side, side), Pillow.Resampling.BOX)
    return np.asarray(resized, dtype=np.float32)


def as_bytes(small: Floats) -> Bytes:
    """Scale a small picture to 0-255 by its largest value; negative values are black."""
    top = float(small.max())
    return np.asarray(np.clip(small * (255 / top if top > 0 else 0), 0, 255), dtype=np.uint8)


def _all_bits(grid: Floats) -> Bytes:
    step = _STEP * max(float(grid.max()), 1e-6)
    differences = [(view[:16, 1:] - view[:16, :-1]) > step for view in oriented(grid)]
    return np.stack([np.packbits(d) for d in differences])
