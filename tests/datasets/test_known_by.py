"""Studies are recognised by their slices, and slices by their study."""

from __future__ import annotations

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.hashing import case_hashes, known_by
from tumorscope.datasets.slicewise import as_slices


def study(name: str, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(6, 5, 4))
    return Case(
        name, name, {Sequence.FLAIR: Image(data, np.eye(4))}, Image((data > 1).astype(np.uint8), np.eye(4)), BINARY
    )


def test_a_study_is_known_by_each_of_its_slices_and_a_slice_by_its_study() -> None:
    a, b = study("a", 0), study("b", 1)
    slices = as_slices([a, b])
    for part in slices[:4]:
        recorded = set(case_hashes(part.loaded()))
        assert recorded & known_by(a), "trained slice-wise, scored as a study"
        assert not recorded & known_by(b)
        assert set(case_hashes(a)) & known_by(part), "trained on the study, scored slice by slice"
        assert not set(case_hashes(b)) & known_by(part)
    assert not known_by(slices[0]) & set(case_hashes(slices[1].loaded())), "a slice is not its neighbour"


def test_alternating_studies_are_not_mixed_up() -> None:
    a, b = study("a", 0), study("b", 1)
    slices = as_slices([a, b])
    for part, own in ((slices[0], a), (slices[4], b), (slices[1], a)):
        assert set(case_hashes(own)) & known_by(part)
