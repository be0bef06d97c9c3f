"""The way through a latent: how it is judged, and how a latent is fitted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tiny_images import image_bundle
from tumorscope.inference.latent import reconstruction_loss
from tumorscope.inference.sampler import Sampler
from tumorscope.recipes.image_recipe import ImageLoss
from tumorscope.transforms.image_range import to_model


def test_only_the_brain_counts_unless_the_background_has_a_weight() -> None:
    image = torch.zeros(1, 2, 32, 32)
    image[:, :, 8:24, 8:24] = torch.rand(1, 2, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.5
    inside, outside = image.clone(), image.clone()
    inside[:, :, 12:16, 12:16] += 0.3
    outside[:, :, :4, :4] += 0.3
    losses = {}
    for weight in (0.0, 1.0):
        weights = ImageLoss(l1=1, ssim=1, background=weight)
        for name, made in (("same", image), ("inside", inside), ("outside", outside)):
            loss, ssim = reconstruction_loss(to_model(made), to_model(image), weights)
            losses[name, weight] = float(loss)
            assert (float(ssim) < 0.999) == (name == "inside")
    assert losses["same", 0.0] == pytest.approx(0, abs=1e-6) == losses["outside", 0.0]
    assert losses["outside", 1.0] > 0.01 < losses["inside", 0.0]


def test_a_fitted_latent_gives_the_slice_back_better_and_is_as_small(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sampler = Sampler(image_bundle(tmp_path / "vae", "vae"))
    before = {k: v.clone() for k, v in sampler.network.state_dict().items()}
    image = torch.zeros(2, 2, 32, 32)
    image[:, :, 8:24, 8:24] = torch.rand(2, 2, 1, 1, generator=torch.Generator().manual_seed(0)) + 0.2
    plain, fitted = sampler.encode(image), sampler.encode(image, refine=20)
    assert fitted.shape == plain.shape and not fitted.requires_grad
    weights = ImageLoss(l1=1, ssim=1)
    with torch.no_grad():
        made = [sampler.network.decode(latent) for latent in (plain, fitted)]
    losses = [float(reconstruction_loss(x, to_model(image), weights)[0]) for x in made]
    assert losses[1] < 0.9 * losses[0]
    assert all(torch.equal(v, before[k]) for k, v in sampler.network.state_dict().items())
    assert torch.equal(sampler.reconstruct(image, 20), sampler.reconstruct(image, 20))
