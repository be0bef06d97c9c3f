"""What can be written after --param, and what it means."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorscope.core.errors import UsageError
from tumorscope.training.search_space import label, parse_parameter, parse_parameters, with_values

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize(
    ("text", "low", "high", "step"),
    [
        ("optimizer.lr=loguniform:1e-5:1e-2", 1e-5, 1e-2, None),
        ("network.args.dropout=uniform:0.1:0.5", 0.1, 0.5, None),
        ("network.args.dropout=uniform:0.1:0.5:0.1", 0.1, 0.5, 0.1),
        ("training.epochs=int:2:10", 2, 10, 1),
        ("training.epochs=int:2:10:4", 2, 10, 4),
    ],
)
def test_ranges(text: str, low: float, high: float, step: float | None) -> None:
    found = parse_parameter(text)
    assert (found.key, found.low, found.high, found.step) == (text.partition("=")[0], low, high, step)
    assert parse_parameter(str(found)) == found


@pytest.mark.parametrize(
    ("values", "choices"),
    [
        ("8,16,32", (8, 16, 32)),
        ("8|16", (8, 16)),
        ("adam,sgd", ("adam", "sgd")),
        ("1e-3,0.01", (1e-3, 0.01)),
        ("true,false,null", (True, False, None)),
        ("[16,32,64]|[32,64]", ([16, 32, 64], [32, 64])),
        ("[16,32,64],[32,64]", ([16, 32, 64], [32, 64])),
        ("[0.9,0.999]|[0.5,0.999]", ([0.9, 0.999], [0.5, 0.999])),
        ("{name: adam, lr: 1e-3}|{name: sgd}", ({"name": "adam", "lr": 1e-3}, {"name": "sgd"})),
    ],
)
def test_choices(values: str, choices: tuple[Any, ...]) -> None:
    found = parse_parameter(f"a.b=choice:{values}")
    assert found.choices == choices
    assert [found.value(stored) for stored in found.labels] == list(choices)
    assert parse_parameter(str(found)).choices == choices


@pytest.mark.parametrize(
    "text",
    [
        "",
        "optimizer.lr",
        "optimizer.lr=",
        "=uniform:0:1",
        "optimizer.lr=uniform",
        "optimizer.lr=normal:0:1",
        "optimizer.lr=uniform:0.5",
        "optimizer.lr=uniform:0.5:0.1",
        "optimizer.lr=uniform:0:1:-1",
        "optimizer.lr=uniform:0:nan",
        "optimizer.lr=loguniform:0:1",
        "optimizer.lr=loguniform:1e-5:1e-2:1e-3",
        "training.epochs=int:1.5:3",
        "training.epochs=int:1:inf",
        "training.epochs=int:a:b",
        "a.b=choice:",
        "a.b=choice:1,,2",
        "a.b=choice:1,2,1",
        "a.b=choice:[1,2",
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError):
        parse_parameter(text)


@pytest.mark.parametrize("key", ["data.seed", "data.fractions", "outputs.names", "training.devices", "name"])
def test_what_all_trials_must_share_cannot_vary(key: str) -> None:
    with pytest.raises(UsageError, match=f"'{key}'"):
        parse_parameter(f"{key}=choice:1,2")
    assert parse_parameter("data.tumour_fraction=uniform:0.2:0.8").key == "data.tumour_fraction"


def test_a_parameter_comes_once_and_there_is_one() -> None:
    with pytest.raises(UsageError, match="at least one --param"):
        parse_parameters([])
    with pytest.raises(UsageError, match=r"optimizer\.lr once"):
        parse_parameters(["optimizer.lr=choice:1,2", "training.epochs=int:1:3", "optimizer.lr=uniform:1:2"])


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("a.b=choice:3,x", [3, "x"]),
        ("a.b=choice:[1,2]|[3]", ["[1, 2]", "[3]"]),
        ("a.b=int:2:9:3", [2, 5, 8]),
        ("a.b=uniform:0.1:0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("a.b=uniform:0.1:0.5", None),
        ("a.b=loguniform:0.1:0.5", None),
    ],
)
def test_the_grid_of_a_parameter(text: str, grid: list[Any] | None) -> None:
    assert parse_parameter(text).grid == grid


def test_values_land_in_the_recipe_and_sections_before_their_keys() -> None:
    space = parse_parameters(
        [
            "optimizer.lr=uniform:0:1",
            "optimizer=choice:{name: sgd}|{name: adam}",
            "network.args.filters=choice:[1,2]|[3]",
        ]
    )
    content = {"optimizer": {"name": "adam", "args": {"betas": [0.9, 0.99]}}, "network": {"name": "unet"}}
    stored = {"optimizer.lr": 0.5, "optimizer": '{"name": "sgd"}', "network.args.filters": "[1, 2]"}
    assert with_values(content, space, stored) == {
        "optimizer": {"name": "sgd", "lr": 0.5},
        "network": {"name": "unet", "args": {"filters": [1, 2]}},
    }
    assert content["optimizer"] == {"name": "adam", "args": {"betas": [0.9, 0.99]}}


def test_a_key_through_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'loss\.dice\.x'"):
        with_values({"loss": {"dice": 1}}, [parse_parameter("loss.dice.x=choice:1,2")], {"loss.dice.x": 1})


@given(st.lists(st.lists(st.integers(1, 999), min_size=1, max_size=4), min_size=2, max_size=4, unique_by=tuple))
def test_lists_of_any_length_survive_the_study(widths: list[list[int]]) -> None:
    parameter = parse_parameter("a.b=choice:" + "|".join(map(str, widths)))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    assert parameter.value(parameter.suggest(study.ask())) in widths
    assert [parameter.value(label(w)) for w in widths] == widths
