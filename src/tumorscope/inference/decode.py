"""Logits → probabilities → label values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import LabelError
from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.inference.runtimes.base import sigmoid, softmax


def to_probabilities(logits: Array, outputs: Outputs) -> Array:
    """Turn logits (B, K, …) into float32 probabilities (B, len(outputs.names), …); no background channel."""
    if outputs.kind == "classes":
        return softmax(logits)[:, 1:]
    return sigmoid(logits)


def decode(
    probabilities: Mapping[str, Array],
    outputs: Outputs,
    scheme: LabelScheme,
    thresholds: Mapping[str, float] | None = None,
) -> Array:
    """Turn probability maps into label values of ``scheme``.

    Regions: from the largest to the smallest, each one's voxels take the class that belongs to it and to no smaller
    region (WT → oedema, TC → core, ET → enhancing); a smaller region wins over a larger one. Classes: the most
    probable, where the background has what the classes leave of 1. Binary: above the threshold.

    Args:
        probabilities: Output name → (x, y, z) in [0, 1].
        outputs: What the names are.
        scheme: Gives the values.
        thresholds: Output name → probability from which a region or binary class counts; default 0.5.

    Returns:
        uint8 (x, y, z).

    Raises:
        LabelError: if ``scheme`` lacks an output's region or class.
    """
    maps = [probabilities[name] for name in outputs.names]
    if outputs.kind == "classes":
        return _most_probable(maps, [class_value(scheme, name) for name in outputs.names])
    labels = np.zeros(maps[0].shape, dtype=np.uint8)
    names = outputs.names
    if outputs.kind == "regions":
        names = tuple(sorted(names, key=lambda n: -len(_classes(scheme, n))))
    for name in names:
        value = own_value(scheme, name) if outputs.kind == "regions" else class_value(scheme, name)
        labels[probabilities[name] >= (thresholds or {}).get(name, 0.5)] = value
    return labels


def _most_probable(maps: list[Array], values: list[int]) -> Array:
    """Arg-max over the classes and the background, one map in memory at a time."""
    best = np.asarray(1.0 - np.sum(maps, axis=0, dtype=np.float32))
    labels = np.zeros(best.shape, dtype=np.uint8)
    for probability, value in zip(maps, values, strict=True):
        wins = probability > best
        labels[wins] = value
        np.maximum(best, probability, out=best)
    return labels


def class_value(scheme: LabelScheme, name: str) -> int:
    """Return the integer of class ``name``.

    Raises:
        LabelError: if the scheme has no such class.
    """
    for label in scheme.labels:
        if label.name == name:
            return label.value
    raise LabelError(
        expected=f"a class of '{scheme.name}' ({', '.join(x.name for x in scheme.labels)})",
        found=f"'{name}' in the bundle's outputs",
        fix="Correct the bundle's scheme or classes",
    )


def _classes(scheme: LabelScheme, region: str) -> frozenset[str]:
    if region not in scheme.regions:
        raise LabelError(
            expected=f"a region of '{scheme.name}' ({', '.join(scheme.regions) or 'it has none'})",
            found=f"'{region}' in the bundle's outputs",
            fix="Correct the bundle's scheme",
        )
    return frozenset(scheme.regions[region])


def own_value(scheme: LabelScheme, region: str) -> int:
    """Return the value of the class that belongs to ``region`` and to no smaller one (the first, if there are several).

    Raises:
        LabelError: if the scheme has no such region.
    """
    classes = _classes(scheme, region)
    inner = [set(names) for names in scheme.regions.values() if set(names) < classes]
    own = [label.value for label in scheme.labels if label.name in classes - set().union(*inner)]
    return own[0] if own else next(label.value for label in scheme.labels if label.name in classes)


def value_below(scheme: LabelScheme, name: str) -> int:
    """Return what a voxel becomes when it loses region or class ``name``: the next larger region's own class, else 0.

    ET → core, core or TC → oedema, oedema or WT → background; classes without regions → background.
    """
    region = name if name in scheme.regions else _region_owned_by(scheme, name)
    if region is None:
        return 0
    classes = set(scheme.regions[region])
    larger = [r for r, names in scheme.regions.items() if set(names) > classes]
    return own_value(scheme, min(larger, key=lambda r: len(scheme.regions[r]))) if larger else 0


def _region_owned_by(scheme: LabelScheme, name: str) -> str | None:
    """Return the smallest region with class ``name``, if there is one."""
    holding = [r for r, names in scheme.regions.items() if name in names]
    return min(holding, key=lambda r: len(scheme.regions[r])) if holding else None
