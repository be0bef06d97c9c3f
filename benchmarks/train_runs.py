"""Train the published recipes under their protocols and ours, score them, and keep the figures.

    python benchmarks/train_runs.py lgg-fpn-efficientnet--slice --data lgg=.../kaggle_3m -o runs [--cache DIR]
    python benchmarks/train_runs.py all --data lgg=... --data brats=... --data coco=... --data figshare=... -o runs

What is run stands in ``train_runs.yaml``. Every run is resumed where it was interrupted; a finished one is only
scored. Writes ``benchmarks/results/runs/<run>.json``, from which ``reproduction.py`` makes its page.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.files import write_text
from tumorscope.metrics import PAPER_METRICS
from tumorscope.recipes.recipe import load_recipe
from tumorscope.training.callbacks import read_log
from tumorscope.workflows.evaluate import evaluate
from tumorscope.workflows.split import make_split_files
from tumorscope.workflows.train import train_recipe

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "runs"
RUNS: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "train_runs.yaml").read_text(encoding="utf-8"))


def train(name: str, data: dict[str, Path], output: Path, cache: Path | None) -> Path:
    """Train one run, unless it is finished, and return its folder."""
    run = RUNS[name]
    if (output / name / "bundle" / "bundle.json").is_file():
        return output / name
    overrides = {key: json.dumps(value) for key, value in run["overrides"].items()}
    split = None
    if "split" in run:
        kind = {key: value for key, value in run["split"].items() if key != "file"}
        make_split_files(load_recipe(run["recipe"]).data.dataset, data[run["data"]], output / "splits", **kind)
        split = output / "splits" / run["split"]["file"]
    train_recipe(
        run["recipe"],
        data[run["data"]],
        output / name,
        overrides=overrides,
        split=split,
        init=train(run["init"], data, output, cache) / "bundle" if "init" in run else None,
        cache=cache,
        echo=print,
    )
    return output / name


def minutes(folder: Path) -> float:
    """Return the minutes of training of a run and of those it continues."""
    manifest = Bundle.load(folder / "bundle").manifest.training.manifest
    before = RUNS[folder.name].get("init")
    return float(manifest["seconds"]) / 60 + (minutes(folder.parent / before) if before else 0)


def dice_alone(row: dict[str, Any]) -> dict[str, Any]:
    """Return a case's row with nothing but its Dice by region: all metrics of all cases would fill megabytes."""
    regions = {k: {"dice": v["dice"]} for k, v in row.items() if isinstance(v, dict) and "dice" in v}
    return {"case": row["case"], "patient": row["patient"], **regions}


def facts(name: str, folder: Path) -> dict[str, Any]:
    """Return what is known of a finished run besides its scores."""
    run, training = RUNS[name], Bundle.load(folder / "bundle").manifest.training
    return {
        "run": name,
        "recipe": run["recipe"],
        "protocol": run["protocol"],
        "overrides": run["overrides"],
        "budget": run["budget"],
        "minutes": round(minutes(folder), 1),
        "manifest": training.manifest,
        "recipe_as_run": training.recipe,
        "log": read_log(folder / "log.csv"),
    }


def score(name: str, data: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Score a finished run on its validation and its test part, or those it names."""
    run, found = RUNS[name], facts(name, folder)
    for part in run.get("parts", ("val", "test")):
        scored = evaluate(
            bundle=folder / "bundle",
            dataset=found["recipe_as_run"]["data"]["dataset"],
            data=data[run["data"]],
            split=folder / "split.json",
            part=part,
            allow_overlap=part != "test",
            metrics=tuple(run.get("metrics", PAPER_METRICS)),
            echo=print,
        ).to_json()
        found[part] = {**scored, "cases": [dice_alone(row) for row in scored["cases"]]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="names in train_runs.yaml, or all")
    parser.add_argument("--data", action="append", required=True, metavar="NAME=DIR")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    data = {name: Path(folder) for name, folder in (entry.split("=", 1) for entry in options.data)}
    for name in RUNS if options.runs == ["all"] else options.runs:
        folder = train(name, data, options.out, options.cache)
        write_text(RESULTS / f"{name}.json", json.dumps(score(name, data, folder), indent=1) + "\n")


if __name__ == "__main__":
    main()
