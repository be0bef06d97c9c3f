"""A study's images → the stack of slices a 2D model sees, or the volume a 3D model sees."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.grid import SliceGrid, model_spacing, to_model_orientation
from tumorscope.transforms.head import head_box
from tumorscope.transforms.normalise import NORMALISATIONS, Normalisation
from tumorscope.transforms.volume_grid import VolumeGrid, volume_grid

log = logging.getLogger(__name__)


class Preprocess(BaseModel):
    """How images become model input; part of a recipe and of a bundle.

    Attributes:
        sequences: Channels, in this order.
        optional: Sequences that may be missing; their channel is then all zero.
        size: Height and width of the model's input, multiples of 32 for encoder networks; with ``patch`` its own.
        patch: Depth, height and width in voxels of what a 3D model sees at once; None for models of slices. Needs
            ``fit: crop``; the study is resampled to ``spacing_mm`` along all three axes, and whole volumes are
            predicted patch by patch.
        fit: ``resize`` shows the whole picture; ``crop`` centres on the brain (non-zero voxels) at ``spacing_mm``
            and shrinks only when the brain would not fit; ``head`` stretches the box around the head to ``size``, so
            that margin, size and proportions of a picture do not matter.
        spacing_mm: Pixel size for ``crop`` where the input's spacing is known; with ``patch`` along all three axes.
        context: Neighbouring slices on each side stacked as channels.
        normalise: See :mod:`tumorscope.transforms.normalise`.
        foreground_fraction: Voxels below this fraction of the 99.5th percentile are background (for noise in air).
        slices: Slice window [first, last) used in training only, or None for all (papers: 60:135).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sequences: tuple[Sequence, ...]
    optional: tuple[Sequence, ...] = ()
    size: tuple[int, int] = (256, 256)
    patch: tuple[int, int, int] | None = None
    fit: Literal["resize", "crop", "head"] = "resize"
    spacing_mm: float = Field(default=1.0, gt=0)
    context: int = Field(default=0, ge=0, le=8)
    normalise: Normalisation = "zscore_nonzero"
    foreground_fraction: float = Field(default=0.0, ge=0, lt=1)
    slices: tuple[int, int] | None = None

    @model_validator(mode="before")
    @classmethod
    def _size_of_patch(cls, values: Any) -> Any:
        """Let ``size`` be height and width of the patch, where there is one."""
        patch = values.get("patch") if isinstance(values, dict) else None
        if not isinstance(patch, list | tuple) or len(patch) != 3:
            return values
        return {**values, "size": tuple(patch[1:])}

    @model_validator(mode="after")
    def _possible(self) -> Preprocess:
        if self.patch is not None and min(self.patch) < 1:
            raise ValueError("patch: depth, height and width are at least 1")
        if self.patch is not None and (self.context or self.slices or self.fit != "crop"):
            raise ValueError("patch: needs fit 'crop', context 0 and no slices")
        if len(set(self.sequences)) < len(self.sequences):
            raise ValueError("sequences: name each once")
        if not set(self.optional) <= set(self.sequences):
            raise ValueError("optional: only sequences named in sequences can be optional")
        if min(self.size) < 1:
            raise ValueError("size: height and width are at least 1")
        if self.slices is not None and not 0 <= self.slices[0] < self.slices[1]:
            raise ValueError("slices: write [first, last) with 0 <= first < last")
        return self

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return len(self.sequences) * (2 * self.context + 1)

    @property
    def input_size(self) -> tuple[int, ...]:
        """Height and width of the network's input, or depth, height and width of a 3D one's."""
        return self.patch or self.size


@dataclass(frozen=True, eq=False)
class Prepared:
    """A study ready for a model.

    Attributes:
        array: float32 (Z, C, H, W): slices upwards, channels in the order of the sequences, rows to posterior. For 3D
            models a volume of any size at the model's spacing, for others the study's own slices.
        grid: The way back.
        missing: Sequences that were filled with zeros.
    """

    array: Array
    grid: SliceGrid | VolumeGrid
    missing: tuple[Sequence, ...]


def prepare(images: Mapping[Sequence, Image], spec: Preprocess) -> Prepared:
    """Turn the images of one study into model input.

    Args:
        images: The study's sequences on one grid.
        spec: The model's preprocessing.

    Raises:
        InputError: if a needed sequence is missing.
        GeometryError: if the sequences lie on different grids, or a 3D model is shown no volume of known voxel size.
    """
    present = [s for s in spec.sequences if s in images]
    missing = tuple(s for s in spec.sequences if s not in images)
    needed = [s for s in missing if s not in spec.optional]
    if needed or not present:
        required = ", ".join(s for s in spec.sequences if s not in spec.optional)
        raise InputError(
            expected=f"the sequences {required or 'of the model'}",
            found=", ".join(images) or "none",
            fix=f"Add {', '.join(needed or spec.sequences)} or choose a bundle that does without",
        )
    first = images[present[0]]
    for sequence in present[1:]:
        if not images[sequence].same_grid(first):
            raise GeometryError(
                expected=f"all sequences on one grid ({present[0]}: {first.shape})",
                found=f"{sequence} with shape {images[sequence].shape} or another affine",
                fix="Register and resample the sequences to one of them first",
            )
    oriented = {s: to_model_orientation(images[s]) for s in present}
    grid: SliceGrid | VolumeGrid
    if spec.patch is None:
        grid = _slice_grid(first, oriented, spec)
        depth, *plane = oriented[present[0]].shape[2], *spec.size
    else:
        grid = volume_grid(first, oriented, spec.spacing_mm)
        depth, *plane = grid.size
    array = np.zeros((depth, len(spec.sequences), *plane), dtype=np.float32)
    for channel, sequence in enumerate(spec.sequences):
        if sequence in oriented:
            normalised = NORMALISATIONS[spec.normalise](oriented[sequence], spec.foreground_fraction)
            array[:, channel] = grid.sample(normalised)
    return Prepared(array, grid, missing)


def _slice_grid(image: Image, oriented: Mapping[Sequence, Array], spec: Preprocess) -> SliceGrid:
    columns, rows = next(iter(oriented.values())).shape[:2]
    height, width = spec.size
    if spec.fit == "resize":
        scale = rows / height, columns / width
        offset = (scale[0] - 1) / 2, (scale[1] - 1) / 2
        return SliceGrid(image.affine, image.shape, spec.size, scale, offset)
    if spec.fit == "head":
        box = head_box(np.max([data.max(axis=2) for data in oriented.values()], axis=0).T.astype(np.float32))
        bounds = [side.indices(length)[:2] for side, length in zip(box, (rows, columns), strict=True)]
        scale = (bounds[0][1] - bounds[0][0]) / height, (bounds[1][1] - bounds[1][0]) / width
        offset = bounds[0][0] + (scale[0] - 1) / 2, bounds[1][0] + (scale[1] - 1) / 2
        return SliceGrid(image.affine, image.shape, spec.size, scale, offset)
    column_box, row_box = _brain_box(oriented)
    spacing = model_spacing(image)
    scale_row = spec.spacing_mm / spacing[1] if image.spacing_known else rows / height
    scale_column = spec.spacing_mm / spacing[0] if image.spacing_known else columns / width
    shrink = max(
        1.0, (row_box[1] - row_box[0]) / (scale_row * height), (column_box[1] - column_box[0]) / (scale_column * width)
    )
    scale = scale_row * shrink, scale_column * shrink
    offset = (
        (row_box[0] + row_box[1] - 1) / 2 - scale[0] * (height - 1) / 2,
        (column_box[0] + column_box[1] - 1) / 2 - scale[1] * (width - 1) / 2,
    )
    if scale == (1.0, 1.0):  # keep the voxels themselves: no interpolation at the native resolution
        offset = float(round(offset[0])), float(round(offset[1]))
    return SliceGrid(image.affine, image.shape, spec.size, scale, offset)


def _brain_box(oriented: Mapping[Sequence, Array]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the [first, last) columns and rows that hold any non-zero voxel of any sequence."""
    plane = np.any([(data != 0).any(axis=2) for data in oriented.values()], axis=0)
    if not plane.any():
        return (0, plane.shape[0]), (0, plane.shape[1])
    columns, rows = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    return (int(columns[0]), int(columns[-1]) + 1), (int(rows[0]), int(rows[-1]) + 1)


def with_context(array: Array, index: int, context: int) -> Array:
    """Stack slice ``index`` and its neighbours.

    Args:
        array: (Z, C, H, W).
        index: Slice.
        context: Neighbours each side; slices beyond the ends repeat the last one.

    Returns:
        (C·(2·context+1), H, W), lowest slice first.
    """
    if context == 0:
        return np.asarray(array[index])
    indices = np.clip(np.arange(index - context, index + context + 1), 0, array.shape[0] - 1)
    return np.concatenate([array[i] for i in indices])


def prepare_label(label: Image, prepared: Prepared, *, warn: bool = True) -> Array:
    """Bring a label map onto the model's pixels by nearest neighbour: uint8 (Z, H, W).

    Args:
        label: On the grid of what was prepared.
        prepared: From :func:`prepare`.
        warn: Warn when more than 2 % of the labelled voxels fall outside the model's view (S2-26).
    """
    oriented = to_model_orientation(label)
    sampled = prepared.grid.sample_labels(oriented)
    before = int((oriented > 0).sum())
    after = float((sampled > 0).sum()) * prepared.grid.voxels
    if warn and before and after < 0.98 * before:
        lost = 100 * (1 - after / before)
        log.warning("%s: cropping or resizing loses %.1f %% of the labelled voxels.", label.source, lost)
    return np.asarray(sampled)
