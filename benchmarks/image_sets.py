"""What the benchmarks of image models share: prepared slices of cases, intervals, where results lie."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.metrics.bootstrap import percentile_interval, resampled_sums
from tumorscope.transforms.prepare import Preprocess, prepare, prepare_label

RESULTS = Path(__file__).parent / "results" / "generative"


@dataclass
class Slices:
    """Prepared slices of some cases.

    Attributes:
        images: float32 (N, C, H, W), 1 at the brain's 99th percentile.
        labels: uint8 (N, H, W).
        patients: Patient of each.
    """

    images: np.ndarray
    labels: np.ndarray
    patients: list[str]


def cases_of(bundle: Bundle, data: str, part: str) -> list[Case]:
    """Return the cases of a part of the bundle's own split."""
    split = Split.model_validate(bundle.manifest.training.split)
    return split.pick(DATASETS.load(bundle.manifest.training.dataset).discover(data), part)


def slices_of(cases: Sequence[Case], spec: Preprocess, per_case: int | None, least_brain: float = 0.1) -> Slices:
    """Prepare evenly spread slices of each case that show enough brain; all of them for None."""
    images, labels, patients = [], [], []
    for case in cases:
        loaded = case.loaded(spec.sequences)
        prepared = prepare({s: i for s, i in loaded.images.items() if isinstance(i, Image)}, spec)
        label = loaded.scheme.convert(loaded.label.data, _brats())
        label = prepare_label(loaded.label.with_data(label), prepared)
        shown = np.flatnonzero((prepared.array[:, 0] != 0).mean(axis=(1, 2)) > least_brain)
        if per_case is not None and per_case < len(shown):
            shown = shown[np.linspace(0, len(shown) - 1, per_case).round().astype(int)]
        images.append(prepared.array[shown])
        labels.append(label[shown])
        patients += [case.patient] * len(shown)
    return Slices(np.concatenate(images), np.concatenate(labels), patients)


def _brats() -> Any:
    from tumorscope.core.labels import BRATS

    return BRATS


def cluster_mean(values: Sequence[float], groups: Sequence[str], digits: int = 4) -> dict[str, Any]:
    """Return the mean with a 95 % interval that resamples patients, and how many of both there are."""
    numbers = np.asarray(values, dtype=np.float64)
    labels = np.unique(np.asarray(groups), return_inverse=True)[1]
    table = np.zeros((labels.max() + 1, 2))
    np.add.at(table, labels, np.column_stack([numbers, np.ones(len(numbers))]))
    sums = resampled_sums(table, seed=0, n_boot=2000)
    low, high = percentile_interval(sums[:, 0] / sums[:, 1])
    return {
        "mean": round(float(numbers.mean()), digits),
        "ci95": [round(low, digits), round(high, digits)],
        "n": len(numbers),
        "patients": len(table),
    }


def store(name: str, found: dict[str, Any]) -> None:
    """Write ``results/generative/<name>.json``."""
    write_text(RESULTS / f"{name}.json", json.dumps(found, indent=1) + "\n")
    print(RESULTS / f"{name}.json")


def channels(slices: Slices) -> Iterator[tuple[np.ndarray, str]]:
    """Yield one sequence of one slice (H, W) at a time, in turn, with its patient; each patient begins with another."""
    first = {patient: number for number, patient in enumerate(dict.fromkeys(slices.patients))}
    for number, (image, patient) in enumerate(zip(slices.images, slices.patients, strict=True)):
        yield image[(number + first[patient]) % image.shape[0]], patient
