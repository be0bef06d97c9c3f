"""Slices → volumes: splitting a series into its volumes, order, affine, and what is missing or double."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from tumorscope.core.image import Array
from tumorscope.formats.dicom_frames import Frame

#: A distance between slices may differ by this fraction of a slice.
_STEP_TOLERANCE = 0.1
#: Missing slices are filled by interpolation up to this many in a row, and this fraction of all.
MAX_GAP, MAX_MISSING = 2, 0.1
#: Slices may lie this far (mm) beside the line through the first and the last.
_OFF_LINE_MM = 0.5
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Stack:
    """The slices of one volume in order.

    Attributes:
        frames: Slice k, or None where it is missing and is to be interpolated.
        affine: Voxel (column, row, slice) → RAS+ mm, 4×4.
        notes: What is odd, in sentences.
        unusable: Why no volume can be made of it; empty if one can.
    """

    frames: tuple[Frame | None, ...]
    affine: Array
    notes: tuple[str, ...] = ()
    unusable: str = ""

    @property
    def first(self) -> Frame:
        """The first slice there is."""
        return next(f for f in self.frames if f is not None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices."""
        rows, columns = self.first.size
        return columns, rows, len(self.frames)


def make_stacks(frames: list[Frame]) -> list[Stack]:
    """Split the frames of one series into volumes and put each in order.

    Volumes differ in orientation, size, pixel size, echo, temporal position, b-value, image type or stack. Where
    positions repeat within such a group, acquisition numbers and then the order of instances tell the volumes apart.
    """
    stacks = []
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    doubles = len(frames) - len({(f.uid, f.number) for f in frames})
    unique = {(f.uid, f.number): f for f in frames}.values() if all(f.uid for f in frames) else frames
    for frame in unique:
        plane = tuple(np.round(frame.axes.ravel(), 2) + 0.0)
        groups[(plane, frame.size, tuple(round(v, 3) for v in frame.spacing), *frame.part)].append(frame)
    for group in groups.values():
        stacks += [_stack(part, notes) for part, notes in _volumes_of(group)]
    if doubles and stacks:
        note = f"{doubles} slices were there twice and were used once."
        stacks[0] = Stack(stacks[0].frames, stacks[0].affine, (note, *stacks[0].notes), stacks[0].unusable)
    return stacks


def _volumes_of(group: list[Frame]) -> list[tuple[list[Frame], tuple[str, ...]]]:
    """Split a group in which positions repeat; each part has every position once."""
    if not _repeats(group):
        return [(group, ())]
    by_number: dict[int, list[Frame]] = defaultdict(list)
    for frame in group:
        by_number[frame.acquisition].append(frame)
    if len(by_number) > 1 and not any(_repeats(part) for part in by_number.values()):
        return [(part, ()) for part in by_number.values()]
    places: dict[float, list[Frame]] = defaultdict(list)
    for frame in sorted(group, key=lambda f: f.instance):
        places[round(_depth(frame), 2)].append(frame)
    times = {len(v) for v in places.values()}
    if len(times) == 1 and len(places) > 1:
        return [([v[k] for v in places.values()], ()) for k in range(times.pop())]
    extra = len(group) - len(places)
    return [([v[0] for v in places.values()], (f"{extra} slices share a place with another and were left out.",))]


def _repeats(frames: list[Frame]) -> bool:
    return len({round(_depth(f), 2) for f in frames}) < len(frames)


def _depth(frame: Frame) -> float:
    """Position along the normal, which points to where slices go up."""
    return float(frame.position @ np.cross(frame.axes[0], frame.axes[1]))


def _stack(frames: list[Frame], notes: tuple[str, ...]) -> Stack:
    ordered = sorted(frames, key=_depth)
    first = ordered[0]
    if len(ordered) == 1:
        return Stack(tuple(ordered), _affine(first, np.cross(*first.axes) * first.thickness), notes)
    filled, said, unusable = _filled(ordered)
    step = (ordered[-1].position - first.position) / (len(filled) - 1)
    line = first.position + np.outer(np.arange(len(filled)), step)
    off = max(float(np.linalg.norm(f.position - p)) for f, p in zip(filled, line, strict=True) if f is not None)
    if not unusable and off > max(_OFF_LINE_MM, _STEP_TOLERANCE * float(np.linalg.norm(step))):
        unusable = f"its slices lie up to {off:.1f} mm beside a straight line"
    tilt = _tilt(first, step)
    if tilt > 1.0:
        said = (*said, f"The slices are staggered by {tilt:.0f}° (a sheared grid); positions are kept exactly.")
    return Stack(tuple(filled), _affine(first, step), (*notes, *said), unusable)


def _filled(ordered: list[Frame]) -> tuple[list[Frame | None], tuple[str, ...], str]:
    """Put None where slices are missing; the result has one distance throughout."""
    gaps = np.diff([_depth(f) for f in ordered])
    step = float(np.median(gaps))
    times = np.rint(gaps / step).astype(int)
    irregular = np.abs(gaps - times * step) > _STEP_TOLERANCE * step * np.maximum(times, 1)
    if irregular.any() or (times < 1).any():
        return list(ordered), (), f"its slices are {gaps.min():.2f} to {gaps.max():.2f} mm apart"
    missing = int((times - 1).sum())
    if not missing:
        return list(ordered), (), ""
    filled: list[Frame | None] = [ordered[0]]
    for frame, n in zip(ordered[1:], times, strict=True):
        filled += [None] * (int(n) - 1) + [frame]
    where = _ranges([k + 1 for k, f in enumerate(filled) if f is None])
    if times.max() - 1 > MAX_GAP or missing > MAX_MISSING * len(filled):
        return filled, (), f"{missing} of {len(filled)} slices are missing ({where})"
    return (
        filled,
        (f"{missing} of {len(filled)} slices are missing ({where}): interpolated from their neighbours.",),
        "",
    )


def _ranges(numbers: list[int]) -> str:
    """Write 3, 4, 5, 9 as "3-5, 9"."""
    runs = [[n for _, n in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _tilt(frame: Frame, step: Array) -> float:
    """Angle between the direction from slice to slice and the normal, degrees."""
    cosine = float(step @ np.cross(*frame.axes) / np.linalg.norm(step))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _affine(first: Frame, step: Array) -> Array:
    """Voxel (column, row, slice) → RAS+ mm (DICOM PS3.3 C.7.6.2.1.1, with x and y turned round)."""
    affine = np.eye(4)
    between_rows, between_columns = first.spacing
    lps = np.column_stack([first.axes[0] * between_columns, first.axes[1] * between_rows, step])
    affine[:3, :3] = _LPS_TO_RAS @ lps
    affine[:3, 3] = _LPS_TO_RAS @ first.position
    return affine
