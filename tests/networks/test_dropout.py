"""The quick dropout is dropout."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tumorscope.networks.dropout import Dropout

SHAPES = [(4, 32, 16, 16), (2, 3, 5, 7), (1, 4, 6, 6, 6), (1001,)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_share_and_scale(dtype: torch.dtype, p: float) -> None:
    torch.manual_seed(1)
    out = Dropout(p)(torch.ones(200_000, dtype=dtype)).float()
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.004)
    assert out[out != 0].unique().tolist() == pytest.approx([1 / (1 - p)], rel=0.01)


def test_neighbours_are_independent() -> None:
    torch.manual_seed(2)
    kept = (Dropout(0.5)(torch.ones(400_000)) > 0).float() - 0.5
    for lag in (1, 2, 3, 4, 8):
        assert abs(float((kept[lag:] * kept[:-lag]).mean())) < 0.002


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("nhwc", [False, True])
def test_values_gradient_and_layout(shape: tuple[int, ...], nhwc: bool) -> None:
    x = torch.randn(shape)
    if nhwc and x.ndim > 3:
        x = x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    x.requires_grad_()
    out = Dropout(0.25)(x)
    assert out.stride() == x.stride()
    kept = out != 0
    assert torch.allclose(out[kept], x[kept] / 0.75)
    weights = torch.randn(shape)  # a gradient in another order of elements than x
    (out * weights).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, torch.where(kept, weights / 0.75, 0.0))


def test_a_slice_of_a_tensor_keeps_its_own_elements() -> None:
    x = torch.arange(1.0, 4 * 8 * 6 * 6 + 1).view(4, 8, 6, 6)[1:3, 2:5]
    out = Dropout(0.5)(x)
    assert torch.allclose(out[out != 0], 2 * x[out != 0])
    assert 0.2 < float((out == 0).float().mean()) < 0.8


def test_the_seed_decides() -> None:
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(Dropout(0.5)(torch.ones(64)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_nothing_is_dropped_in_evaluation_or_at_zero() -> None:
    x = torch.randn(3, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()
    assert isinstance(Dropout(), nn.Dropout)
    assert Dropout(0.5)(torch.zeros(0, 3)).shape == (0, 3)
