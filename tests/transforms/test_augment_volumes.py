"""Random changes of volumes."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from tumorscope.transforms.augment import Augment, augment_batch


def sample(batch: int = 3, size: tuple[int, int, int] = (12, 16, 10)) -> tuple[Tensor, Tensor]:
    """Return noise in a box with air around it, and a block as target."""
    rng = torch.Generator().manual_seed(4)
    images = torch.zeros(batch, 2, *size)
    images[:, :, 2:10, 2:14, 2:8] = torch.randn(batch, 2, 8, 12, 6, generator=rng)
    targets = torch.zeros(batch, 1, *size)
    targets[:, :, 4:8, 5:9, 3:6] = 1
    return images, targets


def changed(spec: Augment, seed: int = 1, **size: object) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    images, targets = sample(**size)  # type: ignore[arg-type]
    return images, targets, *augment_batch(images, targets, spec, Generator().manual_seed(seed), 2, (1,))


@pytest.mark.parametrize(("name", "axis"), [("flip_lr", 4), ("flip_ud", 3)])
def test_flips_are_exact_along_their_axis(name: str, axis: int) -> None:
    images, targets, flipped, mask = changed(Augment.model_validate({name: 1.0}))
    torch.testing.assert_close(flipped, images.flip(axis), atol=1e-4, rtol=0)
    assert torch.equal(mask, targets.flip(axis))


def test_a_quarter_turn_about_every_axis_moves_voxels_onto_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 90° drawn three times a cube comes back with its axes permuted and mirrored, nothing in between."""
    images = torch.randn(1, 1, 9, 9, 9, generator=Generator().manual_seed(0))
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.ones(*size))
    turned, _ = augment_batch(images, images.gt(0).float(), Augment(rotate_deg=90), Generator(), 1)
    torch.testing.assert_close(turned.flatten().sort().values, images.flatten().sort().values, atol=1e-4, rtol=0)
    assert (turned - images).abs().max() > 1


def test_turning_keeps_shapes_in_boxes_that_are_no_cubes() -> None:
    """A ball turned about any axis stays a ball, though the box is longer along one axis."""
    places = torch.stack(torch.meshgrid(*[torch.arange(n) - (n - 1) / 2 for n in (20, 32, 24)], indexing="ij"))
    ball = ((places**2).sum(dim=0) < 49).float()[None, None]
    _, turned = augment_batch(ball, ball, Augment(rotate_deg=180), Generator().manual_seed(2), 1)
    assert 2 * (turned * ball).sum() / (turned.sum() + ball.sum()) > 0.95


def test_zoom_changes_the_volume_by_its_cube() -> None:
    places = torch.stack(torch.meshgrid(*[torch.arange(n) - 15.5 for n in (32, 32, 32)], indexing="ij"))
    ball = ((places**2).sum(dim=0) < 64).float()[None, None].repeat(16, 1, 1, 1, 1)
    _, zoomed = augment_batch(ball, ball, Augment(zoom=0.3), Generator().manual_seed(0), 1)
    ratio = zoomed.sum(dim=(1, 2, 3, 4)) / ball[0].sum()
    assert 0.7**3 - 0.05 < float(ratio.min()) < 0.8
    assert 1.4 < float(ratio.max()) < 1.3**3 + 0.1


def test_everything_at_once_keeps_targets_and_air() -> None:
    spec = Augment(
        flip_lr=0.5,
        rotate_deg=15,
        zoom=0.2,
        shift=0.05,
        elastic=1.0,
        elastic_px=1.0,
        intensity=0.2,
        gamma=0.2,
        noise=0.1,
        bias_field=0.3,
        blur=0.5,
        drop_sequence=0.5,
    )
    images, targets, new, mask = changed(spec)
    assert new.shape == images.shape
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert 0.3 < float(mask.sum() / targets.sum()) < 3
    assert not new[:, :, 0, 0, 0].any()  # air stays exactly 0
    assert new.isfinite().all()
    again = changed(spec)
    assert torch.equal(again[2], new)
    assert not torch.equal(changed(spec, seed=2)[2], new)


def test_images_and_targets_move_together() -> None:
    spec = Augment(flip_lr=0.5, rotate_deg=30, zoom=0.2, shift=0.1, elastic=1.0, elastic_px=1.5)
    _, targets = sample()
    moved, mask = augment_batch(targets, targets, spec, Generator().manual_seed(5), 1)
    assert ((moved > 0.5).float() - mask).abs().mean() < 0.01
    assert not torch.equal(mask, targets)


def test_intensities_leave_geometry_alone() -> None:
    images, targets, new, mask = changed(Augment(intensity=0.3, gamma=0.3, noise=0.2, bias_field=0.5, blur=1.0))
    assert torch.equal(mask, targets)
    assert torch.equal(new == 0, images == 0)
    assert (new - images).abs().max() > 0.1


def test_a_constant_stays_constant_under_blur() -> None:
    images = torch.ones(1, 1, 8, 8, 8)
    new, _ = augment_batch(images, images, Augment(blur=1.0), Generator().manual_seed(0), 1)
    torch.testing.assert_close(new[..., 1:-1, 1:-1, 1:-1], images[..., 1:-1, 1:-1, 1:-1])
    assert new[0, 0, 0, 0, 0] == pytest.approx(0.75**3)
