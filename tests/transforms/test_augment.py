"""Random changes: what they may do, and what they must never do."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tumorscope.transforms.augment import Augment, augment_batch

EVERYTHING = Augment(
    flip_lr=0.5,
    flip_ud=0.5,
    rotate_deg=30,
    zoom=0.2,
    shift=0.1,
    elastic=1.0,
    elastic_px=3.0,
    intensity=0.2,
    gamma=0.3,
    noise=0.1,
    bias_field=0.3,
    blur=0.5,
    drop_sequence=0.3,
    drop_context=0.3,
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(count: int = 8, channels: int = 6, size: tuple[int, int] = (32, 48)) -> tuple[Tensor, Tensor]:
    """Return a bright block on a zero background, and its mask."""
    images = torch.zeros(count, channels, *size)
    images[:, :, 8:24, 12:36] = torch.rand(count, channels, 16, 24, generator=rng(7)) + 0.5
    targets = torch.zeros(count, 2, *size)
    targets[:, 0, 8:24, 12:36] = 1
    targets[:, 1, 12:16, 16:20] = 1
    return images, targets


def run(spec: Augment, seed: int = 0, sequences: int = 2, optional: tuple[int, ...] = (0,)) -> tuple[Tensor, Tensor]:
    return augment_batch(*batch(), spec, rng(seed), sequences, optional)


def test_nothing_asked_for_changes_nothing() -> None:
    images, targets = run(Augment())
    assert torch.equal(images, batch()[0])
    assert torch.equal(targets, batch()[1])
    assert Augment().active() == {}


@pytest.mark.parametrize(
    "name", sorted(set(Augment.model_fields) - {"elastic_px", "elastic", "drop_context", "drop_sequence"})
)
def test_each_setting_does_something_alone(name: str) -> None:
    spec = Augment(**{name: 0.9 if name != "rotate_deg" else 20.0} if name != "shift" else {"shift": 0.3})
    images, targets = run(spec)
    assert not torch.equal(images, batch()[0])
    moves = name in ("flip_lr", "flip_ud", "rotate_deg", "zoom", "shift")
    assert torch.equal(targets, batch()[1]) != moves


def test_elastic_needs_both_of_its_settings() -> None:
    assert not torch.equal(run(Augment(elastic=1.0, elastic_px=3.0))[0], batch()[0])
    assert torch.equal(run(Augment(elastic=1.0))[0], batch()[0])


def test_same_seed_same_result_other_seed_another() -> None:
    assert torch.equal(run(EVERYTHING, 1)[0], run(EVERYTHING, 1)[0])
    assert not torch.equal(run(EVERYTHING, 1)[0], run(EVERYTHING, 2)[0])


def test_samples_of_a_batch_differ() -> None:
    images, targets = batch()
    images[:] = images[:1]
    changed, _ = augment_batch(images, targets, Augment(rotate_deg=30), rng(), 2)
    assert not torch.allclose(changed[0], changed[1])


def test_targets_stay_0_or_1_and_shapes_stay() -> None:
    images, targets = run(EVERYTHING)
    assert images.shape == batch()[0].shape
    assert images.isfinite().all()
    assert set(targets.unique().tolist()) <= {0.0, 1.0}


def test_pictures_and_targets_move_together() -> None:
    """With the mask itself as picture, the moved picture is the moved mask, up to half a pixel at its edge."""
    _, targets = batch()
    spec = Augment(flip_lr=0.5, flip_ud=0.5, rotate_deg=40, zoom=0.2, shift=0.1, elastic=1.0, elastic_px=2.0)
    pictures, moved = augment_batch(targets.clone(), targets, spec, rng(), 2)
    agree = ((pictures > 0.5) == moved.bool()).float().mean()
    assert agree > 0.995
    assert ((moved - targets).abs().sum(dim=(1, 2, 3)) > 0).all()


def test_a_flip_is_exact() -> None:
    images, targets = augment_batch(*batch(), Augment(flip_lr=1.0), rng(), 2)
    torch.testing.assert_close(images, batch()[0].flip(3), atol=1e-5, rtol=0)
    assert torch.equal(targets, batch()[1].flip(3))
    upside_down, _ = augment_batch(*batch(), Augment(flip_ud=1.0), rng(), 2)
    torch.testing.assert_close(upside_down, batch()[0].flip(2), atol=1e-5, rtol=0)


def test_rotation_keeps_shapes_on_pictures_that_are_not_square() -> None:
    """A disc stays a disc: were the axes' scales mixed up, it would become an ellipse."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    disc = (((y - 31.5) ** 2 + (x - 47.5) ** 2) < 20**2).float().expand(6, 1, -1, -1)
    turned, _ = augment_batch(disc.clone(), disc.clone(), Augment(rotate_deg=90), rng(), 1)
    assert ((turned > 0.5) == disc.bool()).float().mean() > 0.99


def test_zoom_and_shift_are_as_large_as_stated() -> None:
    square = torch.zeros(200, 1, 64, 64)
    square[:, :, 22:42, 22:42] = 1
    zoomed, _ = augment_batch(square, square, Augment(zoom=0.2), rng(), 1)
    sides = zoomed.sum(dim=(1, 2, 3)).sqrt() / 20
    assert 0.8 <= sides.min() < 0.85
    assert 1.15 < sides.max() <= 1.21
    moved, _ = augment_batch(square, square, Augment(shift=0.1), rng(), 1)
    columns = (moved.sum(dim=(1, 2)) * torch.arange(64.0)).sum(dim=1) / moved.sum(dim=(1, 2, 3)) - 31.5
    assert 5.5 < columns.abs().max() <= 6.5


def test_elastic_displacement_is_as_large_as_stated() -> None:
    """A ramp shows the displacement itself."""
    ramp = torch.arange(1.0, 65).expand(100, 1, 64, 64).clone()
    moved, _ = augment_batch(ramp, ramp, Augment(elastic=1.0, elastic_px=3.0), rng(), 1)
    shift = (moved - ramp)[:, :, 16:48, 16:48]
    assert 1.8 < float(shift.std()) < 3.6


def test_background_stays_zero_under_intensity_changes() -> None:
    images, _ = batch()
    changed, _ = run(Augment(intensity=0.3, gamma=0.3, noise=0.2, bias_field=0.3, blur=1.0))
    assert (changed[images == 0] == 0).all()
    assert not torch.allclose(changed[images != 0], images[images != 0])


def test_noise_has_at_most_the_stated_level() -> None:
    images = torch.ones(64, 1, 32, 32)
    changed, _ = augment_batch(images, images, Augment(noise=0.2), rng(), 1)
    levels = (changed - images).std(dim=(1, 2, 3))
    assert 0.15 < levels.max() < 0.22
    assert levels.min() < 0.05


def test_only_optional_sequences_are_dropped_in_all_their_slices() -> None:
    images, _ = run(Augment(drop_sequence=0.5))
    by_slice = images.view(8, 3, 2, 32, 48).abs().sum(dim=(3, 4)) > 0
    assert by_slice[:, :, 1].all()  # needed
    dropped = ~by_slice[:, :, 0]
    assert (dropped.all(dim=1) == dropped.any(dim=1)).all()
    assert 0 < int(dropped[:, 0].sum()) < 8


def test_one_sequence_always_stays() -> None:
    images, _ = run(Augment(drop_sequence=0.99), optional=(0, 1))
    assert (images.abs().sum(dim=(1, 2, 3)) > 0).all()
    given_images, targets = batch()
    given_images.view(8, 3, 2, 32, 48)[:, :, 1] = 0  # the needed sequence is missing in the data already
    images, _ = augment_batch(given_images, targets, Augment(drop_sequence=0.99), rng(), 2, (0,))
    assert (images.abs().sum(dim=(1, 2, 3)) > 0).all()


def test_dropped_context_repeats_the_middle_slice() -> None:
    images, _ = run(Augment(drop_context=1.0))
    slices = images.view(8, 3, 2, 32, 48)
    assert torch.equal(slices[:, 0], slices[:, 1])
    assert torch.equal(slices[:, 1], batch()[0].view(8, 3, 2, 32, 48)[:, 1])


def test_everything_happens_on_the_batches_device() -> None:
    """Torch's "meta" device stands for a GPU: an operation that mixes devices fails on it as it would there."""
    images, targets = (t.to("meta") for t in batch())
    changed, moved = augment_batch(images, targets, EVERYTHING, rng(), 2, (0,))
    assert changed.device.type == moved.device.type == "meta"


@pytest.mark.parametrize("wrong", [{"flip_lr": 1.5}, {"zoom": 1.0}, {"rotate": 10}, {"noise": -1}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Augment(**wrong)
