"""The phantom as gallery pictures show it, with a stand-in for a prediction."""

from __future__ import annotations

from functools import cache
from typing import Literal

from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.figures.sample import sample_case, sample_probabilities
from tumorscope.figures.study import Study
from tumorscope.transforms.one_hot import from_one_hot


@cache
def sample_study(kind: Literal["classes", "regions"] = "classes", spacing: float = 2.0) -> Study:
    """Return the phantom with its true map, and a stand-in whose probabilities are of classes or nested regions."""
    case = sample_case(spacing)
    label, scheme = case.label, case.scheme
    assert isinstance(label, Image) and scheme is not None
    images = {s: image for s, image in case.images.items() if isinstance(image, Image)}
    soft = sample_probabilities(spacing)
    classes = {x.name: soft[i + 1] for i, x in enumerate(scheme.labels)}
    maps = classes
    if kind == "regions":
        maps = {region: sum(classes[name] for name in names) for region, names in scheme.regions.items()}
    found = Segmentation(
        label.with_data(from_one_hot(soft, scheme.values)),
        scheme,
        {name: label.with_data(data) for name, data in maps.items()},
    )
    study = Study(case.id, images, Segmentation(label, scheme), lambda: found, model="stand-in")
    assert study.prediction is found, "made once and kept: drawing does not change the study"
    return study
