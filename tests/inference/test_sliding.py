"""Whole volumes in overlapping windows, and bundles that see volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_bundles import BINARY, EchoRuntime, head, image, manifest, save_tiny
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.runtimes.select import open_runtime
from tumorscope.inference.sliding import blend_windows, predict_volume, window_count

PATCH = (8, 8, 8)


@pytest.fixture(scope="module")
def volume_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A 3D U-Net with random weights."""
    made = manifest(network="unet3d", patch=(16, 16, 16), context=0, fit="crop")
    made = made.model_copy(update={"network_args": {"filters": [4, 8], "norm": "instance"}})
    return save_tiny(tmp_path_factory.mktemp("volumes"), made)


@pytest.fixture
def echo_volumes(tmp_path: Path) -> Bundle:
    """A binary bundle for volumes without weights, for runtimes that need none."""
    made = manifest(
        sequences=(Sequence.FLAIR,),
        outputs=BINARY,
        scheme="binary",
        context=0,
        patch=PATCH,
        fit="crop",
        normalise="unit",
    )
    return Bundle(tmp_path, made)


@settings(max_examples=15, deadline=None)
@given(size=st.tuples(*[st.integers(3, 21)] * 3), seed=st.integers(0, 5))
def test_an_identity_comes_back_whatever_the_size(size: tuple[int, int, int], seed: int) -> None:
    """Blending is a weighted mean: what is the same in all windows stays, at the borders and where it was padded."""
    array = np.random.default_rng(seed).normal(size=(size[0], 2, *size[1:])).astype(np.float32)
    calls = []

    def run(windows: Array) -> Array:
        assert windows.shape[1:] == (2, *PATCH)
        calls.append(len(windows))
        return windows[:, :1]

    found = predict_volume(array, PATCH, run, 1)
    np.testing.assert_allclose(found, array[:, :1], atol=1e-5)
    assert sum(calls) == window_count(size, PATCH)


def test_two_windows_are_blended_by_their_gaussians() -> None:
    """12 voxels, windows of 8 at 0 and 4: Gaussian weights around 3.5 and 7.5 whose SD is an eighth of 8."""
    answers = iter([0.0, 1.0])

    def run(windows: torch.Tensor) -> torch.Tensor:
        return torch.full((1, 1, *PATCH), next(answers))

    found = blend_windows(torch.ones(1, 1, 8, 8, 12), PATCH, run, 1)[0, 0, 4, 4]
    first, second = (np.exp(-((np.arange(12) - c) ** 2) / 2) for c in (3.5, 7.5))
    assert found[:4].tolist() == [0.0] * 4
    assert found[8:].tolist() == [1.0] * 4
    np.testing.assert_allclose(found[4:8], (second / (first + second))[4:8], atol=0.02)


def test_windows_without_signal_are_not_run() -> None:
    array = np.zeros((24, 1, 8, 8), dtype=np.float32)
    array[:6] = 1
    seen = []

    def run(windows: Array) -> Array:
        seen.append(float(windows.sum()))
        return np.ones((len(windows), 1, *PATCH), dtype=np.float32)

    found = predict_volume(array, PATCH, run, 1)
    assert len(seen) == 2  # of five windows at 0, 4, 8, 12, 16
    assert found[:4].min() == 1
    assert not found[13:].any()


def test_a_bright_block_is_found_in_its_place(echo_volumes: Bundle) -> None:
    data = head((20, 24, 18))
    data[3:6, 4:9, 7:9] = 2000
    for tta in (False, True):
        found = Predictor(echo_volumes, EchoRuntime(0), tta=tta).predict({Sequence.FLAIR: image(data)})
        np.testing.assert_array_equal(found.labels.data == 1, data == 2000)


def test_mirroring_averages_probabilities(echo_volumes: Bundle) -> None:
    class Lopsided:
        """Says 0.9 in the half of a window to the patient's right, else 0.1."""

        name = description = "lopsided"

        def run(self, batch: Array) -> Array:
            half = np.where(np.arange(8) < 4, 0.9, 0.1)
            return np.broadcast_to(np.log(half / (1 - half)), (len(batch), 1, *PATCH)).astype(np.float32)

    images = {Sequence.FLAIR: image(np.full(PATCH, 5, dtype=np.int16))}
    plain = Predictor(echo_volumes, Lopsided()).predict(images).probabilities["tumor"].data
    both = Predictor(echo_volumes, Lopsided(), tta=True).predict(images).probabilities["tumor"].data
    assert sorted({round(float(v), 3) for v in plain.ravel()}) == [0.1, 0.9]
    np.testing.assert_allclose(both, 0.5, atol=1e-5)
    spread = Predictor(echo_volumes, Lopsided(), tta=True, spread=True).run(images).spread
    np.testing.assert_allclose(spread.data, 0.4, atol=1e-5)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 0.9, 5.0)])
def test_a_result_has_the_grid_of_the_input(volume_bundle: Bundle, spacing: tuple[float, float, float]) -> None:
    images = {s: image(head((21, 25, 9), seed), spacing) for seed, s in enumerate((Sequence.T1CE, Sequence.FLAIR))}
    found = Predictor(volume_bundle, "torch", "cpu").predict(images)
    for made in (found.labels, *found.probabilities.values()):
        assert made.same_grid(images[Sequence.T1CE])
        assert made.orientation == images[Sequence.T1CE].orientation
    assert np.ptp(found.probabilities["WT"].data) > 0.01
    assert not found.probabilities["WT"].data[0, 0].any()  # air beyond the brain's box


def test_a_picture_is_refused_in_one_sentence(volume_bundle: Bundle) -> None:
    flat = {s: image(head((21, 25, 1), seed)) for seed, s in enumerate((Sequence.T1CE, Sequence.FLAIR))}
    with pytest.raises(GeometryError, match=r"single slice \(21×25×1\).*bundle for slices"):
        Predictor(volume_bundle, EchoRuntime(0, outputs=3)).predict(flat)


def test_runtimes_agree(volume_bundle: Bundle) -> None:
    batch = np.random.default_rng(0).normal(size=(1, 2, 16, 16, 16)).astype(np.float32)
    found = {n: open_runtime(volume_bundle, n, "cpu", "float32").run(batch) for n in ("torch", "openvino")}
    assert found["torch"].shape == (1, 3, 16, 16, 16)
    assert np.ptp(found["torch"]) > 0.1
    np.testing.assert_allclose(found["torch"], found["openvino"], atol=2e-3)


def test_bfloat16_stays_close(volume_bundle: Bundle) -> None:
    images = {s: image(head((21, 25, 18), seed)) for seed, s in enumerate((Sequence.T1CE, Sequence.FLAIR))}
    exact = Predictor(volume_bundle, "torch", "cpu", precision="float32").predict(images)
    for name in ("torch", "openvino"):
        quick = Predictor(volume_bundle, name, "cpu").predict(images)
        for region, expected in exact.probabilities.items():
            np.testing.assert_allclose(quick.probabilities[region].data, expected.data, atol=0.03)


def test_members_are_averaged(tmp_path: Path) -> None:
    made = manifest(network="unet3d", patch=PATCH, context=0, fit="crop")
    made = made.model_copy(update={"network_args": {"filters": [2, 4], "norm": "instance"}})
    both = save_tiny(tmp_path, made, members=2)
    batch = np.random.default_rng(0).normal(size=(1, 2, *PATCH)).astype(np.float32)
    singles = [Bundle(both.folder, both.manifest.model_copy(update={"members": [m]})) for m in both.manifest.members]
    chance = [1 / (1 + np.exp(-open_runtime(b, "torch", "cpu", "float32").run(batch))) for b in (*singles, both)]
    np.testing.assert_allclose(chance[2], (chance[0] + chance[1]) / 2, atol=1e-5)
