"""The sequence of a single slice."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, make_phantom
from tumorscope.study import slice_sequence
from tumorscope.study.slice_sequence import (
    SIDE,
    sequence_probabilities,
    standard_view,
    surprise,
    usual_surprise,
    view_probabilities,
)
from tumorscope.transforms.grid import to_model_orientation


@pytest.fixture(scope="module")
def slices() -> dict[Sequence, np.ndarray]:
    """The middle axial slices of a phantom patient, (5, H, W)."""
    images = make_phantom(PhantomSpec(seed=3), spacing=2.0).images
    found = {}
    for sequence, image in images.items():
        assert isinstance(image, Image)
        volume = to_model_orientation(image).astype(np.float32)
        middle = volume.shape[2] // 2
        found[sequence] = volume[:, :, middle - 4 : middle + 6 : 2].transpose(2, 1, 0)
    return found


@pytest.mark.parametrize(
    "change", [lambda p: 7 * p, lambda p: np.pad(p, ((0, 0), (5, 30), (12, 0))), lambda p: p.repeat(2, 1).repeat(2, 2)]
)
def test_brightness_margin_and_size_are_lost(slices, change) -> None:  # type: ignore[no-untyped-def]
    plain, changed = standard_view(slices[Sequence.T2]), standard_view(change(slices[Sequence.T2]))
    assert plain.shape == (5, SIDE, SIDE) and plain.min() >= 0 and plain.max() == 1
    assert np.abs(plain - changed).mean() < 0.02


def test_nothing_but_black_stays_black() -> None:
    assert not standard_view(np.zeros((2, 30, 40))).any()
    assert np.isfinite(sequence_probabilities(np.zeros((2, 30, 40)))).all()


def test_the_network_is_what_torch_makes_of_the_same_weights() -> None:
    rng = np.random.default_rng(0)
    weights = {name: value for name, value in slice_sequence._stored().items() if name != "limit"}
    views = rng.random((3, SIDE, SIDE), dtype=np.float32)
    x = torch.from_numpy(views)[:, None]
    for number, stride in enumerate(slice_sequence.STRIDES):
        kernel = torch.from_numpy(weights[f"kernel{number}"]).permute(3, 2, 0, 1)
        bias = torch.from_numpy(weights[f"bias{number}"])
        x = functional.conv2d(x, kernel, bias, stride, kernel.shape[-1] // 2).relu()
    pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1).numpy()
    expected = torch.from_numpy(pooled @ weights["kernel"] + weights["bias"]).softmax(dim=1).numpy()
    np.testing.assert_allclose(view_probabilities(views, weights), expected, atol=1e-4)


def test_t2_and_flair_surprise_where_t1ce_is_expected(slices: dict[Sequence, np.ndarray]) -> None:
    found = {s: float(np.median(surprise(sequence_probabilities(p), Sequence.T1CE))) for s, p in slices.items()}
    assert max(found[Sequence.T1], found[Sequence.T1CE]) < min(found[Sequence.T2], found[Sequence.FLAIR])
    assert found[Sequence.T1CE] < usual_surprise() < found[Sequence.T2]


def test_t1_counts_for_t1ce_and_no_other_does() -> None:
    sure = np.eye(4, dtype=np.float32)
    assert (surprise(sure, Sequence.T1CE) < 1e-6).tolist() == [True, True, False, False]
    assert (surprise(sure, Sequence.FLAIR) < 1e-6).tolist() == [False, False, False, True]
