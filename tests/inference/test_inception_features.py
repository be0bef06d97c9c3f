"""Inception's features: the user's own TorchScript file, as StyleGAN's metrics use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tumorscope.core.errors import InputError
from tumorscope.inference.features import InceptionFeatures


class _Network(torch.nn.Module):
    """Answers as inception-2015-12-05.pt does: bytes in, features out."""

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert images.dtype == torch.uint8
        return images.float().mean(dim=(2, 3)).repeat(1, 4) * (2.0 if return_features else 0.0)


def test_two_sequences_become_three_colours_of_bytes(tmp_path: Path) -> None:
    torch.jit.script(_Network()).save(str(tmp_path / "inception.pt"))
    images = torch.zeros(3, 2, 8, 8)
    images[1, 0], images[2] = 0.5, 5.0
    found = InceptionFeatures(tmp_path / "inception.pt")(images)
    assert found.shape == (3, 12) and found.dtype == np.float64
    assert not found[0].any() and found[1, 0] > found[1, 2] > found[1, 1] == 0
    assert np.allclose(found[2], 2 * 255)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"no network")
    with pytest.raises(InputError, match="Inception"):
        InceptionFeatures(tmp_path / "weights.pt")
