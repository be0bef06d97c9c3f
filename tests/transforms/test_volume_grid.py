"""The way into a 3D model's voxels and back."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from test_grid import ALL_48, blob, reoriented

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.prepare import Prepared, Preprocess, prepare, prepare_label


def spec(spacing_mm: float = 1.0) -> Preprocess:
    return Preprocess(sequences=(Sequence.T1,), patch=(16, 16, 16), fit="crop", spacing_mm=spacing_mm, normalise="unit")


def ready(image: Image, spacing_mm: float = 1.0) -> Prepared:
    return prepare({Sequence.T1: image}, spec(spacing_mm))


@pytest.mark.parametrize("letters", ALL_48[::5])
@pytest.mark.parametrize("spacing_mm", [1.0, 2.0])
def test_orientations_give_one_volume_and_come_back(letters: str, spacing_mm: float) -> None:
    turned = reoriented(blob((14, 12, 10)), letters)
    prepared = ready(turned, spacing_mm)
    back = prepared.grid.restore(prepared.array)
    assert back.shape == (1, *turned.shape)
    if spacing_mm == 1.0:
        np.testing.assert_array_equal(prepared.array, ready(blob((14, 12, 10))).array)
        np.testing.assert_allclose(back[0] * turned.data.max(), turned.data, rtol=1e-4, atol=1e-2)


def test_the_volume_is_the_brain_itself_at_its_own_resolution() -> None:
    image = blob((15, 10, 20))
    prepared = ready(image)
    assert prepared.array.shape == (12, 1, 6, 9)
    inner = image.data[3:12, 2:8, 4:16]  # x to the right, y to the front in the file; the model's run the other way
    np.testing.assert_allclose(
        prepared.array[:, 0] * image.data.max(), inner.transpose(2, 1, 0)[:, ::-1, ::-1], rtol=1e-5
    )


def test_coarse_voxels_average_and_keep_their_place() -> None:
    """At twice the spacing a straight line of intensities stays one: weights are a quarter, a half and a quarter."""
    data = np.zeros((24, 24, 24), dtype=np.float32)
    data[4:20, 4:20, 4:20] = 10 + np.arange(16)
    prepared = ready(Image(data, np.diag([-1.0, -1, 1, 1])), 2.0)
    assert prepared.array.shape == (8, 1, 8, 8)
    assert np.ptp(prepared.array[4, 0, 1:7, 1:7]) < 1e-6
    np.testing.assert_allclose(prepared.array[1:7, 0, 4, 4] * 25, 10 + np.arange(2, 14, 2), atol=1e-4)
    back = prepared.grid.restore(prepared.array)[0] * 25
    np.testing.assert_allclose(back[12, 12, 7:17], data[12, 12, 7:17], atol=1e-3)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.5, 0.5, 4.0), (0.9, 1.1, 1.3)])
@pytest.mark.parametrize("spacing_mm", [1.0, 2.0])
def test_labels_keep_volume_and_centre(spacing: tuple[float, float, float], spacing_mm: float) -> None:
    shape = tuple(int(48 / s) for s in spacing)
    places = np.stack(np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij"))
    centre = np.array([20.0, 26.0, 24.0])[:, None, None, None]
    ball = ((places - centre) ** 2).sum(axis=0) < 12**2
    image = Image(100.0 + 900 * ball, np.diag([-spacing[0], -spacing[1], spacing[2], 1.0]))
    prepared = ready(image, spacing_mm)
    labels = prepare_label(image.with_data(ball.astype(np.uint8)), prepared)
    assert labels.shape == prepared.array.shape[:1] + prepared.array.shape[2:]
    voxel_ml = spacing_mm**3
    assert labels.sum() * voxel_ml == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.06)
    back = prepared.grid.restore(labels[:, None].astype(np.float32))[0] >= 0.5
    overlap = 2 * (back & ball).sum() / (back.sum() + ball.sum())
    assert overlap > (0.999 if spacing_mm == 1.0 == max(spacing) else 0.93)


def test_a_rim_is_not_cut_off() -> None:
    """Every non-zero voxel lies in the model's view, whatever the spacing."""
    rng = np.random.default_rng(0)
    for spacing_mm in (0.7, 1.0, 1.5, 2.0, 3.0):
        lower = rng.integers(0, 5, 3)
        upper = lower + rng.integers(6, 15, 3)
        data = np.zeros((20, 20, 20), dtype=np.float32)
        data[tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))] = 7
        prepared = ready(Image(data, np.diag([-1.0, -1, 1, 1])), spacing_mm)
        back = prepared.grid.restore(np.ones_like(prepared.array))[0]
        assert back[data > 0].min() > 0.99, spacing_mm


def test_a_single_slice_is_refused() -> None:
    flat = Image(np.ones((24, 20, 1), dtype=np.float32), np.eye(4), spacing_known=False)
    with pytest.raises(GeometryError, match=r"found a single slice \(24×20×1\).*bundle for slices"):
        ready(flat)


def test_an_unknown_voxel_size_is_refused() -> None:
    with pytest.raises(GeometryError, match="--spacing X,Y,Z"):
        ready(Image(np.ones((8, 8, 8), dtype=np.float32), np.eye(4), spacing_known=False))


def test_a_header_in_micrometres_does_not_fill_the_memory() -> None:
    with pytest.raises(GeometryError, match="8000 mm"):
        ready(Image(np.ones((8, 8, 8), dtype=np.float32), np.diag([1000.0, 1000, 1000, 1])))


@pytest.mark.parametrize(
    "wrong", [{"patch": (16, 16)}, {"patch": (0, 8, 8)}, {"context": 1}, {"slices": (1, 2)}, {"fit": "resize"}]
)
def test_what_volumes_do_not_go_with(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="patch"):
        Preprocess.model_validate({"sequences": ["T1"], "fit": "crop", "patch": (16, 16, 16)} | wrong)


def test_size_is_that_of_the_patch() -> None:
    made = Preprocess(sequences=(Sequence.T1,), size=(256, 256), patch=(8, 16, 24), fit="crop")
    assert made.size == (16, 24)
    assert made.input_size == (8, 16, 24)
    assert Preprocess.model_validate(made.model_dump(mode="json")) == made
    assert Preprocess(sequences=(Sequence.T1,), size=(64, 32)).input_size == (64, 32)
