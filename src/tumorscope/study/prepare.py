"""A raw study → images a model knows: one grid, BraTS pose, no skull."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch, unwatched
from tumorscope.study.atlas import brats_affine, brats_pose, brats_shape
from tumorscope.study.brain import brain_mask
from tumorscope.study.register import Fixed, Move
from tumorscope.study.resample import resample
from tumorscope.study.space import StudySpace
from tumorscope.study.state import State, has_skull, study_state

#: Sequences on one grid that lie closer than this (mm, anywhere in the head) are left where they are.
ALIGNED_MM = 1.0
#: Voxels whose longest edge is more than this times the shortest are made cubes.
FLAT = 1.5
#: Which sequence the result belongs to, where several are scanned equally fine.
_ORDER = (Sequence.T1CE, Sequence.T1, Sequence.FLAIR, Sequence.T2)
#: Which sequence the brain is looked for in: deepbet knows T1-weighted scans.
_BRAIN_ORDER = (Sequence.T1, Sequence.T1CE, Sequence.FLAIR, Sequence.T2)


def prepare_study(
    images: Mapping[Sequence, Image],
    *,
    strip: bool = True,
    spacing: float = 1.0,
    bias: bool = False,
    watch: Watch = unwatched,
) -> StudySpace:
    """Co-register, resample and skull-strip a study, as far as it needs it.

    A study without skull whose sequences share a grid is returned untouched, or only its flat voxels are made cubes.
    Otherwise every sequence is registered to the target (rigid, mutual information), the head is turned into the pose
    of BraTS brains, and each sequence is interpolated once, from its own voxels to the BraTS grid.

    Args:
        images: In memory, with known spacing; any grids.
        strip: Remove the skull.
        spacing: Voxel edge of the model's grid in mm.
        bias: Also correct the bias field (N4) in every sequence.
        watch: Told before each step; may stop the work.

    Raises:
        InputError: if no brain is found in a scan with skull.
        GeometryError: if a sequence cannot be registered.
        MissingDependencyError: if deepbet's weights are needed and absent.
    """
    state = study_state(images)
    target = choose_target(images)
    work = _Work(dict(images), target, (state, strip, spacing), watch)
    if not state.whole:
        return work.untouched()
    if state.prepared or (not strip and state.one_grid):
        return work.in_place(bias)
    return work.run(bias)


def choose_target(images: Mapping[Sequence, Image]) -> Sequence:
    """Return the sequence scanned finest (its coarsest voxel edge counts, to 0.3 mm); T1CE first among equals."""
    fineness = {s: max(round(max(image.spacing) / 0.3), 4) for s, image in images.items()}
    return min(images, key=lambda s: (fineness[s], _ORDER.index(s)))


class _Work:
    """One study on its way; every step leaves its time, a sentence and a record."""

    def __init__(
        self, images: dict[Sequence, Image], target: Sequence, how: tuple[State, bool, float], watch: Watch
    ) -> None:
        self.images, self.target, self.watch = images, target, watch
        self.state, self.strip, self.spacing = how
        self.notes: list[str] = []
        self.steps: dict[str, Any] = {"state": self.state.reason, "target": target.value}
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def untouched(self) -> StudySpace:
        """Return the study as it is."""
        self.steps["done"] = "nothing"
        first = next(iter(self.images))
        return StudySpace(self.images, first, self.images[first], None, {}, (), self.steps, self.seconds)

    def in_place(self, bias: bool) -> StudySpace:
        """Keep the pose; only make flat voxels cubes, and correct the bias field if that is wanted."""
        first = next(iter(self.images))
        grid = self.images[first]
        flat = max(grid.spacing) > FLAT * min(grid.spacing)
        if not flat and not bias:
            return self.untouched()
        if flat:
            affine, shape = _cubes(grid, self.spacing)
            self.images = {s: resample(image, affine, shape) for s, image in self.images.items()}
            edges = " × ".join(f"{v:.2g}" for v in grid.spacing)
            self.notes.append(
                f"Voxels of {edges} mm were interpolated to {self.spacing:g} mm; the result lies on the scan's own."
            )
            self.steps["grid"] = {"spacing_mm": self.spacing}
            self._lap("resample")
        self._bias(bias)
        moved = np.eye(4) if flat else None
        return StudySpace(self.images, first, grid, moved, {}, tuple(self.notes), self.steps, self.seconds)

    def run(self, bias: bool) -> StudySpace:
        """Do all steps."""
        self.watch("looking for the brain", 0.0)
        self.notes.append(self.state.reason)
        mask, owner = self._brain()
        moves = self._register(mask, owner)
        if mask is not None:
            mask = self._lap("mask", mask if owner is self.target else self._onto_target(mask, moves[owner]))
        pose = self._pose(mask)
        affine, shape = self._grid(pose)
        prepared = {s: resample(image, affine, shape, moves[s].matrix @ pose) for s, image in self.images.items()}
        if mask is not None:
            inside = resample(mask.with_data(mask.data.astype(np.float32)), affine, shape, pose).data > 0.5
            prepared = {s: x.with_data(np.where(inside, np.maximum(x.data, 0), 0)) for s, x in prepared.items()}
        grid = self.images[self.target]
        self.images = prepared
        self._lap("resample")
        self._bias(bias)
        edges = " × ".join(f"{v:.2g}" for v in grid.spacing)
        self.notes.append(
            f"The result lies on the grid of {self.target} ({edges} mm, {'×'.join(map(str, grid.shape))})."
        )
        matrices = {s: move.matrix for s, move in moves.items()}
        return StudySpace(self.images, self.target, grid, pose, matrices, tuple(self.notes), self.steps, self.seconds)

    def _lap(self, name: str, value: Any = None) -> Any:
        now = time.perf_counter()
        self.seconds[name] = round(self.seconds.get(name, 0.0) + now - self._last, 3)
        self._last = now
        return value

    def _brain(self) -> tuple[Image | None, Sequence]:
        """Find the brain in the sequence that shows it best, in that sequence's own grid."""
        if not (self.strip and self.state.skull):
            return None, self.target
        owner = next(s for s in _BRAIN_ORDER if s in self.images and has_skull(self.images[s]))
        mask = brain_mask(self.images[owner])
        ml = float(np.count_nonzero(mask.data)) * mask.voxel_ml
        self.steps["brain"] = {"from": owner.value, "ml": round(ml, 1), "by": "deepbet"}
        self.notes.append(f"The skull was removed by deepbet in {owner}: a brain of {ml:.0f} ml was left.")
        if owner not in (Sequence.T1, Sequence.T1CE):
            self.notes.append(
                "deepbet was made for T1-weighted scans, and there is none here: check the brain's outline."
            )
        self._lap("brain")
        return mask, owner

    def _register(self, mask: Image | None, owner: Sequence) -> dict[Sequence, Move]:
        """Register every sequence to the target."""
        moves = {self.target: Move(np.eye(4))}
        self.watch("bringing the sequences together", 0.4)
        fixed_image = self.images[self.target]
        centre = fixed_image.affine[:3, :3] @ ((np.array(fixed_image.shape) - 1) / 2) + fixed_image.affine[:3, 3]
        fixed = None
        for sequence in self.images:
            if sequence is self.target:
                continue
            fixed = fixed or Fixed(fixed_image, mask if owner is self.target else None)
            move = self._move(fixed, sequence)
            apart = move.largest_mm(centre)
            if self.images[sequence].same_grid(fixed_image) and apart <= ALIGNED_MM:
                move = Move(np.eye(4), move.gain, move.information)
            moves[sequence] = move
            self._say_move(sequence, move, apart, centre)
        self._lap("register")
        return moves

    def _move(self, fixed: Fixed, sequence: Sequence) -> Move:
        try:
            return fixed.register(self.images[sequence])
        except RuntimeError as error:
            raise GeometryError(
                expected=f"{sequence} and {self.target} of one head, so that one can be registered to the other",
                found="images that do not overlap, or too few voxels",
                fix="Check that both belong to one study",
            ) from error

    def _say_move(self, sequence: Sequence, move: Move, apart: float, centre: Array) -> None:
        shift, turn = move.shift_mm(centre), move.rotation_deg
        self.steps.setdefault("moves", {})[sequence.value] = {
            "shift_mm": round(shift, 2),
            "rotation_deg": round(turn, 2),
            "information_gained": round(move.gain, 3),
            "matrix": [[round(float(v), 5) for v in row] for row in move.matrix],
        }
        if np.array_equal(move.matrix, np.eye(4)):
            self.notes.append(f"{sequence} lay on {self.target} already (within {max(apart, 0.1):.1f} mm).")
        else:
            self.notes.append(
                f"{sequence} was registered to {self.target}: moved {shift:.1f} mm and turned {turn:.1f}°."
            )

    def _onto_target(self, mask: Image, move: Move) -> Image:
        grid = self.images[self.target]
        found = resample(mask.with_data(mask.data.astype(np.float32)), grid.affine, grid.shape, move.matrix)
        return found.with_data(found.data > 0.5)

    def _pose(self, mask: Image | None) -> Array:
        """Return RAS mm of BraTS space → RAS mm of the target."""
        self.watch("turning the head into the pose of the training data", 0.8)
        image = self.images[self.target]
        brain = image if mask is None else image.with_data(np.where(mask.data, image.data, 0))
        found = brats_pose(brain, self.target)
        if found is None:
            self.notes.append("The head could not be laid over the template: it was left in the scanner's pose.")
            move = _centred(brain)
        else:
            turn = found.rotation_deg
            self.notes.append(f"The head was turned by {turn:.1f}° into the pose of the training data.")
            self.steps["pose"] = {"rotation_deg": round(turn, 2)}
            move = found.matrix
        self._lap("pose")
        return move

    def _grid(self, pose: Array) -> tuple[Array, tuple[int, int, int]]:
        """Return the BraTS grid at the model's spacing."""
        self.steps["grid"] = {"spacing_mm": self.spacing, "pose": [[round(float(v), 5) for v in row] for row in pose]}
        return brats_affine(self.spacing), brats_shape(self.spacing)

    def _bias(self, wanted: bool) -> None:
        if not wanted:
            return
        from tumorscope.study.bias import correct_bias

        self.images = {s: correct_bias(image) for s, image in self.images.items()}
        self.notes.append("The bias field was corrected (N4).")
        self.steps["bias"] = "N4"
        self._lap("bias")


def _cubes(image: Image, spacing: float) -> tuple[Array, tuple[int, int, int]]:
    """Return a grid along the same axes with cubes of ``spacing`` mm over the same field of view."""
    factors = spacing / np.array(image.spacing)
    size = np.maximum(np.ceil(np.array(image.shape) / factors - 1e-6), 1).astype(int)
    affine = image.affine.copy()
    affine[:3, :3] = image.affine[:3, :3] * factors
    affine[:3, 3] += image.affine[:3, :3] @ (((np.array(image.shape) - 1) - factors * (size - 1)) / 2)
    x, y, z = (int(n) for n in size)
    return affine, (x, y, z)


def _centred(image: Image) -> Array:
    """Return the shift that lays the middle of the BraTS grid over the middle of what ``image`` shows."""
    shown = np.nonzero(image.data > 0)
    voxel = np.array([(i.min() + i.max()) / 2 if len(i) else 0 for i in shown])
    middle = brats_affine(1.0) @ np.array([*((np.array(brats_shape(1.0)) - 1) / 2), 1.0])
    move = np.eye(4)
    move[:3, 3] = image.affine[:3, :3] @ voxel + image.affine[:3, 3] - middle[:3]
    return move
