"""The structure that drawings show is that of the module."""

from __future__ import annotations

import pytest

from tumorscope.core.errors import UsageError
from tumorscope.networks import NETWORKS
from tumorscope.networks.structure import Structure, network_structure


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_drawn(name: str) -> None:
    found = network_structure(name)
    given, *blocks = found.blocks
    assert (given.channels, given.inputs) == (4, set())
    assert (blocks[-1].channels, blocks[-1].size) == (3, given.size)
    assert all(block.inputs and max(block.inputs) <= index for index, block in enumerate(blocks))
    read = set().union(*(block.inputs for block in blocks))
    assert read == set(range(len(blocks)))  # every block but the last feeds another
    assert 0.99 * found.parameters < sum(block.parameters for block in blocks) <= found.parameters


class TestUNet:
    @pytest.fixture(scope="class")
    def found(self) -> Structure:
        return network_structure("unet", 2, 4, {"filters": (8, 16, 32)}, size=64)

    def test_channels_and_sizes_by_level(self, found: Structure) -> None:
        assert [(b.channels, b.size[0]) for b in found.blocks] == [
            (2, 64),
            (8, 64),
            (16, 32),
            (32, 16),
            (16, 32),
            (16, 32),
            (8, 64),
            (8, 64),
            (4, 64),
        ]

    def test_skip_connections(self, found: Structure) -> None:
        assert [sorted(b.inputs) for b in found.blocks] == [[], [0], [1], [2], [3], [2, 4], [5], [1, 6], [7]]

    def test_layers(self, found: Structure) -> None:
        assert dict(found.blocks[1].layers) == {"conv 3×3": 2}
        assert dict(found.blocks[4].layers) == {"up-conv 2×2": 1}
        assert dict(found.blocks[5].layers) == {"concat": 1, "conv 3×3": 2}

    def test_nothing_is_computed(self, found: Structure) -> None:
        huge = network_structure("unet", args={"filters": (4096, 8192)}, size=65536)
        assert huge.blocks[1].size == (65536, 65536)  # 70 TB of activations, were it real


def test_unknown_names_and_sizes() -> None:
    with pytest.raises(UsageError, match="Did you mean 'unet'"):
        network_structure("unett")
    with pytest.raises(UsageError, match="multiples of 16"):
        network_structure("unet", size=100)
