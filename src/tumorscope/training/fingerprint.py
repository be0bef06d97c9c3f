"""What the volumes of a data set are like: voxel size, extent of the brain, empty voxels, size of the tumour."""

from __future__ import annotations

from collections.abc import Sequence as Cases
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image
from tumorscope.transforms.grid import model_spacing, to_model_orientation


class Fingerprint(BaseModel):
    """Medians over cases; lengths along slices (upwards), rows (to posterior), columns (to the left).

    Attributes:
        cases: How many were read.
        spacing_mm: Voxel size.
        brain_mm: Extent of the voxels that are not zero.
        zero_share: Share of voxels that are exactly zero.
        tumour_ml: Volume of everything labelled.
        tumour_mm: Extent of everything labelled.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cases: int
    spacing_mm: tuple[float, float, float]
    brain_mm: tuple[float, float, float]
    zero_share: float
    tumour_ml: float
    tumour_mm: tuple[float, float, float]


def take_fingerprint(cases: Cases[Case]) -> Fingerprint:
    """Read one sequence and the label of every case.

    Args:
        cases: Labelled training cases, volumes of known voxel size.

    Raises:
        InputError: if there is none, or a file cannot be read.
    """
    if not cases:
        raise InputError(expected="training cases to plan for", found="none", fix="Check the split")
    rows = [_facts(case) for case in cases]
    median: dict[str, Any] = {
        key: np.round(np.median([row[key] for row in rows], axis=0), 3).tolist() for key in rows[0]
    }
    return Fingerprint(cases=len(cases), **median)


def _facts(case: Case) -> dict[str, Any]:
    loaded = case.loaded(case.sequences[:1])
    image, label = loaded.images[case.sequences[0]], loaded.label
    assert isinstance(image, Image) and isinstance(label, Image), "the case is loaded and labelled"
    spacing = np.array(model_spacing(image)[::-1])
    there = to_model_orientation(image).transpose(2, 1, 0) != 0
    tumour = to_model_orientation(label).transpose(2, 1, 0) > 0
    return {
        "spacing_mm": spacing,
        "brain_mm": _extent(there) * spacing,
        "zero_share": 1 - there.mean(),
        "tumour_ml": tumour.sum() * spacing.prod() / 1000,
        "tumour_mm": _extent(tumour) * spacing,
    }


def _extent(mask: Array) -> Array:
    """Return the number of voxels from the first to the last that is true, along each axis; 0 where none is."""
    lengths = []
    for axis in range(mask.ndim):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        lengths.append(int(used[-1] - used[0]) + 1 if used.size else 0)
    return np.array(lengths)
