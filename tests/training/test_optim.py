"""Optimisers and schedules."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tiny_training import make_brats, tiny
from torch import nn

from tumorscope.core.errors import UsageError
from tumorscope.core.labels import SCHEMES
from tumorscope.datasets import DATASETS
from tumorscope.recipes.sections import Optimizer, Schedule
from tumorscope.training.cache import build_cache
from tumorscope.training.fit import fit
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


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_the_one_pass_step_is_the_same_step(name: str) -> None:
    found = []
    for fused in (False, True):
        torch.manual_seed(0)
        layer = nn.Linear(5, 3)
        spec = Optimizer(name=name, lr=0.01, weight_decay=0.1)  # type: ignore[arg-type]
        optimizer = build_optimizer(layer.parameters(), spec, fused=fused)
        assert bool(optimizer.param_groups[0].get("fused")) == (fused and name != "rmsprop")
        for _ in range(5):
            optimizer.zero_grad()
            layer(torch.ones(2, 5)).square().sum().backward()
            optimizer.step()
        found.append(layer.weight.detach())
    assert torch.allclose(*found, atol=1e-6)


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_a_run_with_and_without_clipped_gradients(tmp_path: Path, clip: float) -> None:
    """Lightning refuses to clip the gradients of a one-pass optimiser: the task must not take one then."""
    recipe = tiny(training__epochs=1, training__clip_grad=clip, training__precision="bf16-mixed")
    cases = DATASETS.load("brats").discover(make_brats(tmp_path / "data", cases=2, depth=4))
    cache = build_cache(cases, recipe.preprocess, SCHEMES["brats"], tmp_path / "cache")
    names = list(cache.cases)
    assert fit(recipe, SCHEMES["brats"], cache, names[:1], names[1:], tmp_path / "run").epochs_run == 1
