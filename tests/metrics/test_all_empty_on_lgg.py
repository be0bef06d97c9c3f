"""Known answers on real LGG masks: what predicting nothing scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope.metrics import METRICS, EmptyPolicy, empty_prediction, summarise, summarise_pooled


@pytest.fixture(scope="module")
def slices(test_data: Path) -> tuple[np.ndarray, list[str]]:
    """Counts of the all-empty prediction, one row per slice, and each slice's patient; masks only."""
    files = sorted((test_data / "lgg").glob("*/*_mask.png"))
    pictures = sorted((test_data / "lgg").glob("*/*.jpg"))
    if not pictures:
        pytest.skip(f"no LGG slices under {test_data}")
    tumour = {f.name.removesuffix("_mask.png"): int(np.count_nonzero(Image.open(f))) for f in files}
    pixels = Image.open(pictures[0]).size[0] * Image.open(pictures[0]).size[1]
    filled = np.array([tumour.get(p.stem, 0) for p in pictures])
    zero = np.zeros_like(filled)
    return np.stack([zero, zero, filled, pixels - filled], axis=-1), [p.parent.name for p in pictures]


def test_predicting_nothing(slices: tuple[np.ndarray, list[str]]) -> None:
    counts, patients = slices
    np.testing.assert_array_equal(empty_prediction(counts), counts)
    dice = METRICS["dice"].from_counts
    assert dice is not None
    result = {
        policy: summarise(
            policy.apply(METRICS["dice"], dice(counts), counts),
            metric="dice",
            region="tumor",
            unit="slice",
            empty_policy=policy,
            groups=patients,
            n_boot=500,
        )
        for policy in (EmptyPolicy.BOTH_EMPTY_ONE, EmptyPolicy.POSITIVES_ONLY)
    }
    both, positives = result.values()
    assert both.mean == pytest.approx(0.65, abs=0.01)
    assert positives.mean == 0
    assert positives.n_excluded / len(counts) == pytest.approx(both.mean), "the share of empty slices, nothing else"
    assert both.n_groups == len(set(patients))
    accuracy = summarise_pooled(
        counts, metric="accuracy", region="tumor", empty_policy="both-empty-one", groups=patients, n_boot=500
    )
    assert accuracy.mean == pytest.approx(0.99, abs=0.002)
