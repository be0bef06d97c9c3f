"""The page on tuning says what the stored search found."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

PAGE = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "tuning_page.py"))


def trial(number: int, value: float | None, state: str = "complete", **params: Any) -> dict[str, Any]:
    named = {key.replace("__", "."): v for key, v in params.items()}
    notes = {"best_epoch": 2, "epochs": 3, "seconds": 30.0, "sentence": ""}
    return {"trial": number, "state": state, "value": value, "params": named, **notes}


def search(**changes: Any) -> dict[str, Any]:
    rates = [1e-5, 1e-4, 2e-4, 1e-3, 2e-3, 5e-3, 8e-3, 1e-2, 2e-2]
    trials = [
        trial(i + 1, i / 10, optimizer__lr=r, optimizer__name="sgd" if i % 2 else "adam") for i, r in enumerate(rates)
    ]
    trials += [trial(10, 0.01, "pruned", optimizer__lr=0.5, optimizer__name="sgd")]
    trials += [trial(11, None, "failed", optimizer__lr=9.0, optimizer__name="adam")]
    return {
        "recipe": "brats-unet2d-cce",
        "objective": "val_dice",
        "split": {"train": 30, "val": 9, "unit": "patient", "hash": "abc"},
        "settings": {"sampler": "tpe", "pruner": "median", "seed": 0},
        "space": ["optimizer.lr=loguniform:1e-05:0.02", "optimizer.name=choice:adam|sgd"],
        "trials": trials,
        "best": 9,
        "importance": [{"key": "optimizer.lr", "share": 0.9, "low": 0.5, "high": 1.0}],
        "score": "mean Dice over 9 cases",
    } | changes


def test_numbers_are_those_of_the_search() -> None:
    page = PAGE["page"](search())
    assert "11 trials (9 complete, 1 pruned, 1 failed) in 6 minutes" in page
    assert "Best: trial 9, val_dice 0.800 at epoch 2 of 3: `optimizer.lr` 0.02, `optimizer.name` adam." in page
    assert "mean Dice over 9 cases" in page
    rows = [
        line.split(" | ")[0].strip("| ") for line in page.splitlines() if " complete | " in line or "| failed |" in line
    ]
    assert rows == ["9", "8", "7", "6", "5", "4", "3", "2", "1", "11"]
    assert "| `optimizer.lr` | 0.90 | 0.50 to 1.00 |" in page


def test_medians_by_value_count_complete_trials_only() -> None:
    told = PAGE["what_was_found"](search(), "optimizer.name")
    assert "adam: 0.400 (n = 5); sgd: 0.400 (n = 4)." in told
    told = PAGE["what_was_found"](search(), "optimizer.lr")
    assert "below 0.001: 0.100 (n = 3)" in told
    assert "above 0.008: 0.750 (n = 2)" in told
    assert "Importance 0.90 (0.50 to 1.00)" in told


def test_what_was_not_searched_is_not_claimed() -> None:
    page = PAGE["page"](search(importance=[]))
    assert page.count("Not part of this search.") == 5
    assert "importance.png" not in page.split("## A real search")[1]
