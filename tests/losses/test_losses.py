"""Losses against values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tumorscope.core.errors import UsageError
from tumorscope.losses import LOSSES
from tumorscope.losses.weighted import LossTerm, WeightedLoss

#: Two pixels, one channel: predicted 0.8 and 0.3, truth 1 and 0.
PREDICTED = torch.tensor([0.8, 0.3])
LOGITS = torch.logit(PREDICTED).view(1, 1, 1, 2)
TRUTH = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)

#: Two pixels, three exclusive classes: predicted distributions, truth class 0 and class 2.
CLASSES = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
CLASS_LOGITS = CLASSES.log().T.view(1, 3, 1, 2)
CLASS_TRUTH = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]).view(1, 3, 1, 2)


def loss(name: str, exclusive: bool = False, **args: Any) -> torch.nn.Module:
    built: torch.nn.Module = LOSSES.load(name)(exclusive, **args)
    return built


def test_dice_as_printed() -> None:
    """S1-07: 1 - (2 Σ ŷy + smooth) / (Σ ŷ + Σ y + smooth)."""
    assert float(loss("dice", smooth=1.0)(LOGITS, TRUTH)) == pytest.approx(1 - (2 * 0.8 + 1) / (1.1 + 1 + 1))
    assert float(loss("dice", smooth=1e-6)(LOGITS, TRUTH)) == pytest.approx(1 - 1.6 / 2.1, abs=1e-5)


def test_dice_leaves_the_background_of_a_softmax_out() -> None:
    class_1, class_2 = 1 - (0 + 1) / (0.7 + 0 + 1), 1 - (2 * 0.3 + 1) / (0.4 + 1 + 1)
    assert float(loss("dice", True)(CLASS_LOGITS, CLASS_TRUTH)) == pytest.approx((class_1 + class_2) / 2)


def test_dice_over_the_batch_and_per_sample() -> None:
    empty = torch.zeros_like(TRUTH)
    logits, truth = torch.cat([LOGITS, LOGITS]), torch.cat([TRUTH, empty])
    together = 1 - (2 * 0.8 + 1) / (2.2 + 1 + 1)
    apart = ((1 - 2.6 / 3.1) + (1 - 1 / 2.1)) / 2
    assert float(loss("dice")(logits, truth)) == pytest.approx(together)
    assert float(loss("dice", batch=False)(logits, truth)) == pytest.approx(apart)


def test_bce_by_hand() -> None:
    expected = -(math.log(0.8) + math.log(0.7)) / 2
    assert float(loss("bce")(LOGITS, TRUTH)) == pytest.approx(expected)
    weighted = -(3 * math.log(0.8) + math.log(0.7)) / 2
    assert float(loss("bce", positive_weight=3.0)(LOGITS, TRUTH)) == pytest.approx(weighted)


def test_cross_entropy_by_hand() -> None:
    assert float(loss("cross_entropy", True)(CLASS_LOGITS, CLASS_TRUTH)) == pytest.approx(
        -(math.log(0.7) + math.log(0.3)) / 2
    )
    weighted = -(1 * math.log(0.7) + 4 * math.log(0.3)) / (1 + 4)
    assert float(loss("cross_entropy", True, class_weights=[1, 2, 4])(CLASS_LOGITS, CLASS_TRUTH)) == pytest.approx(
        weighted
    )


def test_focal_as_printed() -> None:
    """S1-09: α (1 - p)^γ BCE with p = exp(-BCE); p is then the probability given to the truth."""
    expected = 0.8 * (0.2**2 * -math.log(0.8) + 0.3**2 * -math.log(0.7)) / 2
    assert float(loss("focal", alpha=0.8, gamma=2.0)(LOGITS, TRUTH)) == pytest.approx(expected)
    softmax = 0.5 * (0.3**3 * -math.log(0.7) + 0.7**3 * -math.log(0.3)) / 2
    assert float(loss("focal", True, alpha=0.5, gamma=3.0)(CLASS_LOGITS, CLASS_TRUTH)) == pytest.approx(softmax)


def test_focal_without_focus_is_bce() -> None:
    assert float(loss("focal", alpha=1.0, gamma=0.0)(LOGITS, TRUTH)) == pytest.approx(float(loss("bce")(LOGITS, TRUTH)))


def test_focal_with_a_root_has_finite_gradients_at_perfection() -> None:
    logits = ((TRUTH * 2 - 1) * 200).requires_grad_()
    loss("focal", gamma=0.5)(logits, TRUTH).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_weighted_sum() -> None:
    """S1-10: w_dice · Dice + w_focal · Focal."""
    terms = {"dice": LossTerm(weight=0.6), "focal": LossTerm(weight=2.0, args={"gamma": 1.0})}
    expected = 0.6 * loss("dice")(LOGITS, TRUTH) + 2.0 * loss("focal", gamma=1.0)(LOGITS, TRUTH)
    assert float(WeightedLoss(terms, exclusive=False)(LOGITS, TRUTH)) == pytest.approx(float(expected))


def test_cross_entropy_refuses_sigmoid_outputs() -> None:
    with pytest.raises(UsageError, match="Use bce"):
        loss("cross_entropy", False)


def test_balanced_class_weights_are_for_training_to_fill_in() -> None:
    built = loss("cross_entropy", True, class_weights="balanced")
    with pytest.raises(UsageError, match="only training can fill in"):
        built(CLASS_LOGITS, CLASS_TRUTH)
    with pytest.raises(UsageError, match="'even'"):
        WeightedLoss({"cross_entropy": LossTerm(args={"class_weights": "even"})}, exclusive=True)


@pytest.mark.parametrize("args", [{"gama": 2.0}, {"alpha": "a", "nope": 1}])
def test_a_wrong_argument_is_told_in_words(args: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="arguments of loss 'focal'"):
        WeightedLoss({"focal": LossTerm(args=args)}, exclusive=False)


def test_class_weights_must_fit_the_outputs() -> None:
    terms = {"cross_entropy": LossTerm(args={"class_weights": [1.0, 2.0]})}
    with pytest.raises(UsageError, match="3 class weights"):
        WeightedLoss(terms, exclusive=True)(CLASS_LOGITS, CLASS_TRUTH)


def random_pair(exclusive: bool, dims: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 3, *([6] * dims), generator=generator)
    classes = torch.randint(0, 3, (2, *([6] * dims)), generator=generator)
    truth = torch.nn.functional.one_hot(classes, 3).movedim(-1, 1).float()
    if not exclusive:
        truth = (torch.rand(truth.shape, generator=generator) > 0.7).float()
    return logits, truth


@pytest.mark.parametrize(
    ("name", "exclusive"),
    [(name, exclusive) for name in LOSSES for exclusive in (True, False) if exclusive or name != "cross_entropy"],
)
class TestEveryLoss:
    def test_a_perfect_prediction_costs_nothing_and_the_opposite_much(self, name: str, exclusive: bool) -> None:
        _, truth = random_pair(exclusive, 2)
        certain = (truth * 2 - 1) * 30
        assert float(loss(name, exclusive)(certain, truth)) < 1e-4
        assert float(loss(name, exclusive)(-certain, truth)) > 0.5

    @pytest.mark.parametrize("dims", [2, 3])
    @pytest.mark.parametrize("size", [1.0, 1e4])
    def test_value_and_gradient_are_finite(self, name: str, exclusive: bool, dims: int, size: float) -> None:
        logits, truth = random_pair(exclusive, dims)
        logits = (logits * size).requires_grad_()
        value = loss(name, exclusive)(logits, truth)
        value.backward()
        assert value.ndim == 0
        assert value.isfinite()
        assert logits.grad is not None
        assert logits.grad.isfinite().all()

    def test_empty_truth_is_harmless(self, name: str, exclusive: bool) -> None:
        logits, truth = random_pair(exclusive, 2)
        truth = torch.zeros_like(truth)
        if exclusive:
            truth[:, 0] = 1
        assert loss(name, exclusive)(logits, truth).isfinite()

    def test_steps_downhill_lower_it(self, name: str, exclusive: bool) -> None:
        logits, truth = random_pair(exclusive, 2)
        logits.requires_grad_()
        function, values = loss(name, exclusive), []
        optimizer = torch.optim.Adam([logits], lr=0.3)
        for _ in range(30):
            value = function(logits, truth)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            values.append(float(value.detach()))
        assert values[-1] < 0.5 * values[0]
