"""How unsure the model's own probabilities are: voxel by voxel, of a volume, and of the map as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.core.segmentation import Segmentation

#: Levels u at which the region {p >= u} is looked at: the middles of 40 equal parts of 0 to 1.
LEVELS = (np.arange(40) + 0.5) / 40
#: Probabilities up to this count as 0 (most of a scan): no calibration reaches them.
FAINT = 0.01
#: Share of the probability that the interval of a volume holds.
COVERED = 0.9

METHOD = (
    "All voxels of a region are taken to err together (one level u, uniform from 0 to 1, decides: tumour is where the "
    "probability is at least u). Expected volume: the sum of the probabilities. Interval: the volumes at u = 0.95 and "
    "u = 0.05. Predicted Dice: the mean over u of the Dice between the map and {p >= u}. The "
    "probabilities are first calibrated by a temperature per region, where the model brings one (fitted on its "
    "validation patients)."
)


def calibrated(p: Array, temperature: float) -> Array:
    """Return probabilities with their logits divided by ``temperature``; those up to :data:`FAINT` are 0.

    Source: Guo et al., ICML 2017 (temperature scaling).
    """
    p = np.where(p > FAINT, p, 0.0)
    if temperature == 1:
        return p
    with np.errstate(divide="ignore"):
        odds = (p / np.clip(1 - p, 1e-9, None)) ** (1 / temperature)
    return np.asarray(odds / (1 + odds))


def region_uncertainty(
    segmentation: Segmentation, temperatures: Mapping[str, float] | None = None
) -> dict[str, dict[str, Any]]:
    """Say how sure the volume and the map of each region or class with a probability map are.

    The probabilities of neighbouring voxels are anything but independent, so their sum's binomial spread would be far
    too narrow. Here all voxels of a region err together: a level u, uniform on (0, 1), decides, and the region is where
    p ≥ u. That keeps each voxel's probability, has the mean volume Σp, and is the widest spread that the voxels'
    probabilities allow.

    Args:
        segmentation: With probabilities; none give an empty result.
        temperatures: Of each region's or class's probabilities, fitted on validation patients; 1 where missing.

    Returns:
        Region or class → ``expected_ml`` and ``interval_ml`` (90 %, both None where spacing is unknown),
        ``expected_voxels``, ``interval_voxels``, ``predicted_dice`` (mean over u of Dice(map, {p ≥ u}); both empty
        counts 1) and its ``predicted_dice_interval`` (90 %).
    """
    known, voxel = segmentation.labels.spacing_known, segmentation.labels.voxel_ml
    scheme = segmentation.scheme
    found = {}
    for name, image in segmentation.probabilities.items():
        if name not in scheme.targets:
            continue
        mask = segmentation.region(name)
        near = (image.data > FAINT) | mask
        p = calibrated(np.asarray(image.data[near], dtype=np.float32), (temperatures or {}).get(name, 1.0))
        expected = float(p.sum(dtype=np.float64))
        dices = _dice_at_levels(p, mask[near])
        low, high = int((p >= (1 + COVERED) / 2).sum()), int((p >= (1 - COVERED) / 2).sum())
        spread = np.quantile(dices, [(1 - COVERED) / 2, (1 + COVERED) / 2])
        found[name] = {
            "expected_voxels": round(expected, 1),
            "interval_voxels": [low, high],
            "expected_ml": round(expected * voxel, 4) if known else None,
            "interval_ml": [round(low * voxel, 4), round(high * voxel, 4)] if known else None,
            "predicted_dice": round(float(dices.mean()), 4),
            "predicted_dice_interval": [round(float(v), 4) for v in spread],
        }
    return found


def _dice_at_levels(p: Array, mask: Array) -> Array:
    """Return the Dice of {p ≥ u} with ``mask`` for every level u; both empty counts 1."""
    edges = np.concatenate([[-np.inf], LEVELS, [np.inf]])
    inside = np.histogram(p[mask], edges)[0][::-1].cumsum()[::-1][1:]
    volumes = np.histogram(p, edges)[0][::-1].cumsum()[::-1][1:]
    total = volumes + int(mask.sum())
    return np.asarray(np.divide(2 * inside, total, out=np.ones(len(LEVELS)), where=total > 0))


def uncertainty_map(segmentation: Segmentation) -> Array:
    """Return the entropy of the probabilities, voxel by voxel, in bits.

    Regions and binary outputs: the largest of the regions' binary entropies, 0 (sure) to 1 (a coin's toss). Exclusive
    classes: the entropy over the classes and the background, up to log2(classes + 1).

    Returns:
        float32 (x, y, z).
    """
    return largest_entropy({n: image.data for n, image in segmentation.probabilities.items()}, segmentation.scheme)


def largest_entropy(probabilities: Mapping[str, Array], scheme: LabelScheme) -> Array:
    """Return :func:`uncertainty_map` of probabilities that need not be whole volumes: float32 of their shape."""
    if not all(name in scheme.regions for name in probabilities):
        return next(iter(entropy_maps(probabilities, scheme).values())).astype(np.float32)
    largest = np.zeros(next(iter(probabilities.values())).shape, dtype=np.float32)
    for name, p in probabilities.items():  # one at a time: whole volumes are large
        for found in entropy_maps({name: p}, scheme).values():
            np.maximum(largest, found, out=largest)
    return largest


def entropy_maps(probabilities: Mapping[str, Array], scheme: LabelScheme) -> dict[str, Array]:
    """Return entropy in bits: per region, or one map ``H`` over exclusive classes and background.

    Args:
        probabilities: Region or class → values in [0, 1], all of one shape.
        scheme: Tells which names are regions.
    """
    if all(name in scheme.regions for name in probabilities):
        return {f"H({n})": _entropy(p) + _entropy(1 - np.asarray(p)) for n, p in probabilities.items()}
    rest = np.clip(1 - np.sum(list(probabilities.values()), axis=0), 0, 1)
    return {"H(class)": np.asarray(sum((_entropy(p) for p in probabilities.values()), _entropy(rest)))}


def _entropy(probability: Array) -> Array:
    p = np.asarray(probability)
    return np.asarray(-p * np.log2(np.where(p > 0, p, p.dtype.type(1))))
