"""Pixels without a label count neither in a loss nor in its gradient; guided decoders have a loss per level."""

from __future__ import annotations

import math

import pytest
import torch
from test_losses import loss, random_pair
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.losses import LOSSES
from tumorscope.losses.deep_supervision import DeepSupervision
from tumorscope.losses.weighted import LossTerm, WeightedLoss


def sparse(dims: int) -> Tensor:
    """Return known pixels (2, 1, …): about half of the first sample, a third of the second."""
    generator = torch.Generator().manual_seed(8)
    chance = torch.rand(2, 1, *([6] * dims), generator=generator)
    return (chance < torch.tensor([0.5, 0.3]).view(2, 1, *([1] * dims))).float()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("name", "exclusive"),
    [(name, exclusive) for name in LOSSES for exclusive in (True, False) if exclusive or name != "cross_entropy"],
)
class TestEveryLoss:
    def test_gradient_is_exactly_zero_where_nobody_labelled(self, name: str, exclusive: bool, dims: int) -> None:
        logits, truth = random_pair(exclusive, dims)
        known = sparse(dims)
        logits.requires_grad_()
        loss(name, exclusive)(logits, truth, known).backward()
        assert logits.grad is not None
        size = logits.grad.abs().sum(dim=1, keepdim=True)
        assert torch.count_nonzero(size[known == 0]) == 0
        assert torch.count_nonzero(size[known == 1]) == int(known.sum())

    def test_what_lies_there_does_not_matter(self, name: str, exclusive: bool, dims: int) -> None:
        logits, truth = random_pair(exclusive, dims)
        known, function = sparse(dims), loss(name, exclusive)
        other = torch.where(known == 1, logits, -3 * logits + 1)
        turned = torch.where(known == 1, truth, truth.roll(1, dims=1))
        assert float(function(other, turned, known)) == pytest.approx(float(function(logits, truth, known)), rel=1e-6)
        assert float(function(other, turned)) != pytest.approx(float(function(logits, truth)), rel=1e-3)

    def test_known_everywhere_is_the_plain_loss(self, name: str, exclusive: bool, dims: int) -> None:
        logits, truth = random_pair(exclusive, dims)
        everywhere, function = torch.ones_like(truth[:, :1]), loss(name, exclusive)
        assert float(function(logits, truth, everywhere)) == pytest.approx(float(function(logits, truth)), rel=1e-5)

    def test_known_nowhere_is_finite_and_teaches_nothing(self, name: str, exclusive: bool, dims: int) -> None:
        logits, truth = random_pair(exclusive, dims)
        logits.requires_grad_()
        value = loss(name, exclusive)(logits, truth, torch.zeros_like(truth[:, :1]))
        value.backward()
        assert value.isfinite()
        assert logits.grad is not None
        assert torch.count_nonzero(logits.grad) == 0


@pytest.mark.parametrize("name", ["bce", "focal"])
def test_the_mean_is_that_of_the_known_pixels(name: str) -> None:
    logits, truth = random_pair(False, 2)
    known = torch.zeros(2, 1, 6, 6)
    known[0, 0, 2:4, 1:5] = 1
    alone = loss(name)(logits[:1, :, 2:4, 1:5], truth[:1, :, 2:4, 1:5])
    assert float(loss(name)(logits, truth, known)) == pytest.approx(float(alone), rel=1e-6)


def test_class_weights_and_unknown_pixels_by_hand() -> None:
    """Pixels of class 0 (p 0.7), class 2 (p 0.3) and an unknown one: Σ w e / Σ w over the two."""
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]).log().T.view(1, 3, 1, 3)
    truth = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]]).T.reshape(1, 3, 1, 3)
    known = torch.tensor([1.0, 1.0, 0.0]).view(1, 1, 1, 3)
    expected = -(1 * math.log(0.7) + 4 * math.log(0.3)) / (1 + 4)
    found = loss("cross_entropy", True, class_weights=[1, 2, 4])(logits, truth, known)
    assert float(found) == pytest.approx(expected)


class _Recorder(nn.Module):
    """A loss that is the mean logit."""

    def forward(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        assert logits.shape == target.shape
        return logits.mean()


class TestDeepSupervision:
    def test_weights_halve_and_sum_to_one(self) -> None:
        target = torch.zeros(1, 1, 4, 4)
        levels = [torch.full((1, 1, 4, 4), value) for value in (1.0, 10.0, 100.0)]
        expected = (1 * 1.0 + 0.5 * 10.0 + 0.25 * 100.0) / 1.75
        assert float(DeepSupervision(_Recorder())(levels, target)) == pytest.approx(expected)

    def test_one_level_is_the_plain_loss(self) -> None:
        logits, truth = random_pair(False, 2)
        plain = WeightedLoss({"dice": LossTerm(), "bce": LossTerm()}, exclusive=False)
        for given in (logits, [logits]):
            assert float(DeepSupervision(plain)(given, truth)) == pytest.approx(float(plain(logits, truth)))

    @pytest.mark.parametrize("dims", [2, 3])
    def test_coarser_levels_are_enlarged(self, dims: int) -> None:
        target = torch.zeros(1, 2, *([8] * dims))
        levels = [torch.rand(1, 2, *([size] * dims)) for size in (8, 4, 2)]
        assert DeepSupervision(_Recorder())(levels, target).isfinite()

    @pytest.mark.parametrize("dims", [2, 3])
    def test_a_coarser_level_learns_the_mean_of_its_squares(self, dims: int) -> None:
        target = (torch.rand(1, 2, *([8] * dims), generator=torch.Generator().manual_seed(4)) > 0.5).float()
        mean = (functional.avg_pool2d if dims == 2 else functional.avg_pool3d)(target, 2)
        sure = torch.logit(mean.clamp(1e-4, 1 - 1e-4))
        levels = [torch.logit(target.clamp(1e-4, 1 - 1e-4)), sure.requires_grad_()]
        DeepSupervision(WeightedLoss({"bce": LossTerm()}, exclusive=False))(levels, target).backward()
        assert levels[1].grad is not None and float(levels[1].grad.abs().max()) < 1e-5

    def test_every_level_learns_and_none_from_unknown_pixels(self) -> None:
        _, truth = random_pair(False, 2)
        known = sparse(2)
        levels = [torch.randn_like(truth).requires_grad_() for _ in range(3)]
        DeepSupervision(WeightedLoss({"bce": LossTerm()}, exclusive=False))(levels, truth, known).backward()
        sizes = []
        for level in levels:
            assert level.grad is not None
            assert torch.count_nonzero(level.grad * (1 - known)) == 0
            sizes.append(float(level.grad.abs().sum()))
        assert sizes[0] > sizes[1] > sizes[2] > 0
