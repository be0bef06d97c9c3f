"""A whole search on data that train in seconds."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import Trial
from tiny_training import make_brats, tiny, write_recipe

from tumorscope.cli.main import main, parse
from tumorscope.cli.options import parse_duration
from tumorscope.cli.tune import Command
from tumorscope.core.errors import TumorscopeError, UsageError
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import load_recipe
from tumorscope.training import trial as trials
from tumorscope.training.callbacks import EpochHook, read_log
from tumorscope.training.trial import failure_sentence, kept_epoch
from tumorscope.workflows.tune import TuneResult, tune

LR = "optimizer.lr=loguniform:1e-3:1e-1"
#: Seven levels need a size of 64: impossible here, and only known when the trial begins.
WIDTHS = "network.args.filters=choice:[4,8]|[4,4,4,4,4,4,4]"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_brats(tmp_path_factory.mktemp("data"), depth=4)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def searched(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TuneResult, list[str]]:
    """A grid of 2 widths × 3 rates of which one diverges: 2 complete, 1 no number, 3 impossible."""
    said: list[str] = []
    folder = tmp_path_factory.mktemp("search") / "s"
    space = ["optimizer.lr=choice:0.01,0.03,1e30", WIDTHS]
    recipe = tiny(training__epochs=2, optimizer={"name": "sgd"})
    return tune(recipe, data, folder, space, sampler="grid", cache=cache, echo=said.append), said


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tumorscope.workflows.tune.save_search_figures", lambda report, folder: [])
    yield


def by_state(result: TuneResult, state: str) -> list[dict[str, Any]]:
    return [dict(t) for t in result.report.trials if t["state"] == state]


def test_trials_that_cannot_be_are_told_and_the_search_goes_on(searched: tuple[TuneResult, list[str]]) -> None:
    result, said = searched
    assert len(result.report.trials) == 6
    assert len(by_state(result, "complete")) == 2
    sentences = [t["sentence"] for t in by_state(result, "failed")]
    assert sum("multiples of 64" in s for s in sentences) == 3
    assert sum("a finite train_loss" in s for s in sentences) == 1
    assert result.exit_code == 1
    assert sum("failed: Expected" in line for line in said) == 4
    assert "failed. Expected a finite train_loss" in result.render()


def test_the_value_is_that_of_the_epoch_a_run_keeps(searched: tuple[TuneResult, list[str]]) -> None:
    result, _ = searched
    for trial in by_state(result, "complete"):
        rows = read_log(result.folder / "trials" / f"{trial['trial']:04}" / "log.csv")
        kept = min(rows, key=lambda row: row["val_loss"])
        assert trial["value"] == pytest.approx(kept["val_dice"])
        assert trial["best_epoch"] == kept["epoch"] + 1
        assert trial["epochs"] == len(rows) == 2
    best = max(by_state(result, "complete"), key=lambda t: t["value"])
    assert result.report.best == best["trial"]


def test_the_test_part_is_not_touched_and_the_split_is_stated(
    searched: tuple[TuneResult, list[str]], cache: Path
) -> None:
    result, said = searched
    split = Split.load(result.folder / "split.json")
    seen = {json.loads(p.read_text())["id"] for p in cache.glob("*/*.json") if p.name != "settings.json"}
    assert seen == {*split.parts["train"], *split.parts["val"]}
    assert split.parts["test"] and not seen & set(split.parts["test"])
    assert split.hash in said[0] and split.hash in result.render()
    assert "split by patient" in result.render()
    assert result.to_json()["split"]["hash"] == split.hash


def test_the_best_recipe_trains(searched: tuple[TuneResult, list[str]]) -> None:
    result, _ = searched
    assert result.best is not None
    best = next(t for t in result.report.trials if t["trial"] == result.report.best)
    recipe = load_recipe(result.best)
    assert recipe.optimizer.lr == best["params"]["optimizer.lr"]
    assert recipe.network.args["filters"] == [4, 8]
    words = shlex.split(result.report.command)
    assert words[:3] == ["tumorscope", "train", str(result.best)]
    from tumorscope.cli.train import Command as Train

    assert parse(Train, "train", words[2:]) is not None


def test_table_csv_json_and_figures_agree(searched: tuple[TuneResult, list[str]]) -> None:
    result, _ = searched
    with (result.folder / "trials.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    stored = json.loads((result.folder / "search.json").read_text())
    assert [int(r["trial"]) for r in rows] == [t["trial"] for t in stored["trials"]] == [1, 2, 3, 4, 5, 6]
    for row, trial in zip(rows, stored["trials"], strict=True):
        assert row["state"] == trial["state"]
        assert row["val_dice"] == ("" if trial["value"] is None else str(trial["value"]))
        assert row["network.args.filters"] == trial["params"]["network.args.filters"]
    table = (result.folder / "trials.txt").read_text().splitlines()
    assert [line.split()[1] for line in table[4:10]] == ["complete"] * 2 + ["failed"] * 4
    assert (result.folder / "history.png").stat().st_size > 5000
    assert not (result.folder / "importance.png").exists()  # two trials tell nothing
    assert "cannot be told from 2 complete" in result.render()


def test_a_trial_leaves_its_log_and_recipe_but_no_weights(searched: tuple[TuneResult, list[str]]) -> None:
    for folder in (searched[0].folder / "trials").iterdir():
        assert {p.name for p in folder.iterdir()} <= {"log.csv", "recipe.yaml", ".lock"}


def test_ctrl_c_and_the_same_command_continues_the_trial(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_figures: None
) -> None:
    recipe, said = tiny(training__epochs=3), list[str]()
    whole = tune(recipe, data, tmp_path / "whole", [LR], trials=1, cache=cache)
    original = EpochHook.on_train_epoch_start
    epochs = []

    def stop(self: EpochHook, trainer: Any, module: Any) -> None:
        epochs.append(trainer.current_epoch)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        original(self, trainer, module)

    monkeypatch.setattr(EpochHook, "on_train_epoch_start", stop)
    with pytest.raises(KeyboardInterrupt):
        tune(recipe, data, tmp_path / "s", [LR], trials=1, cache=cache, echo=said.append)
    assert "the same command continues" in said[-1]
    assert "1 unfinished" in (tmp_path / "s" / "trials.txt").read_text()
    resumed = tune(recipe, data, tmp_path / "s", [LR], trials=1, cache=cache)
    assert epochs == [0, 1, 1, 2]
    pick = ("trial", "state", "value", "epochs", "params")
    assert [{k: t[k] for k in pick} for t in resumed.report.trials] == [
        {k: t[k] for k in pick} for t in whole.report.trials
    ]
    assert resumed.exit_code == 0


def test_a_pruned_trial_ends_early_and_has_a_value_for_the_table(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_figures: None
) -> None:
    monkeypatch.setattr(Trial, "should_prune", lambda self: self.number == 1)
    result = tune(tiny(training__epochs=2), data, tmp_path, [LR], trials=2, cache=cache)
    assert [(t["state"], t["epochs"]) for t in result.report.trials] == [("complete", 2), ("pruned", 1)]
    assert result.report.trials[1]["value"] is not None
    assert result.report.best == 1


def test_time_is_up_between_two_epochs(data: Path, cache: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tumorscope.workflows.tune.save_search_figures", lambda report, folder: [])
    clock = [0.0]
    monkeypatch.setattr(trials.time, "monotonic", lambda: clock[0])

    def tick(*arguments: Any) -> None:
        clock[0] += 10

    monkeypatch.setattr("tumorscope.training.search.Search.report", tick)
    said: list[str] = []
    result = tune(tiny(training__epochs=3), data, tmp_path, [LR], timeout=15, cache=cache, echo=said.append)
    assert any("time is up" in line for line in said)
    assert [t["state"] for t in result.report.trials] == ["unfinished"]
    assert len(read_log(tmp_path / "trials" / "0001" / "log.csv")) == 2
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("space", "options", "told"),
    [
        (["optimizer.learning_rate=uniform:0:1"], {}, "optimizer.learning_rate: unknown key"),
        (["network.args.dropuot=uniform:0:1"], {}, "Did you mean 'dropout'"),
        (["optimizer.name=choice:adamm,sdg"], {}, "optimizer.name"),
        (["network.args.filters=choice:[4]|4"], {}, "network 'unet'"),
        ([LR], {"sampler": "grid"}, "countable values"),
        (["loss.dice.weight=uniform:0.1:1"], {"objective": "val_loss"}, "where the loss itself varies"),
    ],
)
def test_a_search_that_cannot_be_is_refused_before_it_begins(
    data: Path, cache: Path, tmp_path: Path, space: list[str], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        tune(tiny(), data, tmp_path / "s", space, cache=cache, **options)
    assert not (tmp_path / "s" / "trials").exists()


def test_another_space_or_split_is_refused(
    searched: tuple[TuneResult, list[str]], data: Path, cache: Path, tmp_path: Path
) -> None:
    folder = searched[0].folder
    with pytest.raises(UsageError, match="another param"):
        tune(tiny(training__epochs=2, optimizer={"name": "sgd"}), data, folder, [LR], cache=cache)
    split = Split.load(folder / "split.json")
    parts = {**split.parts, "train": split.parts["val"], "val": split.parts["train"]}
    Split(dataset=split.dataset, unit=split.unit, seed=0, parts=parts).save(tmp_path / "other.json")
    with pytest.raises(UsageError, match=split.hash):
        tune(tiny(), data, folder, [LR], cache=cache, split=tmp_path / "other.json")


def test_several_devices_are_several_commands(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="once per device"):
        tune(tiny(training__devices=2), data, tmp_path, [LR])


def test_the_verb(searched: tuple[TuneResult, list[str]], data: Path, cache: Path, tmp_path: Path, capsys: Any) -> None:
    recipe = write_recipe(tmp_path / "r.yaml", training__epochs=2, optimizer={"name": "sgd"})
    words = ["tune", str(recipe), "--data", str(data), "-o", str(searched[0].folder), "--cache", str(cache)]
    words += ["--param", "optimizer.lr=choice:0.01,0.03,1e30", "--param", WIDTHS, "--sampler", "grid", "--json"]
    assert main(words) == 1  # nothing left to do: the table once more
    found = json.loads(capsys.readouterr().out)
    assert found["best_recipe"] == str(searched[0].folder / "best.yaml")
    assert len(found["trials"]) == 6


def test_options_become_what_they_say() -> None:
    words = "r --data d -o s --param a.b=uniform:0:1 --param c.d=choice:[1,2]|[3] --trials 7 --training.epochs 4"
    command = parse(Command, "tune", words.split())
    assert isinstance(command, Command)
    assert command.param == ["a.b=uniform:0:1", "c.d=choice:[1,2]|[3]"]
    assert (command.trials, command.overrides) == (7, {"training.epochs": "4"})
    assert [parse_duration(t) for t in (None, "90s", "25min", "2h", "45", "0.5h")] == [None, 90, 1500, 7200, 45, 1800]
    for wrong in ("", "abc", "-3s", "0", "min", "nan"):
        with pytest.raises(UsageError, match="a time such as"):
            parse_duration(wrong)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "Out of memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "Out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "Out of memory"),
        (ValueError("a\nb"), "ValueError: a b"),
        (TumorscopeError(expected="x", found="y", fix="Do z"), "Expected x; found y. Do z."),
    ],
)
def test_the_sentence_of_a_failure(error: Exception, told: str) -> None:
    assert failure_sentence(error).startswith(told)


def test_the_kept_epoch_is_the_first_best_one() -> None:
    rows = [{"epoch": i, "val_loss": v, "val_dice": d} for i, (v, d) in enumerate([(3, 0.1), (1, 0.2), (1, 0.3)])]
    kept = kept_epoch([*rows, {"epoch": 3.0}], tiny())
    assert kept is not None and kept["epoch"] == 1
    kept = kept_epoch(rows, tiny(training__monitor="val_dice"))
    assert kept is not None and kept["epoch"] == 2


def test_a_wrong_key_is_told_before_the_data_are_looked_for(tmp_path: Path) -> None:
    words = ["tune", "lgg-flair", "--data", str(tmp_path / "nowhere"), "-o", str(tmp_path / "s")]
    assert main([*words, "--param", "optimizer.nope=uniform:0:1"]) == 64
    assert not (tmp_path / "s").exists()
    assert main([*words, "--param", LR]) == 2
