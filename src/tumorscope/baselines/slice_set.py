"""Slices as the baselines see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorscope.baselines.mask_crop import MaskCrop

#: Side of the small pictures that nearest neighbours are told by.
SIDE = 48

Source = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SliceSet:
    """N slices of one part of a split.

    Attributes:
        cases: Case of each slice.
        patients: Patient of each slice.
        series: What each slice is a slice of: its case, or the patient where every case is one picture.
        z: Position of each slice in its series, shape (N,).
        pixels: Each slice shrunk to ``SIDE`` × ``SIDE`` pixels, uint8 (N, SIDE, SIDE).
        masks: Label slice of each; an empty list where there are none.
        classes: Tumour type of each, or an empty list.
    """

    cases: Sequence[str]
    patients: Sequence[str]
    series: Sequence[str]
    z: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.uint8]
    masks: Sequence[MaskCrop]
    classes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.cases)
