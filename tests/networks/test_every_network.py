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
    "segresnet": {"filters": (8, 16, 24), "blocks": (1, 1, 1)},
    "unet": {"filters": (4, 8, 16)},
    "unet3d": {"filters": (4, 8, 16)},
    "unet-efficientnet": {"encoder_weights": "none", "decoder_channels": (16, 8, 8, 4, 4)},
}


def small(name: str, in_channels: int = 2, out_channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return build_network(name, in_channels, out_channels, SMALL.get(name, {}))


def size_for(name: str) -> tuple[int, ...]:
    """Return height and width, or depth, height and width where the network sees volumes."""
    return (32, 16, 32) if getattr(NETWORKS.load(name), "spatial_dims", 2) == 3 else (64, 32)


def picture(name: str = "unet", channels: int = 2, size: tuple[int, ...] | None = None) -> torch.Tensor:
    return torch.randn(2, channels, *(size or size_for(name)), generator=torch.Generator().manual_seed(1))


def levels(logits: torch.Tensor | list[torch.Tensor]) -> list[torch.Tensor]:
    """Return all logits of a network in training mode, whether its decoder is guided or not."""
    return logits if isinstance(logits, list) else [logits]


@pytest.mark.parametrize("name", NETWORKS)
class TestEveryNetwork:
    @pytest.mark.parametrize("channels", [(1, 1), (2, 4), (9, 1)])
    def test_output_has_the_size_of_the_input(self, name: str, channels: tuple[int, int]) -> None:
        network = small(name, *channels).eval()
        with torch.no_grad():
            assert network(picture(name, channels[0])).shape == (2, channels[1], *size_for(name))

    def test_odd_sizes_are_refused_in_words(self, name: str) -> None:
        network = small(name).eval()
        if not hasattr(network, "multiple"):
            pytest.skip("takes any size")
        size = size_for(name)
        odd = (size[0] + 1, *size[1:])
        with pytest.raises(UsageError, match=rf"multiples of \d+; found {'×'.join(map(str, odd))}") as error:
            network(picture(size=odd))
        assert error.value.fix == f"Set preprocess.{'size' if len(size) == 2 else 'patch'} to {list(size)}"
        with pytest.raises(UsageError, match="preprocess"):
            build_network(name, 2, 1, SMALL.get(name, {}), size=(100, 99, 98)[: len(size)])

    def test_gradient_reaches_every_parameter(self, name: str) -> None:
        network = small(name).train()
        outputs = levels(network(picture(name)))
        sizes = [tuple(n // 2**level for n in size_for(name)) for level in range(len(outputs))]
        assert {o.shape for o in outputs} == {(2, 3, *size_for(name))} or [o.shape[2:] for o in outputs] == sizes
        torch.stack([o.square().mean() for o in outputs]).sum().backward()
        without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert without == []

    def test_runs_in_bf16(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            exact = network(picture(name))
            with torch.autocast("cpu", torch.bfloat16):
                rough = network(picture(name))
        assert rough.isfinite().all()
        assert (rough.float() - exact).abs().max() < 0.1 * exact.abs().max()

    def test_memory_layout_does_not_matter(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            plain = network(picture(name))
            layout = torch.channels_last if len(size_for(name)) == 2 else torch.channels_last_3d
            network.to(memory_format=layout)  # type: ignore[call-overload]
            last = network(picture(name).to(memory_format=layout))
        torch.testing.assert_close(last, plain, atol=1e-4, rtol=1e-4)

    def test_evaluation_is_deterministic_and_training_is_not(self, name: str) -> None:
        network = small(name)
        random = any(isinstance(m, nn.Dropout | nn.Dropout2d | nn.Dropout3d) and m.p for m in network.modules())
        with torch.no_grad():
            first, second = (levels(network.train()(picture(name))) for _ in range(2))
            assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True)) != random
            assert torch.equal(network.eval()(picture(name)), network(picture(name)))

    def test_a_picture_does_not_depend_on_its_batch(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            torch.testing.assert_close(network(picture(name))[:1], network(picture(name)[:1]), atol=1e-5, rtol=1e-4)

    def test_weights_survive_safetensors_fp16(self, name: str, tmp_path: Path) -> None:
        network = small(name).eval()
        half = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in network.state_dict().items()}
        save_file(half, tmp_path / "w.safetensors")
        torch.manual_seed(99)
        other = build_network(name, 2, 3, SMALL.get(name, {})).eval()
        with torch.no_grad():
            before = other(picture(name))
            other.load_state_dict({k: v.float() for k, v in load_file(tmp_path / "w.safetensors").items()})
            exact, after = network(picture(name)), other(picture(name))
        assert (after - exact).abs().max() < 0.02 * exact.abs().max()
        assert (before - exact).abs().max() > 0.02 * exact.abs().max()

    def test_slices_and_volumes_are_not_confused(self, name: str) -> None:
        other = (64, 64, 64) if len(size_for(name)) == 2 else (64, 64)
        with pytest.raises(UsageError, match=r"preprocess\.patch"):
            build_network(name, 2, 1, SMALL.get(name, {}), size=other)

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
        ("segresnet", {"filters": (12, 24), "blocks": (1, 1)}),
        ("segresnet", {"filters": (8, 16), "blocks": (1,)}),
        ("segresnet", {"filters": (8, 16), "blocks": (1, 1), "guided": 2}),
        ("unet", {"filters": (8,)}),
        ("unet3d", {"filters": (8,)}),
        ("unet3d", {"filters": (8, 9)}),
        ("unet3d", {"norm": "layer"}),
        ("vnet", {"dropout": 1.0}),
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


def test_the_papers_3d_unet() -> None:
    """Çiçek et al. 2016: 19 069 955 parameters, counting one offset per channel and no scale of the normalisation."""
    network = build_network("unet3d", 3, 3, {}, (128, 128, 128))
    scales = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.BatchNorm3d))
    assert sum(p.numel() for p in network.parameters()) - scales == 19_069_955


def test_vnet_fills_up_channels_and_has_one_dropout() -> None:
    """Milletari et al. 2016: 16 to 256 filters; three channels count as four of which one is empty."""
    network = build_network("vnet", 3, 1, {"dropout": 0.25}).eval()
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout3d)} == {0.25}
    assert max(m.out_channels for m in network.modules() if isinstance(m, nn.Conv3d)) == 256
    three = picture("vnet", 3)
    with torch.no_grad():
        filled = network.body(torch.cat([three, torch.zeros_like(three[:, :1])], dim=1))  # type: ignore[operator]
        assert torch.equal(network(three), filled)
    with pytest.raises(UsageError, match="1 to 16"):
        build_network("vnet", 17, 1, {})


def test_fpn_adds_the_levels_top_down() -> None:
    """A change of the deepest level alone must show at every place of the output."""
    network = small("fpn").eval()
    with torch.no_grad():
        before = network(picture())
        network.lateral[-1].bias += 1.0  # type: ignore[union-attr, operator]
        after = network(picture())
    assert ((after - before).abs().amax(dim=1) > 1e-4).all()


def test_segresnet_folds_without_loss_and_halves_its_guided_levels() -> None:
    from tumorscope.networks.segresnet import _folded, _unfolded

    x = picture("segresnet", 3)
    assert _folded(x, 2).shape == (2, 24, 16, 8, 16)
    assert torch.equal(_unfolded(_folded(x, 2), 2), x)
    network = build_network("segresnet", 3, 2, {"filters": (8, 16, 24), "blocks": (1, 1, 1), "guided": 2}).train()
    assert [tuple(level.shape) for level in network(x)] == [(2, 2, 32, 16, 32), (2, 2, 16, 8, 16)]


def test_segresnet_knows_which_sequences_are_there() -> None:
    """A sequence of zeros says "missing"; with the weights of that switched off nothing is told."""
    network = small("segresnet").eval()
    x = picture("segresnet")
    x[:, 1] = 0
    with torch.no_grad():
        before = network(x)
        network.presence.weight[:, 1] += 1.0  # type: ignore[union-attr, index, operator]
        assert torch.equal(network(x), before)
        x[0, 1, 0, 0, 0] = 1e-3
        assert (network(x)[0] - before[0]).abs().max() > 1e-3
        assert torch.equal(network(x)[1], before[1])
