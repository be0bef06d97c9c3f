"""Optimisers and schedules."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tumorscope.core.errors import UsageError
from tumorscope.recipes.sections import Optimizer, Schedule
from tumorscope.training.optim import build_optimizer, build_plateau, build_schedule


def rates(spec: Schedule, steps: int = 20) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = build_schedule(optimizer, spec, steps)
    assert schedule is not None
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return [*found, optimizer.param_groups[0]["lr"]]


def test_cosine_by_formula() -> None:
    expected = [0.5 * (1 + math.cos(math.pi * i / 20)) for i in range(21)]
    assert rates(Schedule(name="cosine")) == pytest.approx(expected)


def test_poly_by_formula() -> None:
    expected = [(1 - i / 20) ** 0.9 for i in range(21)]
    assert rates(Schedule(name="poly")) == pytest.approx(expected)


def test_warmup_rises_in_a_line_and_then_falls() -> None:
    found = rates(Schedule(name="cosine", warmup=0.2))
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert sorted(found[4:], reverse=True) == found[4:]
    assert found[-1] == pytest.approx(0)


def test_plateau_waits_and_cuts() -> None:
    """S4-47: patience 2, factor 0.2."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau = build_plateau(optimizer, Schedule(name="plateau"))
    assert plateau is not None
    found = []
    for loss in (1.0, 0.9, 0.9, 0.9, 0.9, 0.5):
        plateau.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == pytest.approx([1, 1, 1, 1, 0.2, 0.2])


def test_each_schedule_is_of_one_kind() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    for name, by_step, by_loss in (("constant", 0, 0), ("cosine", 1, 0), ("poly", 1, 0), ("plateau", 0, 1)):
        spec = Schedule(name=name)  # type: ignore[arg-type]
        assert (build_schedule(optimizer, spec, 9) is not None) == by_step
        assert (build_plateau(optimizer, spec) is not None) == by_loss


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
    ],
)
def test_every_optimizer_moves_and_decays_weights_only(name: str, kind: type) -> None:
    layer = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = build_optimizer(layer.parameters(), Optimizer(name=name, lr=0.1, weight_decay=0.3))  # type: ignore[arg-type]
    assert type(optimizer) is kind
    assert [(len(g["params"]), g["weight_decay"]) for g in optimizer.param_groups] == [(1, 0.3), (3, 0.0)]
    before = [p.detach().clone() for p in layer.parameters()]
    layer(torch.randn(2, 1, 5, 5)).square().sum().backward()
    optimizer.step()
    assert any(not torch.equal(a, b) for a, b in zip(before, layer.parameters(), strict=True))


def test_sgd_has_momentum_unless_told() -> None:
    weights = [nn.Parameter(torch.zeros(2, 2))]
    assert build_optimizer(weights, Optimizer(name="sgd")).param_groups[0]["momentum"] == 0.9
    assert build_optimizer(weights, Optimizer(name="sgd", args={"momentum": 0.0})).param_groups[0]["momentum"] == 0.0


@pytest.mark.parametrize("args", [{"momentun": 0.9}, {"betas": [2.0, 3.0]}])
def test_wrong_arguments_are_told_in_words(args: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="arguments of optimizer 'adam'"):
        build_optimizer([nn.Parameter(torch.zeros(2, 2))], Optimizer(name="adam", args=args))
