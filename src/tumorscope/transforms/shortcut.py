"""Parts of a picture that should, and should not, tell whether there is a tumour."""

from __future__ import annotations

import numpy as np

from tumorscope.core.image import Array
from tumorscope.transforms.head import otsu

#: The skull and scalp are taken for this share of the head's size.
_RIM = 0.1
#: The rectangle around a head is grown by this share of its longer side.
_MARGIN = 0.03


def head_masks(picture: Array) -> tuple[Array, Array]:
    """Return where the head is, and its inside without skull and scalp, both boolean (H, W).

    The head is the largest bright part (Otsu, 1979) with its holes filled; the inside is what remains when a tenth of
    its size is worn off.

    Args:
        picture: (H, W).
    """
    from scipy import ndimage

    pixels = np.asarray(picture, dtype=np.float32)
    bright = ndimage.binary_closing(pixels > 0.5 * otsu(pixels), iterations=3, border_value=0)
    parts, count = ndimage.label(ndimage.binary_fill_holes(bright))
    if not count:
        return np.zeros(pixels.shape, bool), np.zeros(pixels.shape, bool)
    head = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    size = np.sqrt(np.count_nonzero(head))
    depth = ndimage.distance_transform_edt(np.pad(head, 1))[1:-1, 1:-1]
    return head, depth > _RIM * size


def border_only(picture: Array) -> Array:
    """Return a picture (H, W) with the rectangle around the head set to 0: its surroundings, without its outline."""
    head = head_masks(picture)[0]
    rows, columns = (np.flatnonzero(head.any(axis=axis)) for axis in (1, 0))
    shown = np.array(picture, copy=True)
    if rows.size:
        grow = _MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0])
        box = (slice(max(0, int(side[0] - grow)), int(side[-1] + grow) + 1) for side in (rows, columns))
        shown[tuple(box)] = 0
    return shown


def outline_only(picture: Array) -> Array:
    """Return the head of a picture (H, W) as one bright shape: its outline, and nothing else."""
    return np.where(head_masks(picture)[0], np.asarray(picture).max(), 0).astype(np.asarray(picture).dtype)


def brain_only(picture: Array) -> Array:
    """Return a picture (H, W) with everything but the inside of the head set to 0."""
    return np.where(head_masks(picture)[1], picture, 0)
