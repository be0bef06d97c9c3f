"""Is this what the models were trained on? Signs that it is not, each with its measure and limits.

Limits were set on BraTS patients outside the fixed test list (``benchmarks/studies.py``); how often the flag rises on
normal cases, and on what it must rise, is in ``docs/studies.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import shift

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.classify import assign, log_probabilities_of
from tumorscope.study.look import STEP_MM, TEMPLATE, background, brain_view, features
from tumorscope.study.state import has_skull

#: Measure → least and largest value that passes. Training patients: 1146 to 1746 ml, overlap 0.93 to 0.96.
LIMITS: dict[str, tuple[float, float]] = {
    "brain_ml": (850.0, 2150.0),
    "overlap": (0.89, 1.0),
    "smoothness": (0.5, 1.0),
    "spacing_mm": (0.4, 3.0),
}
#: Logarithm of how much more probable another assignment of the images to sequences must be: held-out training
#: patients stay below 1.1 with any subset of their sequences, and every swap exceeds 1.5.
SWAP_MARGIN = 1.5
#: Edge of the cube that masks are compared in.
_CUBE = 48
#: Fewer slices are no whole head.
_SLICES = 8


@dataclass(frozen=True)
class Flag:
    """One sign that a study is not what models were trained on.

    Attributes:
        name: "contrast", "skull", "brain", "noise", "spacing", "inverted", "orientation".
        sentence: For people.
        value: What was measured, where it is a number.
    """

    name: str
    sentence: str
    value: float | None = None


def check_study(images: Mapping[Sequence, Image], *, stripped: bool = True) -> list[Flag]:
    """Look for signs that images about to be shown to a BraTS-trained model are none it knows.

    Args:
        images: On one grid.
        stripped: The model was trained on scans without skull.

    Returns:
        Nothing where the study looks normal.
    """
    first = next(iter(images.values()))
    flags = _spacing(first)
    if min(first.shape) < _SLICES:
        return [*flags, Flag("brain", f"Only {min(first.shape)} slice(s): not a whole head.", float(min(first.shape)))]
    if stripped:
        seen = [s.value for s, image in images.items() if has_skull(image)]
        if seen:
            flags.append(
                Flag("skull", f"{' and '.join(seen)}: more than a brain is in view (skull, or no head at all).")
            )
    views = {s: brain_view(image) for s, image in images.items()}
    brain = np.any([inside for _, inside in views.values()], axis=0)
    flags += _shape(brain, first)
    for sequence, (data, inside) in views.items():
        flags += _signal(sequence, data, inside, images[sequence])
    if not any(flag.name == "noise" for flag in flags):
        flags += _contrast({s: features(data, inside) for s, (data, inside) in views.items()})
    return flags


def _spacing(image: Image) -> list[Flag]:
    low, high = LIMITS["spacing_mm"]
    if not image.spacing_known:
        return [Flag("spacing", "The voxel size is unknown.")]
    worst = max(image.spacing, key=lambda v: abs(np.log(v)))
    if low <= min(image.spacing) and max(image.spacing) <= high:
        return []
    return [Flag("spacing", f"A voxel edge of {worst:.2g} mm; models know {low:g} to {high:g} mm.", round(worst, 3))]


def _shape(brain: Array, image: Image) -> list[Flag]:
    """Is it as large as a brain, shaped like one, and upright?"""
    ml = float(brain.mean()) * float(np.prod(image.shape)) * image.voxel_ml
    measured = brain_measures(brain)
    low, high = LIMITS["brain_ml"]
    if not low <= ml <= high:
        return [
            Flag("brain", f"What is in view measures {ml:.0f} ml; a brain has {low:.0f} to {high:.0f} ml.", round(ml))
        ]
    least = LIMITS["overlap"][0]
    if measured["turned"] > max(measured["overlap"], least):
        return [Flag("orientation", "The brain seems upside down or back to front.", round(measured["turned"], 3))]
    if measured["overlap"] < least:
        return [Flag("brain", "What is in view has not the shape of a whole brain.", round(measured["overlap"], 3))]
    return []


def brain_measures(brain: Array) -> dict[str, float]:
    """Return the overlap (Dice) of ``brain`` with the template's, and the best overlap of the template turned over.

    Centres of mass are laid over one another and sizes made equal first, so position and size do not count.
    """
    found = _normalised(brain)
    wanted = _template()
    turned = [np.flip(wanted, axes) for axes in ((2,), (1,), (1, 2))]
    return {"overlap": _dice(found, wanted), "turned": max(_dice(found, _recentred(t)) for t in turned)}


def _normalised(mask: Array) -> Array:
    """Bring a mask into a cube: centre of mass in the middle, volume that of a ball of a given radius."""
    from scipy.ndimage import affine_transform

    count = float(mask.sum())
    if count < 100:
        return np.zeros((_CUBE,) * 3, dtype=np.float32)
    centre = np.array([float(i.mean()) for i in np.nonzero(mask)])
    step = (count / (0.11 * _CUBE**3)) ** (1 / 3)
    middle = (_CUBE - 1) / 2
    moved = affine_transform(mask.astype(np.float32), np.full(3, step), centre - step * middle, (_CUBE,) * 3, order=1)
    return np.asarray(moved)


def _recentred(mask: Array) -> Array:
    centre = np.array(
        [float((mask.sum(axis=tuple(b for b in range(3) if b != a)) * np.arange(_CUBE)).sum()) for a in range(3)]
    )
    return np.asarray(shift(mask, (_CUBE - 1) / 2 - centre / float(mask.sum()), order=1))


def _dice(a: Array, b: Array) -> float:
    total = float(a.sum() + b.sum())
    return 2 * float(np.minimum(a, b).sum()) / total if total else 0.0


@lru_cache(maxsize=1)
def _template() -> Array:
    """The template's brain in BraTS pose, normalised, from the package."""
    with np.load(TEMPLATE) as stored:
        return np.asarray(stored["shape"], dtype=np.float32) / 255


def template_shape() -> Array:
    """Make what the package stores of the template's shape: uint8."""
    from tumorscope.datasets.phantom.template import TO_MNI, load_template, sample

    axes = [np.arange(0, n, STEP_MM, dtype=np.float32) for n in (240, 240, 155)]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    inside = sample(load_template().mask, (TO_MNI[:, :3] @ voxels + TO_MNI[:, 3:]).astype(np.float32)) > 0.5
    mask = np.flip(inside.reshape([len(a) for a in axes]), (0, 1))  # BraTS voxels run to L and P, views to R and A
    return np.asarray(np.rint(255 * _normalised(mask)), dtype=np.uint8)


def _signal(sequence: Sequence, data: Array, inside: Array, image: Image) -> list[Flag]:
    """Is there tissue in it, rather than noise, and is it the right way up in brightness?"""
    if np.count_nonzero(inside) < 100:
        return [Flag("brain", f"{sequence} is all but empty.")]
    flags = []
    smooth = smoothness(data, inside)
    if smooth < LIMITS["smoothness"][0]:
        flags.append(
            Flag(
                "noise",
                f"{sequence} is noise rather than tissue (neighbours correlate {smooth:.2f}).",
                round(smooth, 3),
            )
        )
    if background(image.data) > float(np.median(data[inside])):
        flags.append(Flag("inverted", f"{sequence} is bright where there is no tissue: it seems inverted."))
    return flags


def smoothness(data: Array, inside: Array) -> float:
    """Return the correlation of neighbouring voxels (about 2 mm apart) within the brain, the largest of three axes."""
    found = []
    for axis in range(3):
        a, b = np.swapaxes(data, 0, axis), np.swapaxes(inside, 0, axis)
        both = b[1:] & b[:-1]
        x, y = a[1:][both], a[:-1][both]
        if x.size < 100 or x.std() == 0 or y.std() == 0:
            return 0.0
        found.append(float(np.corrcoef(x, y)[0, 1]))
    return max(found)


def _contrast(numbers: Mapping[Sequence, Array]) -> list[Flag]:
    """Do the images look like what they are called, all together and each by itself?"""
    order = list(Sequence)
    scores = {s: log_probabilities_of(n) for s, n in numbers.items()}
    best = [s for s, _ in assign(list(scores.values()))]
    claimed = sum(scores[s][order.index(s)] for s in scores)
    reached = sum(score[order.index(s)] for score, s in zip(scores.values(), best, strict=True))
    if reached - claimed > SWAP_MARGIN:
        swapped = [f"{s} looks like {b}" for s, b in zip(scores, best, strict=True) if s is not b]
        return [
            Flag(
                "contrast",
                f"Are sequences swapped, or intensities inverted? {', '.join(swapped)}.",
                round(float(reached - claimed), 2),
            )
        ]
    return []
