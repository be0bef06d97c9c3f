"""True and false positives and negatives: what every overlap score is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Array

#: Counts as an array: the last axis holds (tp, fp, fn, tn).
CountArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """Voxels (or pixels, or images) by agreement of prediction and reference; counts add up with ``+`` and ``sum()``.

    Attributes:
        tp: In both.
        fp: In the prediction only.
        fn: In the reference only.
        tn: In neither.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: if one is negative.
        """
        if min(self.tp, self.fp, self.fn, self.tn) < 0:
            raise InputError(expected="counts of zero or more", found=str(self), fix="Count from two masks")

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    def __radd__(self, other: int) -> Counts:
        """Let ``sum(list_of_counts)`` start from 0."""
        return self if other == 0 else NotImplemented

    @property
    def size(self) -> int:
        """All voxels counted."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def background(self) -> Counts:
        """The counts of the complement: what the same masks say about the background as a class."""
        return Counts(self.tn, self.fn, self.fp, self.tp)

    def to_array(self) -> CountArray:
        """Return (tp, fp, fn, tn) as an int64 array of shape (4,)."""
        return np.array([self.tp, self.fp, self.fn, self.tn], dtype=np.int64)

    @classmethod
    def from_array(cls, array: CountArray) -> Counts:
        """Sum an array of shape (..., 4) over all but its last axis.

        Raises:
            InputError: if the last axis is not (tp, fp, fn, tn).
        """
        if array.ndim < 1 or array.shape[-1] != 4:
            raise InputError(
                expected="an array ending in (tp, fp, fn, tn)", found=f"shape {array.shape}", fix="Use count_slices()"
            )
        return cls(*(int(v) for v in array.reshape(-1, 4).sum(axis=0)))


def as_masks(pred: Array, ref: Array) -> tuple[BoolArray, BoolArray]:
    """Return both masks as booleans of one shape.

    Args:
        pred: Predicted mask; booleans, or numbers that are all 0 or 1.
        ref: Reference mask, same shape.

    Raises:
        GeometryError: if the shapes differ.
        InputError: if a mask is empty of voxels or holds NaN or anything but 0 and 1.
    """
    pred, ref = np.asarray(pred), np.asarray(ref)
    if pred.shape != ref.shape:
        raise GeometryError(
            expected=f"a prediction of the reference's shape {ref.shape}",
            found=f"shape {pred.shape}",
            fix="Bring the prediction into the reference's grid first",
        )
    return _as_mask(pred, "the prediction"), _as_mask(ref, "the reference")


def _as_mask(mask: Array, where: str) -> BoolArray:
    found = ""
    if mask.size == 0:
        found = f"no voxels in {where}, shape {mask.shape}"
    elif mask.dtype != np.bool_:
        if mask.dtype.kind == "f" and np.isnan(mask).any():
            found = f"NaN in {where}"
        elif mask.dtype.kind not in "iuf" or not ((mask == 0) | (mask == 1)).all():
            found = f"other values in {where} ({mask.dtype})"
    if found:
        raise InputError(
            expected="a mask of 0 and 1", found=found, fix="Threshold probabilities or pick one class of the label map"
        )
    return mask.astype(np.bool_, copy=False)


def count(pred: Array, ref: Array) -> Counts:
    """Count agreement over two masks of the same shape (any number of axes).

    Raises:
        GeometryError: if the shapes differ.
        InputError: if a mask holds NaN or anything but 0 and 1.
    """
    pred, ref = as_masks(pred, ref)
    tp, n_pred, n_ref = (int(np.count_nonzero(m)) for m in (pred & ref, pred, ref))
    return Counts(tp, n_pred - tp, n_ref - tp, pred.size - n_pred - n_ref + tp)


def count_slices(pred: Array, ref: Array) -> CountArray:
    """Count agreement in every slice along the last axis, z.

    Args:
        pred: Predicted mask, shape (x, y, z).
        ref: Reference mask, same shape.

    Returns:
        int64 array of shape (z, 4): tp, fp, fn, tn of each slice.

    Raises:
        GeometryError: if the shapes differ or are not 3D.
        InputError: if a mask holds NaN or anything but 0 and 1.
    """
    pred, ref = as_masks(pred, ref)
    if pred.ndim != 3:
        raise GeometryError(expected="masks (x, y, z)", found=f"shape {pred.shape}", fix="Give one 3D mask per case")
    tp, n_pred, n_ref = (np.count_nonzero(m, axis=(0, 1)).astype(np.int64) for m in (pred & ref, pred, ref))
    tn = pred.shape[0] * pred.shape[1] - n_pred - n_ref + tp
    return np.stack([tp, n_pred - tp, n_ref - tp, tn], axis=-1)


def bounding_box(mask: BoolArray, least: int = 1) -> tuple[slice, ...]:
    """Return the smallest box that holds every voxel of ``mask``, one slice object per axis.

    Args:
        mask: Any number of axes; all False gives a box at the origin.
        least: Length that no axis of the box falls below, as far as the mask allows.
    """
    box = []
    for axis, length in enumerate(mask.shape):
        used = np.flatnonzero(mask.any(axis=tuple(i for i in range(mask.ndim) if i != axis)))
        start, stop = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)
        stop = min(max(stop, start + least), length)
        box.append(slice(max(0, min(start, stop - least)), stop))
    return tuple(box)
