"""The study that several processes share; no training here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from tumorscope.core.errors import InputError, UsageError
from tumorscope.training.importance import importances, stored_importances
from tumorscope.training.search import Search, SearchSettings
from tumorscope.training.search_space import parse_parameters

LR, FILTERS, EPOCHS = (
    "optimizer.lr=loguniform:1e-5:1e-1",
    "network.args.filters=choice:[4]|[8]",
    "training.epochs=int:2:4",
)


def opened(folder: Path, *space: str, constants: dict[str, Any] | None = None, **settings: Any) -> Search:
    return Search(
        folder, parse_parameters(list(space or (LR,))), SearchSettings(**settings), constants or {"recipe": 1}
    )


def run(search: Search, trials: int | None) -> list[dict[str, Any]]:
    """Run what is left with a made-up objective that only the learning rate decides."""
    drawn = []
    while (trial := search.next(trials)) is not None:
        drawn.append(dict(trial.params))
        value = 1 - abs(math.log10(trial.params.get("optimizer.lr", 1.0)) + 3) / 4
        search.finish(trial, TrialState.COMPLETE, value)
    return drawn


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_in_two_starts_is_the_same_search(tmp_path: Path, sampler: str) -> None:
    unbroken = run(opened(tmp_path / "a", LR, FILTERS, sampler=sampler), 6)
    first = run(opened(tmp_path / "b", LR, FILTERS, sampler=sampler), 3)
    assert first + run(opened(tmp_path / "b", LR, FILTERS, sampler=sampler), 6) == unbroken
    assert len({p["optimizer.lr"] for p in unbroken}) == 6
    assert run(opened(tmp_path / "c", LR, FILTERS, sampler=sampler, seed=1), 3) != first


def test_tpe_finds_the_learning_rate_and_fanova_says_it_mattered(tmp_path: Path) -> None:
    search = opened(tmp_path, LR, FILTERS, EPOCHS)
    run(search, 24)
    best = search.best()
    assert best is not None and 3e-4 < best.params["optimizer.lr"] < 3e-3
    found = importances(search)
    assert found[0].key == "optimizer.lr" and found[0].share > 0.7
    assert sum(i.share for i in found) == pytest.approx(1)
    assert all(0 <= i.low <= i.share <= i.high <= 1 for i in found)
    rows = [{"state": "complete", "params": t.params, "value": t.value} for t in search.trials()]
    assert stored_importances(rows, search.parameters) == found


def test_importances_of_nothing_are_not_made_up(tmp_path: Path) -> None:
    search = opened(tmp_path, FILTERS)
    assert importances(search) == []
    run(search, 5)  # the objective does not see the filters: all values are equal
    assert importances(search) == []


def test_a_grid_takes_every_combination_once(tmp_path: Path) -> None:
    space = (FILTERS, EPOCHS, "network.args.dropout=uniform:0.1:0.2:0.1")
    drawn = run(opened(tmp_path, *space, sampler="grid"), 5) + run(opened(tmp_path, *space, sampler="grid"), None)
    points = {tuple(sorted(p.items())) for p in drawn}
    assert len(drawn) == len(points) == 2 * 3 * 2
    assert {p["network.args.filters"] for p in drawn[:5]} == {"[4]", "[8]"}  # in random order


def test_a_grid_of_a_continuous_parameter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"only parameters with countable values.*optimizer\.lr=loguniform"):
        opened(tmp_path, LR, sampler="grid")
    assert not (tmp_path / "study.db").exists()
    with pytest.raises(UsageError, match="1000000"):
        opened(tmp_path, "a.b=int:1:1000", "a.c=int:1:1000", sampler="grid")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"space": (LR, FILTERS)}, r"another param \(none there, network"),
        ({"space": ("optimizer.lr=loguniform:1e-5:1e-2",)}, r"1e-05:0.1 there, .*1e-05:0.01 now"),
        ({"constants": {"recipe": {"a": {"b": 2}}}}, "another recipe"),
        ({"sampler": "random"}, "another sampler"),
        ({"objective": "val_loss"}, "another objective"),
        ({"seed": 4}, "another seed"),
    ],
)
def test_another_search_in_the_same_folder_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    opened(tmp_path, constants={"recipe": {"a": {"b": 1}}})
    arguments = {"constants": {"recipe": {"a": {"b": 1}}}} | change
    space = arguments.pop("space", (LR,))
    with pytest.raises(UsageError, match=told):
        opened(tmp_path, *space, **arguments)


def test_two_processes_share_the_trials(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    one, two = first.next(3), second.next(3)
    assert one is not None and two is not None
    assert {one.number, two.number} == {0, 1} and one.params != two.params
    third = first.next(3)
    assert third is not None and third.number == 2
    assert second.next(3) is None, "all three have begun"
    for search, trial in ((first, one), (second, two), (first, third)):
        search.finish(trial, TrialState.COMPLETE, trial.number / 10)
    assert [t.value for t in second.trials()] == [0.0, 0.1, 0.2]
    best = second.best()
    assert best is not None and best.number == 2


def test_a_trial_that_was_broken_off_is_continued_first(tmp_path: Path) -> None:
    first = opened(tmp_path)
    trial = first.next(2)
    assert trial is not None
    first.report(trial, 0.5, 0)
    first.stopped(trial)
    second = opened(tmp_path)
    again = second.next(2)
    assert again is not None
    assert (again.number, again.params) == (trial.number, trial.params)
    second.finish(again, TrialState.PRUNED)
    assert second.trials()[0].intermediate_values == {0: 0.5}


def test_a_trial_that_kills_its_process_is_given_up(tmp_path: Path) -> None:
    for _ in range(3):
        search = opened(tmp_path)
        trial = search.next(2)
        assert trial is not None and trial.number == 0
        search.held[0].release()  # what the system does when a process dies
    survivor = opened(tmp_path)
    following = survivor.next(2)
    assert following is not None and following.number == 1
    dead = survivor.trials()[0]
    assert dead.state == TrialState.FAIL
    assert "probably killed for memory" in dead.user_attrs["sentence"]


def test_the_lowest_loss_is_the_best(tmp_path: Path) -> None:
    search = opened(tmp_path, objective="val_loss")
    for value in (0.5, 0.2, 0.2, 0.9):
        trial = search.next(None)
        assert trial is not None
        search.finish(trial, TrialState.COMPLETE, value)
    best = search.best()
    assert best is not None and best.number == 1


def test_a_study_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("not a database, and long enough that SQLite looks at it")
    with pytest.raises(InputError, match="a study that Optuna can read"):
        opened(tmp_path)
