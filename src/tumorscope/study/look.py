"""What a brain looks like in one image, in a few numbers that do not depend on the scanner's scale."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.orientation import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

#: Distance between the voxels that are looked at, mm.
STEP_MM = 2.0
#: Intensities of the brain are cut into bins at these percentiles; of each bin it is asked in which tissue it lies.
CUTS = (1, 2, 5, 10, 25, 50, 75, 90, 95, 98, 99)
PERCENTILES = (1, 5, 25, 75, 95, 99, 99.9)
TISSUES = ("csf", "lakes", "gm", "wm", "depth")
#: Numbers that :func:`features` returns.
N_FEATURES = len(TISSUES) * (len(CUTS) + 1) + len(PERCENTILES)
#: The template's maps as the package stores them.
TEMPLATE = Path(__file__).with_name("template.npz")
_FLOOR = 0.02
#: Fewer voxels than this are no brain.
_LEAST = 2000


def brain_view(image: Image, mask: Image | None = None) -> tuple[Array, Array]:
    """Return a scan at about 2 mm along R, A, S and the brain in it.

    Args:
        image: A scan; without ``mask`` everything that is not the background value counts as brain.
        mask: Brain mask on the same grid.

    Returns:
        Intensities float32 and brain bool, both (x, y, z).
    """
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt("RAS"))
    spacing = np.array(image.spacing)[np.argsort(turn[:, 0])]
    data = apply_orientation(image.data, turn)
    inside = apply_orientation(mask.data, turn) > 0.5 if mask is not None else data != background(image.data)
    steps = tuple(slice(None, None, max(1, round(STEP_MM / s))) for s in spacing)
    return np.asarray(data[steps], dtype=np.float32), np.asarray(inside[steps])


def background(data: Array) -> float:
    """Return the value of the image's corners if they share one, else its lowest value."""
    corners = data[:: max(1, data.shape[0] - 1), :: max(1, data.shape[1] - 1), :: max(1, data.shape[2] - 1)]
    values, counts = np.unique(corners, return_counts=True)
    return float(values[counts.argmax()]) if counts.max() > corners.size / 2 else float(data.min())


def features(data: Array, brain: Array) -> Array:
    """Say in numbers which tissue is dark and which is bright, and how far intensities spread.

    The template's box is laid over the brain's. For each bin of intensities (:data:`CUTS`) and tissue: the template's
    mean tissue fraction there less that of the whole brain; then the logarithms of percentiles over the median. No
    number changes with the scale of the intensities.

    Args:
        data: Intensities along R, A, S.
        brain: Where the brain is.

    Returns:
        float64 (N_FEATURES,); NaN where there is no brain to speak of.
    """
    if np.count_nonzero(brain) < _LEAST:
        return np.full(N_FEATURES, np.nan)
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(brain))
    inside = brain[box]
    values = data[box][inside]
    values = values - min(0.0, float(values.min()))
    middle = float(np.median(values))
    if middle <= 0:
        return np.full(N_FEATURES, np.nan)
    bins = np.searchsorted(np.percentile(values, CUTS), values)
    count = np.maximum(np.bincount(bins, minlength=len(CUTS) + 1), 1)
    found = []
    for name in TISSUES:
        tissue = _fitted(name, inside.shape)[inside]
        found.append(np.bincount(bins, weights=tissue, minlength=len(CUTS) + 1) / count - float(tissue.mean()))
    spread = np.log(np.maximum(np.percentile(values, PERCENTILES) / middle, _FLOOR))
    return np.concatenate([*found, spread])


def _fitted(name: str, shape: tuple[int, ...]) -> Array:
    """Return a tissue map of the template, its brain's box stretched to ``shape``."""
    source = _tissues()[name]
    picks = [
        np.minimum(((np.arange(m) + 0.5) * n / m).astype(int), n - 1) for n, m in zip(source.shape, shape, strict=True)
    ]
    return np.asarray(source[np.ix_(*picks)])


@lru_cache(maxsize=1)
def _tissues() -> dict[str, Array]:
    """Tissue fractions of the template at 2 mm within its brain's box (see :func:`template_maps`), from the package."""
    with np.load(TEMPLATE) as stored:
        return {name: stored[name].astype(np.float32) / 255 for name in TISSUES}


def template_maps() -> dict[str, Array]:
    """Make the maps that :data:`TEMPLATE` stores: smoothed to bear a poor fit, uint8; depth in units of 30 mm.

    They are stored because reading the template itself takes seconds.
    """
    from scipy.ndimage import gaussian_filter

    from tumorscope.datasets.phantom.template import load_template

    template = load_template()
    box = tuple(slice(int(i.min()), int(i.max()) + 1, 2) for i in np.nonzero(template.mask > 0.5))
    maps = {name: gaussian_filter(getattr(template, name), 2.0)[box] for name in ("csf", "lakes", "gm", "wm")}
    maps["depth"] = np.clip(template.depth, 0, 30)[box] / np.float32(30)
    return {name: np.rint(255 * np.clip(found, 0, 1)).astype(np.uint8) for name, found in maps.items()}
