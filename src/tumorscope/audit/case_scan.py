"""What an audit keeps of one case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from tumorscope.audit.picture_hash import SIDE as SMALL
from tumorscope.baselines.mask_crop import MaskCrop
from tumorscope.baselines.slice_set import SIDE

#: What reading a case failed at.
Trouble = Literal["", "geometry", "labels", "file"]


@dataclass(frozen=True, eq=False)
class SliceScan:
    """What is kept of the Z slices of a case; axial, in one orientation whatever the file's.

    Attributes:
        pixels: Hash of the sorted pixel values, uint64 (Z,): equal for a slice and its mirror images and rotations;
            0 for a slice of one value.
        bits: uint8 (Z, 2, 8, 32) and
        small: uint8 (Z, 2, SMALL, SMALL): see :mod:`~tumorscope.audit.picture_hash`.
        usable: Whether there is enough to see to look for copies, (Z,).
        frame: Whole slices shrunk, scaled by the case's brightest values: uint8 (Z, SIDE, SIDE).
        masks: Label slices; empty where the case has no label.
        counts: Pixels per label value of :attr:`CaseScan.values`, int64 (Z, K).
    """

    pixels: npt.NDArray[np.uint64]
    bits: npt.NDArray[np.uint8]
    small: npt.NDArray[np.uint8]
    usable: npt.NDArray[np.bool_]
    frame: npt.NDArray[np.uint8]
    masks: list[MaskCrop]
    counts: npt.NDArray[np.int64]

    @classmethod
    def none(cls) -> SliceScan:
        """Return the slices of a case that cannot be read."""
        return cls(
            np.zeros(0, np.uint64),
            np.zeros((0, 2, 8, 32), np.uint8),
            np.zeros((0, 2, SMALL, SMALL), np.uint8),
            np.zeros(0, np.bool_),
            np.zeros((0, SIDE, SIDE), np.uint8),
            [],
            np.zeros((0, 0), np.int64),
        )

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, eq=False)
class CaseScan:
    """What is kept of one case.

    Attributes:
        id: Case id.
        patient: Patient, or block of neighbouring numbers.
        unit: What ``patient`` stands for, as :class:`~tumorscope.core.case.Case` has it.
        names: Every name of the case and its patient.
        site: Acquiring site, where known.
        tumor_type: Where known.
        release_part: Part in the public release, where it has any.
        listed: Sequences that discovery found files for.
        present: Sequences after reading.
        picture: The sequence the slices were described by.
        notes: What discovery and the reader said.
        scheme: Label scheme; "" without a label.
        values: Label values that occur, without 0.
        grid: ``240×240×155``, spacing in mm or "spacing unknown", orientation.
        trouble: What reading failed at; "" if it went well.
        message: The error.
        marks: What its images say of themselves where this program made or changed them.
        hashes: Content hashes (see :func:`~tumorscope.datasets.hashing.case_hashes`).
        slices: Slice by slice.
    """

    id: str
    patient: str
    unit: str
    names: tuple[str, ...]
    site: str | None = None
    tumor_type: str | None = None
    release_part: str | None = None
    listed: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    picture: str = ""
    notes: tuple[str, ...] = ()
    scheme: str = ""
    values: tuple[int, ...] = ()
    grid: tuple[str, str, str] = ("", "", "")
    trouble: Trouble = ""
    message: str = ""
    marks: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    slices: SliceScan = field(default_factory=SliceScan.none)

    @property
    def labelled(self) -> bool:
        """Whether a label map was read."""
        return bool(self.slices.masks)
