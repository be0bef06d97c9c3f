"""One set of checks for every network of the registry."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tumorscope.core.errors import UsageError
from tumorscope.networks import NETWORKS
from tumorscope.networks.build import build_network

#: Registry name → small arguments. A new network without an entry is built with its defaults.
SMALL: dict[str, dict[str, Any]] = {
    "attention-resunet": {"filters": (4, 8, 16)},
    "deeplabv3plus": {"encoder_weights": "none", "channels": 16, "low_level_channels": 8},
    "fpn": {"encoder_weights": "none", "pyramid_channels": 16, "segmentation_channels": 32},
    "resunet": {"filters": (4, 8, 16), "bottleneck": 24},
    "unet": {"filters": (4, 8, 16)},
    "unet-efficientnet": {"encoder_weights": "none", "decoder_channels": (16, 8, 8, 4, 4)},
}


def small(name: str, in_channels: int = 2, out_channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return build_network(name, in_channels, out_channels, SMALL.get(name, {}))


def picture(channels: int = 2, size: tuple[int, int] = (64, 32)) -> torch.Tensor:
    return torch.randn(2, channels, *size, generator=torch.Generator().manual_seed(1))


def levels(logits: torch.Tensor | list[torch.Tensor]) -> list[torch.Tensor]:
    """Return all logits of a network in training mode, whether its decoder is guided or not."""
    return logits if isinstance(logits, list) else [logits]


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryNetwork:
    @pytest.mark.parametrize("channels", [(1, 1), (2, 4), (9, 1)])
    def test_output_has_the_size_of_the_input(self, name: str, channels: tuple[int, int]) -> None:
        network = small(name, *channels).eval()
        with torch.no_grad():
            assert network(picture(channels[0])).shape == (2, channels[1], 64, 32)

    def test_odd_sizes_are_refused_in_words(self, name: str) -> None:
        network = small(name).eval()
        if not hasattr(network, "multiple"):
            pytest.skip("takes any size")
        with pytest.raises(UsageError, match=r"multiples of \d+; found 65×32") as error:
            network(picture(size=(65, 32)))
        assert error.value.fix == "Set preprocess.size to [64, 32]"
        with pytest.raises(UsageError, match="preprocess"):
            build_network(name, 2, 1, SMALL.get(name, {}), size=(100, 99))

    def test_gradient_reaches_every_parameter(self, name: str) -> None:
        network = small(name).train()
        outputs = levels(network(picture()))
        assert {o.shape for o in outputs} == {(2, 3, 64, 32)}
        torch.stack([o.square().mean() for o in outputs]).sum().backward()
        without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert without == []

    def test_runs_in_bf16(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            exact = network(picture())
            with torch.autocast("cpu", torch.bfloat16):
                rough = network(picture())
        assert rough.isfinite().all()
        assert (rough.float() - exact).abs().max() < 0.1 * exact.abs().max()

    def test_memory_layout_does_not_matter(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            plain = network(picture())
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            last = network(picture().to(memory_format=torch.channels_last))
        torch.testing.assert_close(last, plain, atol=1e-4, rtol=1e-4)

    def test_evaluation_is_deterministic_and_training_is_not(self, name: str) -> None:
        network = small(name)
        random = any(isinstance(m, nn.Dropout | nn.Dropout2d) and m.p for m in network.modules())
        with torch.no_grad():
            first, second = (levels(network.train()(picture())) for _ in range(2))
            assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True)) != random
            assert torch.equal(network.eval()(picture()), network(picture()))

    def test_a_picture_does_not_depend_on_its_batch(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            torch.testing.assert_close(network(picture())[:1], network(picture()[:1]), atol=1e-5, rtol=1e-4)

    def test_weights_survive_safetensors_fp16(self, name: str, tmp_path: Path) -> None:
        network = small(name).eval()
        half = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in network.state_dict().items()}
        save_file(half, tmp_path / "w.safetensors")
        torch.manual_seed(99)
        other = build_network(name, 2, 3, SMALL.get(name, {})).eval()
        with torch.no_grad():
            before = other(picture())
            other.load_state_dict({k: v.float() for k, v in load_file(tmp_path / "w.safetensors").items()})
            exact, after = network(picture()), other(picture())
        assert (after - exact).abs().max() < 0.02 * exact.abs().max()
        assert (before - exact).abs().max() > 0.02 * exact.abs().max()

    def test_a_wrong_argument_names_the_nearest(self, name: str) -> None:
        argument = list(inspect.signature(NETWORKS.load(name)).parameters)[-1]
        with pytest.raises(UsageError, match=f"Did you mean '{argument}'"):
            build_network(name, 1, 1, {argument[:-2] + argument[-1]: 0.1})


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("attention-resunet", {"filters": (8,)}),
        ("deeplabv3plus", {"rates": (0,), "encoder_weights": "none"}),
        ("fpn", {"segmentation_channels": 33, "encoder_weights": "none"}),
        ("resunet", {"filters": ()}),
        ("unet", {"filters": (8,)}),
        ("unet-efficientnet", {"decoder_channels": (8, 8), "encoder_weights": "none"}),
    ],
)
def test_impossible_arguments_are_told_in_words(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"Correct network\.args"):
        build_network(name, 1, 1, args)


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'unet'"):
        build_network("unett", 1, 1, {})


def test_the_papers_unet() -> None:
    """S4-86/87: 32 to 512 filters, two 3×3 convolutions per level, dropout 0.2, 2×2 transposed convolutions."""
    network = build_network("unet", 2, 4, {})
    kernels = [m.kernel_size for m in network.modules() if isinstance(m, nn.Conv2d)]
    widths = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]
    ups = [m for m in network.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert widths[:10] == [32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    assert kernels[:-1] == [(3, 3)] * 18
    assert kernels[-1] == (1, 1)
    assert [(m.kernel_size, m.stride) for m in ups] == [((2, 2), (2, 2))] * 4
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.2}
    assert 7.6e6 < sum(p.numel() for p in network.parameters()) < 7.9e6


def test_fpn_adds_the_levels_top_down() -> None:
    """A change of the deepest level alone must show at every place of the output."""
    network = small("fpn").eval()
    with torch.no_grad():
        before = network(picture())
        network.lateral[-1].bias += 1.0  # type: ignore[union-attr, operator]
        after = network(picture())
    assert ((after - before).abs().amax(dim=1) > 1e-4).all()
