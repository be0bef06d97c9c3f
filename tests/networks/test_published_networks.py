"""Networks of the papers against what the papers print."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tumorscope.networks.attention_resunet import AttentionGate, AttentionResUNet
from tumorscope.networks.build import build_network
from tumorscope.networks.dilate import keep_stride_16
from tumorscope.networks.encoders import build_encoder
from tumorscope.networks.resunet import ResidualBlock, ResUNet


class TestResUNet:
    """S3-29."""

    def network(self) -> nn.Module:
        return build_network("resunet", 3, 1, {}, (128, 128))

    def test_ten_residual_blocks_and_23_convolutions(self) -> None:
        network = self.network()
        blocks = [m for m in network.modules() if isinstance(m, ResidualBlock)]
        projections = {id(m) for b in blocks for m in b.shortcut.modules()}
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        counted = [m for m in convolutions if id(m) not in projections]
        assert len(blocks) == 10
        assert len(counted) == 23
        assert [m.kernel_size for m in counted] == [(3, 3)] * 22 + [(1, 1)]
        assert not any(isinstance(m, nn.ConvTranspose2d) for m in network.modules())

    def test_bottleneck_has_1024_filters_and_the_output_one(self) -> None:
        network = self.network()
        assert isinstance(network, ResUNet)
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        assert max(m.out_channels for m in convolutions) == 1024
        bottom = [m.out_channels for m in network.bottleneck.modules() if isinstance(m, nn.Conv2d)]
        assert bottom == [1024, 1024]
        assert network.head.out_channels == 1

    def test_parameters_are_those_of_the_docstring(self) -> None:
        assert sum(p.numel() for p in self.network().parameters()) == pytest.approx(17.7e6, rel=0.01)

    def test_a_block_whose_convolutions_are_silent_passes_its_input_on(self) -> None:
        block = ResidualBlock(4, 4).eval()
        for part in (block.first, block.second):
            nn.init.zeros_(part[0].weight)
        x = torch.rand(1, 4, 8, 8)
        with torch.no_grad():
            assert torch.equal(block(x), x)


class TestAttentionResUNet:
    """S1-03: attention gates, residual blocks, a loss at every decoder level."""

    def test_every_decoder_level_answers_in_training_and_the_finest_alone_afterwards(self) -> None:
        network = build_network("attention-resunet", 2, 3, {"filters": (4, 8, 16, 32), "dropout": 0.0}, (32, 32))
        x = torch.rand(2, 2, 32, 32)
        levels = network.train()(x)
        assert len(levels) == 3
        assert {level.shape for level in levels} == {(2, 3, 32, 32)}
        assert isinstance(network.eval()(x), torch.Tensor)

    def test_the_finest_comes_first(self) -> None:
        """The coarser a level, the smoother its map."""
        torch.manual_seed(0)
        network = build_network("attention-resunet", 1, 1, {"filters": (4, 8, 16, 32), "dropout": 0.0})
        with torch.no_grad():
            levels = network.train()(torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
        rough = [float((y.diff(dim=-1).abs().mean() / y.std()).detach()) for y in levels]
        assert rough == sorted(rough, reverse=True)

    def test_unguided_returns_one_map(self) -> None:
        network = build_network("attention-resunet", 1, 1, {"filters": (4, 8), "guided": False})
        assert isinstance(network.train()(torch.rand(2, 1, 16, 16)), torch.Tensor)

    def test_a_gate_only_weighs_the_skip_connection(self) -> None:
        gate = AttentionGate(3, 5, 4).eval()
        skip, deep = torch.rand(2, 3, 8, 8) + 0.1, torch.rand(2, 5, 8, 8)
        with torch.no_grad():
            weight = gate(skip, deep) / skip
        assert torch.allclose(weight, weight[:, :1].expand_as(weight), atol=1e-6)
        assert float(weight.min()) > 0
        assert float(weight.max()) < 1

    def test_parameters_are_those_of_the_docstring(self) -> None:
        network = AttentionResUNet(2, 3)
        assert sum(p.numel() for p in network.parameters()) == pytest.approx(8.4e6, rel=0.01)


class TestDeepLab:
    @pytest.mark.parametrize("variant", ["efficientnet-lite0", "efficientnet-lite2"])
    def test_dilation_keeps_what_the_encoder_sees(self, variant: str) -> None:
        """Every second row and column of the dilated features is the strided encoder's feature map."""
        torch.manual_seed(0)
        encoder = build_encoder(variant, 3, "none").eval()
        x = torch.rand(1, 3, 64, 96)
        with torch.no_grad():
            strided = encoder(x)
            keep_stride_16(encoder)
            dilated = encoder(x)
        assert dilated[-1].shape[2:] == (4, 6)
        size = strided[-1].abs().max()
        assert (dilated[-1][..., ::2, ::2] - strided[-1]).abs().max() < 1e-4 * size
        assert (dilated[-1][..., 1::2, 1::2] - strided[-1]).abs().max() > 1e-2 * size
        assert all(torch.equal(a, b) for a, b in zip(dilated[:-1], strided[:-1], strict=True))

    def test_dilation_of_an_encoder_with_squeeze_and_excitation(self) -> None:
        encoder = build_encoder("efficientnet-b0", 3, "none").eval()
        names = list(encoder.state_dict())
        keep_stride_16(encoder)
        with torch.no_grad():
            assert [f.shape[2] for f in encoder(torch.rand(1, 3, 64, 64))] == [32, 16, 8, 4, 4]
        assert list(encoder.state_dict()) == names

    def test_one_picture_can_be_trained_on(self) -> None:
        network = build_network("deeplabv3plus", 1, 1, {"encoder_weights": "none"}, (48, 48)).train()
        assert network(torch.rand(1, 1, 48, 48)).isfinite().all()

    def test_parameters_are_those_of_the_docstring(self) -> None:
        network = build_network("deeplabv3plus", 3, 1, {"encoder_weights": "none"})
        assert sum(p.numel() for p in network.parameters()) == pytest.approx(3.9e6, rel=0.02)
