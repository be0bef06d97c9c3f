"""What copying masks, or classes, scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.baselines import BASELINES
from tumorscope.baselines.mask_crop import MaskCrop
from tumorscope.baselines.slice_set import SliceSet, Source
from tumorscope.core.labels import LabelScheme
from tumorscope.metrics import CaseScore, EmptyPolicy, RegionScore, Score, Unit, aggregate, summarise

#: Metrics that are shown; accuracy brings sensitivity and specificity along.
METRICS = ("dice", "iou", "accuracy")


def mask_scores(
    name: str,
    test: SliceSet,
    train: SliceSet,
    scheme: LabelScheme,
    *,
    unit: Unit = Unit.SLICE,
    policies: Sequence[EmptyPolicy] = (EmptyPolicy.BOTH_EMPTY_ONE, EmptyPolicy.POSITIVES_ONLY),
    n_boot: int = 1000,
) -> list[Score]:
    """Score a baseline of the registry on the test slices.

    Args:
        name: Baseline.
        test: Slices with masks.
        train: Slices whose masks may be copied.
        scheme: Of the label values; every region, or the classes where it has none.
        unit: ``slice``, ``image``, or ``patient`` (all test slices of a case together).
        policies: Empty-mask policies.
        n_boot: Bootstrap resamples.

    Raises:
        UsageError: if there is no such baseline.
        InputError: if there is no test slice.
    """
    source: Source = BASELINES.load(name)(test, train)
    regions = {region: _values(scheme, region) for region in scheme.regions or scheme.targets}
    rows: dict[str, list[int]] = {}
    for index, case in enumerate(test.cases):
        rows.setdefault(case, []).append(index)
    scored = []
    for case, indices in rows.items():
        pairs = [(_copied(test, train, source, i), test.masks[i]) for i in indices]
        counted = {
            region: RegionScore(np.stack([mask.counts(truth, values) for mask, truth in pairs]), {})
            for region, values in regions.items()
        }
        scored.append(CaseScore(case, test.patients[indices[0]], counted, "px", 0.0, 0.0))
    return aggregate(scored, metrics=METRICS, units=(unit,), policies=tuple(policies), n_boot=n_boot)


def _values(scheme: LabelScheme, region: str) -> tuple[int, ...]:
    names = scheme.regions.get(region, (region,))
    return tuple(label.value for label in scheme.labels if label.name in names)


def _copied(test: SliceSet, train: SliceSet, source: Source, index: int) -> MaskCrop:
    shape = test.masks[index].shape
    return MaskCrop.empty(shape) if source[index] < 0 else train.masks[source[index]].resized(shape)


def class_accuracy(test: SliceSet, train: SliceSet, *, n_boot: int = 1000) -> dict[str, Score]:
    """Score two classifiers without learning: the commonest training class, and the nearest neighbour's class.

    Args:
        test: Slices with classes.
        train: Slices with classes.
        n_boot: Bootstrap resamples, of patients.

    Returns:
        ``majority`` and ``nearest-neighbour`` → accuracy over the test slices.
    """
    names, numbers = np.unique(np.array(train.classes), return_counts=True)
    source: Source = BASELINES.load("nearest-neighbour")(test, train)
    truth, known = np.array(test.classes), np.array(train.classes)
    answers = {"majority": np.full(len(truth), names[np.argmax(numbers)]), "nearest-neighbour": known[source]}
    return {
        name: summarise(
            (answer == truth).astype(float),
            metric="accuracy",
            region="tumour type",
            unit=Unit.IMAGE,
            empty_policy=EmptyPolicy.BOTH_EMPTY_ONE,
            groups=list(test.patients),
            n_boot=n_boot,
            note="classes, no masks",
        )
        for name, answer in answers.items()
    }
