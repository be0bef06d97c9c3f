"""A label slice kept small: only the box around what is marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorscope.core.image import Array
from tumorscope.metrics.counts import CountArray, bounding_box

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class MaskCrop:
    """One slice of a label map.

    Attributes:
        shape: Rows and columns of the whole slice.
        corner: Row and column of the box's first pixel.
        labels: uint8 label values inside the box; shape (0, 0) when nothing is marked.
    """

    shape: tuple[int, int]
    corner: tuple[int, int]
    labels: Labels

    @classmethod
    def of(cls, labels: Array) -> MaskCrop:
        """Crop a slice (H, W) of label values."""
        if not labels.any():
            return cls.empty((labels.shape[0], labels.shape[1]))
        rows, columns = bounding_box(labels != 0)
        box = np.ascontiguousarray(labels[rows, columns], dtype=np.uint8)
        return cls((labels.shape[0], labels.shape[1]), (rows.start, columns.start), box)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> MaskCrop:
        """Return a slice of this shape on which nothing is marked."""
        return cls(shape, (0, 0), np.zeros((0, 0), np.uint8))

    @property
    def full(self) -> Labels:
        """The whole slice (H, W)."""
        out = np.zeros(self.shape, np.uint8)
        (row, column), (height, width) = self.corner, self.labels.shape
        out[row : row + height, column : column + width] = self.labels
        return out

    @property
    def is_rectangle(self) -> bool:
        """Whether everything inside the box is marked, and the box is more than a line (3 × 3 pixels or larger)."""
        return min(self.labels.shape) >= 3 and bool(self.labels.all())

    def resized(self, shape: tuple[int, int]) -> MaskCrop:
        """Return the slice on another grid of pixels, nearest neighbour."""
        if shape == self.shape or not self.labels.size:
            return self if shape == self.shape else MaskCrop.empty(shape)
        rows = (np.arange(shape[0]) + 0.5) * self.shape[0] / shape[0]
        columns = (np.arange(shape[1]) + 0.5) * self.shape[1] / shape[1]
        return MaskCrop.of(self.full[np.ix_(rows.astype(int), columns.astype(int))])

    def counts(self, reference: MaskCrop, values: tuple[int, ...]) -> CountArray:
        """Count agreement of the pixels whose label is one of ``values``: int64 (tp, fp, fn, tn).

        Args:
            reference: On a grid of the same shape.
            values: Label values that make up the region.
        """
        pred, ref = np.isin(self.labels, values), np.isin(reference.labels, values)
        (r0, c0), (r1, c1) = self.corner, reference.corner
        top, left = max(r0, r1), max(c0, c1)
        bottom = min(r0 + pred.shape[0], r1 + ref.shape[0])
        right = min(c0 + pred.shape[1], c1 + ref.shape[1])
        tp = 0
        if bottom > top and right > left:
            a = pred[top - r0 : bottom - r0, left - c0 : right - c0]
            tp = int((a & ref[top - r1 : bottom - r1, left - c1 : right - c1]).sum())
        fp, fn = int(pred.sum()) - tp, int(ref.sum()) - tp
        return np.array([tp, fp, fn, self.shape[0] * self.shape[1] - tp - fp - fn], dtype=np.int64)
