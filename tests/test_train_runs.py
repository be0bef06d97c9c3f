"""The runs that benchmarks/train_runs.py makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tumorscope.datasets import DATASETS
from tumorscope.recipes.recipe import load_recipe

RUNS = yaml.safe_load((Path(__file__).parents[1] / "benchmarks" / "train_runs.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RUNS)
def test_every_run_can_be_started_and_says_what_it_is(name: str) -> None:
    run = RUNS[name]
    recipe = load_recipe(run["recipe"], {key: json.dumps(value) for key, value in run["overrides"].items()})
    assert recipe.data.dataset == run["data"] and recipe.data.dataset in DATASETS
    assert run["protocol"] in ("paper", "patient", "block") and run["budget"]
    assert (recipe.data.unit == "patient") == (run["protocol"] != "paper")


def test_stored_results_name_no_folder_of_the_machine_that_made_them() -> None:
    results = Path(__file__).parents[1] / "benchmarks" / "results"
    files = sorted(results.rglob("*.json"))
    assert files
    for file in files:
        found = re.findall(r'"(?:/|[A-Z]:\\\\)[^"]*"', file.read_text(encoding="utf-8"))
        assert not found, f"{file.name}: {found[:3]}"
