"""What every degradation keeps to, and what each does."""

from __future__ import annotations

import math

import pytest
import torch

from tumorscope.transforms.degrade import DEGRADATIONS
from tumorscope.transforms.degrade.cartesian import Cartesian, line_mask
from tumorscope.transforms.degrade.rician import Rician
from tumorscope.transforms.degrade.thick_slices import ThickSlices, thicken


def clean(count: int = 2) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 40), indexing="ij")
    disc = ((x**2 + y**2) < 0.8).float() * (0.7 + 0.3 * torch.sin(7 * x) * torch.cos(5 * y))
    return disc.expand(count, 1, 48, 40).clone()


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", DEGRADATIONS)
class TestEveryDegradation:
    def test_same_seed_same_result_another_seed_another(self, name: str) -> None:
        degradation = DEGRADATIONS.load(name)()
        level = degradation.levels[-1]
        first, again, other = (degradation.apply(clean(), level, rng(s)).shown for s in (1, 1, 2))
        assert torch.equal(first, again)
        assert torch.equal(first, other) == (name == "thick_slices")

    def test_more_is_worse(self, name: str) -> None:
        degradation = DEGRADATIONS.load(name)()
        inside = clean() > 0
        errors = [
            (degradation.apply(clean(), level, rng()).shown - clean())[inside].square().mean()
            for level in degradation.levels
        ]
        assert errors == sorted(errors) and errors[0] > 0

    def test_draws_levels_it_can_apply(self, name: str) -> None:
        degradation = DEGRADATIONS.load(name)()
        levels = [degradation.draw(rng(seed)) for seed in range(20)]
        assert len(set(levels)) > 1
        shown = degradation.apply(clean(), levels[0], rng()).shown
        assert shown.shape == clean().shape and bool((shown >= 0).all())

    def test_the_true_image_passes_finish_unchanged(self, name: str) -> None:
        """What agrees with the measurement already is not changed by making it agree."""
        degradation = DEGRADATIONS.load(name)()
        spoilt = degradation.apply(clean(), degradation.levels[0], rng())
        truth = clean()
        if name == "cartesian":  # the phase that was simulated comes back from full k-space
            full = degradation.apply(clean(), 1.0, rng())
            truth = torch.fft.ifft2(full.inputs[0], norm="ortho")
            full_mask = full.inputs[1]
            assert bool(full_mask.all())
            spoilt = degradation.apply(clean(), 1.0, rng())
        assert torch.allclose(degradation.finish(truth, spoilt.inputs), clean(), atol=1e-5)


def test_a_background_without_noise_does_not_change_the_noise_inside() -> None:
    clean = torch.zeros(40, 1, 8, 8)
    clean[..., 2:6] = 0.5
    full, bare = (Rician(stripped=share).apply(clean, 0.1, rng()).shown for share in (0, 1))
    assert (bare[clean == 0] == 0).all() and (full[clean == 0] > 0).all()
    assert torch.equal(bare[clean > 0], full[clean > 0])
    some = Rician(stripped=0.5).apply(clean, 0.1, rng()).shown
    empty = (some[..., :2] == 0).flatten(1).all(dim=1)
    assert 10 < int(empty.sum()) < 30 and (some[~empty] > 0).all()


def test_rician_noise_in_air_has_the_mean_of_rayleigh_noise() -> None:
    air = torch.zeros(1, 1, 256, 256)
    noisy = Rician().apply(air, 0.1, rng()).shown
    assert float(noisy.mean()) == pytest.approx(0.1 * math.sqrt(math.pi / 2), rel=0.02)


@pytest.mark.parametrize("acceleration", [2, 4, 8])
def test_so_many_lines_are_measured_and_the_centre_always(acceleration: int) -> None:
    for seed in range(5):
        mask = line_mask(160, acceleration, rng(seed))
        assert int(mask.sum()) == 160 // acceleration
        assert bool(mask[80 - 2 : 80 + 2].all())


def test_measured_lines_stay_as_measured() -> None:
    cartesian = Cartesian()
    spoilt = cartesian.apply(clean(), 4, rng())
    kspace, mask = spoilt.inputs
    wrong = torch.randn(2, 1, 48, 40, dtype=torch.complex64)
    found = torch.where(mask, kspace, torch.fft.fft2(wrong, norm="ortho"))
    assert torch.allclose(cartesian.finish(wrong, spoilt.inputs), torch.fft.ifft2(found, norm="ortho").abs(), atol=1e-5)
    zero_filled = cartesian.finish(torch.zeros_like(wrong), spoilt.inputs)
    assert torch.allclose(zero_filled, spoilt.shown, atol=1e-5)


def test_the_simulated_phase_breaks_the_symmetry_of_kspace() -> None:
    (kspace, _) = Cartesian().apply(clean(1), 1.0, rng()).inputs
    mirrored = torch.roll(kspace.flip(-2, -1), (1, 1), (-2, -1)).conj()
    assert float((kspace - mirrored).abs().mean()) > 0.3 * float(kspace.abs().mean())


@pytest.mark.parametrize("factor", [3, 5])
def test_thin_slices_average_to_the_thick_ones(factor: int) -> None:
    thick = ThickSlices()
    bright = clean() + 1  # far enough from 0 for nothing to be cut there
    spoilt = thick.apply(bright, factor, rng())
    found = thick.finish(bright + 0.2 * torch.rand(2, 1, 48, 40), spoilt.inputs)
    groups = 48 // factor
    averaged = thicken(found[..., : groups * factor, :], factor)
    assert torch.allclose(averaged, spoilt.inputs[1][..., :groups, :], atol=1e-5)
