"""What is set on validation pictures when a classifier is exported."""

from __future__ import annotations

import numpy as np

from tumorscope.core.answer import NO_TUMOR
from tumorscope.core.sequence import Sequence
from tumorscope.study.slice_sequence import sequence_probabilities, surprise, usual_surprise
from tumorscope.training.calibrate import Calibration, with_surprise
from tumorscope.training.pictures import Pictures


def pictures(array: np.ndarray, types: list[str]) -> Pictures:
    names = [str(i) for i in range(len(types))]
    return Pictures(names, types, [[n] for n in names], array[:, None].astype(np.float16), np.zeros(0), "key")


def test_few_pictures_with_tumour_are_called_another_sequence() -> None:
    noise = np.random.default_rng(0).random((40, 64, 64)) * np.linspace(0.2, 1, 40)[:, None, None]
    made = pictures(noise, ["glioma"] * 20 + [NO_TUMOR] * 20)
    odd = surprise(sequence_probabilities(made.array[:20, 0].astype(np.float32)), Sequence.FLAIR)
    chosen = with_surprise(Calibration(1.0, 0.5), made, np.arange(40), Sequence.FLAIR)
    assert chosen.most_surprise is not None and chosen.most_surprise >= usual_surprise()
    assert (odd > chosen.most_surprise + 1e-3).mean() <= 0.05 + 2 * (0.05 * 0.95 / 20) ** 0.5
    shares = [value for name, value in chosen.facts.items() if "another sequence" in name]
    assert len(shares) == 2 and shares[0] <= 0.15
    assert (chosen.temperature, chosen.abstain_below) == (1.0, 0.5)
