"""Left or right, and how far from the midline: the head registered to the ICBM152 template that nilearn carries."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.inference.postprocess import bounding_box
from tumorscope.study.look import TEMPLATE
from tumorscope.study.resample import to_voxel_grid

#: Voxel size of the grid on which the head is registered, mm.
GRID_MM = 4.0
#: The template at that size as the package stores it, and voxels of 1 mm in one of it.
HEAD, _PARTS = TEMPLATE.with_name("head_4mm.npz"), 64
#: Sequences in the order of their likeness to the template (T1).
_ORDER = (Sequence.T1, Sequence.T1CE, Sequence.FLAIR, Sequence.T2)
#: A head smaller than this along an axis (mm) is not registered.
_LEAST_MM = 70.0
#: An affine that stretches beyond these, or turns more than this, is no head on a template.
_STRETCH, _TURN_DEG, _COVERED = (0.7, 1.4), 50.0, 0.85
#: Minus the mutual information at 8 mm that a head in place reaches; else these starts (degrees
#: about x, y, z) are tried.
_ALIKE = -0.55
_STARTS = (
    *((20 * sign, 0, 0) for sign in (-1, 1)),
    *((0, 20 * roll, 20 * yaw) for roll in (-1, 0, 1) for yaw in (-1, 0, 1) if (roll, yaw) != (0, 0)),
)
#: Less than this share of a tumour on the other side does not count as crossing the midline.
CROSSES = 0.01


@dataclass(frozen=True)
class Midline:
    """The plane between the hemispheres.

    Attributes:
        normal: RAS+ unit vector towards the patient's right.
        offset: A point p (RAS+ mm) lies ``normal · p + offset`` mm to the right of the plane.
        method: "template" (registration) or "centre" (fallback: middle of the head, no tilt corrected).
        note: What a reader must know, one sentence.
    """

    normal: Array
    offset: float
    method: str
    note: str


def find_midline(images: Mapping[Sequence, Image]) -> Midline | None:
    """Find the plane between the hemispheres of a head.

    An affine transform of the head onto the template (Mattes mutual information, SimpleITK, 4 mm, fixed seed) maps the
    template's plane x = 0 into the scan. Where it fails the middle of the head is taken, and the note says so. The
    plane is where the midline would lie without a shift by the tumour.

    Args:
        images: Sequences on one grid, with or without skull.

    Returns:
        None where the images are single slices or do not tell sides or sizes.
    """
    image = next((images[s] for s in _ORDER if s in images), None)
    if image is None or not image.spacing_known or min(image.shape) < 2:
        return None
    grid, world = _resampled(image)
    inside = grid > 0.05 * np.percentile(grid, 99.5)
    if not inside.any():
        return None
    reason = _too_small(inside)
    if not reason:
        found, reason = _register(grid, world, inside)
        if found is not None:
            return _of_affine(found)
    where = np.flatnonzero(inside.any(axis=(1, 2)))
    middle = world[0] + GRID_MM * (where[0] + where[-1]) / 2
    note = f"The midline is the middle of the head ({reason}); tilt and cropping are not corrected."
    return Midline(np.array([1.0, 0.0, 0.0]), -float(middle), "centre", note)


def laterality(mask: Array, image: Image, midline: Midline) -> dict[str, Any]:
    """Say on which side a region lies and how far from the midline.

    Args:
        mask: Boolean (x, y, z).
        image: Its grid.
        midline: From :func:`find_midline`.

    Returns:
        ``side`` ("left", "right" or "both": more than 1 % of the volume on each side), ``left_share``,
        ``centre_to_midline_mm`` and ``nearest_to_midline_mm`` (0 where it crosses). Empty for an empty mask.
    """
    box = bounding_box(mask)
    if box is None:
        return {}
    row = midline.normal @ image.affine[:3, :3]
    x, y, z = (row[k] * np.arange(side.start, side.stop, dtype=np.float32) for k, side in enumerate(box))
    start = midline.normal @ image.affine[:3, 3] + midline.offset
    distance = (x[:, None, None] + y[None, :, None] + (z + start)[None, None, :])[mask[box]]
    left = float((distance < 0).mean())
    side = "left" if left >= 1 - CROSSES else "right" if left <= CROSSES else "both"
    nearest = 0.0 if side == "both" else float(np.abs(distance[(distance < 0) == (left > 0.5)]).min())
    return {
        "side": side,
        "left_share": round(left, 4),
        "centre_to_midline_mm": round(abs(float(distance.mean())), 2),
        "nearest_to_midline_mm": round(nearest, 2),
    }


def _of_affine(to_template: Array) -> Midline:
    """Return the plane that a 4×4 affine (RAS+ mm of the scan → MNI mm) maps to x = 0."""
    row = to_template[0]
    length = float(np.linalg.norm(row[:3]))
    note = "Midline from an affine registration to the ICBM152 template; a shift of the midline is not measured."
    return Midline(row[:3] / length, float(row[3]) / length, "template", note)


def _resampled(image: Image) -> tuple[Array, Array]:
    """Return the image on an axis-parallel RAS+ grid of 4 mm (means of 2³ samples), and the first voxel's place."""
    import SimpleITK as sitk

    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in image.shape])).reshape(3, -1)
    mm = image.affine[:3, :3] @ corners + image.affine[:3, 3:]
    low, high = mm.min(axis=1), mm.max(axis=1)
    shape = np.maximum(1, np.ceil((high - low) / GRID_MM)).astype(int)
    first = low + GRID_MM / 4
    fine = np.diag([GRID_MM / 2] * 3 + [1.0])
    fine[:3, 3] = first
    to_source = sitk.AffineTransform(3)
    matrix = np.linalg.inv(image.affine) @ fine
    to_source.SetMatrix(matrix[:3, :3].ravel().tolist())
    to_source.SetTranslation(matrix[:3, 3].tolist())
    x, y, z = (int(n) for n in shape)
    grid = [2 * x, 2 * y, 2 * z], to_source, sitk.sitkLinear, [0.0] * 3, [1.0] * 3, np.eye(3).ravel().tolist(), 0.0
    found = sitk.GetArrayFromImage(sitk.Resample(to_voxel_grid(image.data), *grid)).T
    return found.reshape(x, 2, y, 2, z, 2).mean(axis=(1, 3, 5)), low + GRID_MM / 2


def _too_small(inside: Array) -> str:
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        if (used[-1] - used[0] + 1) * GRID_MM < _LEAST_MM:
            return "the scan shows too little of the head to register it"
    return ""


@lru_cache(maxsize=1)
def _template() -> tuple[Array, Array, Array]:
    """Return what :func:`template_head` makes, from the package: reading the template itself takes 0.1 s."""
    with np.load(HEAD) as stored:
        return stored["t1"], stored["brain"].astype(np.float32) / _PARTS, stored["origin"]


def template_head() -> dict[str, Array]:
    """Make what :data:`HEAD` stores of the template at 4 mm along R, A, S.

    Returns:
        ``t1`` float32 (x, y, z); ``brain``: voxels of 1 mm inside it, of 64, uint8; ``origin``: first voxel in MNI mm.
    """
    t1 = _template_image()
    n = int(GRID_MM)

    def coarse(data: Array) -> Array:
        x, y, z = (size // n for size in data.shape)
        return np.asarray(data[: x * n, : y * n, : z * n].reshape(x, n, y, n, z, n).mean(axis=(1, 3, 5)))

    data = np.asarray(t1.dataobj, dtype=np.float32)
    brain = np.rint(_PARTS * coarse((data > 0).astype(np.float32))).astype(np.uint8)
    return {"t1": coarse(data), "brain": brain, "origin": np.asarray(t1.affine[:3, 3]) + (n - 1) / 2}


def _template_image() -> Any:
    """Read nilearn's file itself, RAS+ and free of skull: importing nilearn takes seconds."""
    import nibabel

    home = importlib.util.find_spec("nilearn")
    folders = [] if home is None else list(home.submodule_search_locations or ())
    found = [f for folder in folders for f in Path(folder, "datasets", "data").glob("*icbm152_t1*.nii.gz")]
    if not found:
        from nilearn import datasets

        return datasets.load_mni152_template(resolution=1)
    return nibabel.as_closest_canonical(nibabel.load(found[0]))


def _register(grid: Array, first: Array, inside: Array) -> tuple[Array | None, str]:
    """Register a head at 4 mm to the template.

    Returns:
        The affine (4×4) from RAS+ mm of the scan to MNI mm, or None and why.
    """
    import SimpleITK as sitk

    t1, brain, origin = _template()
    pair = _itk(grid, first), _itk(t1, origin)
    mask = sitk.Cast(_itk(_grown(brain > 0.1), origin) > 0.5, sitk.sitkUInt8)
    centre = np.argwhere(inside).mean(axis=0) * GRID_MM + first
    shift = np.argwhere(brain > 0.5).mean(axis=0) * GRID_MM + origin - centre

    def coarse(degrees: tuple[int, int, int], steps: int) -> tuple[float, Any]:
        turned = sitk.Euler3DTransform([0.0, 0.0, 0.0], *(float(np.radians(d)) for d in degrees))
        start = _placed(sitk.Similarity3DTransform(), centre, turned.GetMatrix(), shift)
        return _optimise(start, pair, mask, shrink=2, step=4.0, share=1.0, steps=steps), start

    try:
        best = coarse((0, 0, 0), 80)
        if best[0] > _ALIKE:  # a head that is turned far: try other starts
            best = min([best, *(coarse(start, 25) for start in _STARTS)], key=lambda found: found[0])
        fine = _placed(sitk.AffineTransform(3), centre, best[1].GetMatrix(), best[1].GetTranslation())
        _optimise(fine, pair, mask, shrink=1, step=2.0, share=0.1, steps=80)
    except RuntimeError:
        return None, "the registration to the template failed"
    affine = np.eye(4)
    affine[:3, :3] = np.array(fine.GetMatrix()).reshape(3, 3)
    affine[:3, 3] = np.array(fine.GetTranslation()) + centre - affine[:3, :3] @ centre
    plausible = _plausible(affine, inside, first, brain, origin)
    return (affine, "") if plausible else (None, "the registration to the template is not plausible")


def _placed(transform: Any, centre: Array, matrix: Any, shift: Any) -> Any:
    transform.SetCenter([float(v) for v in centre])
    transform.SetMatrix(matrix)
    transform.SetTranslation([float(v) for v in shift])
    return transform


def _optimise(
    transform: Any, pair: tuple[Any, Any], mask: Any, *, shrink: int, step: float, share: float, steps: int
) -> float:
    """Improve ``transform`` in place and return minus the mutual information."""
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(24)
    method.SetMetricMovingMask(mask)
    if share < 1:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(share, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(step, 0.005 * step, steps, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([shrink])
    method.SetSmoothingSigmasPerLevel([shrink - 1])
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(*pair)
    return float(method.GetMetricValue())


def _grown(brain: Array) -> Array:
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(brain, iterations=2), dtype=np.float32)


def _itk(volume: Array, first: Array) -> Any:
    """Return a SimpleITK image whose physical space is RAS+ mm as it stands (both images alike, so no flip matters)."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.T, dtype=np.float32))
    image.SetSpacing((GRID_MM,) * 3)
    image.SetOrigin([float(v) for v in first])
    return image


def _plausible(affine: Array, inside: Array, first: Array, brain: Array, origin: Array) -> bool:
    """Whether the affine neither stretches nor turns too much and the head covers the template's brain."""
    left, stretch, right = np.linalg.svd(affine[:3, :3])
    turn = left @ right
    degrees = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    if not (_STRETCH[0] <= stretch.min() and stretch.max() <= _STRETCH[1] and degrees <= _TURN_DEG):
        return False
    mni = np.argwhere(brain > 0.5) * GRID_MM + origin
    back = np.linalg.inv(affine)
    index = np.rint((mni @ back[:3, :3].T + back[:3, 3] - first) / GRID_MM).astype(int)
    ok = ((index >= 0) & (index < inside.shape)).all(axis=1)
    return float(inside[tuple(index[ok].T)].sum()) / len(mni) >= _COVERED
