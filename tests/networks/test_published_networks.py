"""Networks of the papers against what the papers print."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tumorscope.networks.build import build_network
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
