"""Training as its own process: killed and continued, and as two processes at once."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_training import content, make_brats, write_recipe

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.labels import BRATS
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import load_recipe, parse_recipe
from tumorscope.training.batches import SliceDataset, loader
from tumorscope.training.cache import build_cache
from tumorscope.training.task import SegmentationTask, _dice_iou
from tumorscope.workflows.train import train_recipe

pytestmark = pytest.mark.slow


def command(recipe: Path, data: Path, run: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tumorscope", "train", str(recipe), "--data", str(data), "-o", str(run), *more]


def rows(run: Path) -> list[dict[str, str]]:
    if not (run / "log.csv").is_file():
        return []
    with (run / "log.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_kill_9_and_the_same_command_again_give_the_same_bits(tmp_path: Path) -> None:
    data = make_brats(tmp_path / "data")
    settings = {"training__epochs": 40, "training__ema": 0.7, "schedule": {"name": "cosine"}}
    recipe = write_recipe(tmp_path / "r.yaml", **settings)
    process = subprocess.Popen(command(recipe, data, tmp_path / "run"), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while len(rows(tmp_path / "run")) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 3 <= len(rows(tmp_path / "run")) < 40
    assert not (tmp_path / "run" / "bundle").exists()
    again = subprocess.run(command(recipe, data, tmp_path / "run"), capture_output=True, text=True, check=True)
    first = next(line for line in again.stderr.splitlines() if line.startswith("epoch "))
    assert int(first.split()[1].split("/")[0]) >= 3  # it went on, it did not start anew
    whole = train_recipe(recipe, data, tmp_path / "whole")
    for name in ("bundle/weights.safetensors", "split.json"):
        assert (tmp_path / "run" / name).read_bytes() == (whole.run / name).read_bytes()
    assert [r["val_loss"] for r in rows(tmp_path / "run")] == [r["val_loss"] for r in rows(whole.run)]


def test_ctrl_c_ends_with_its_exit_code(tmp_path: Path) -> None:
    data = make_brats(tmp_path / "data")
    recipe = write_recipe(tmp_path / "r.yaml", training__epochs=2000)
    process = subprocess.Popen(
        command(recipe, data, tmp_path / "run"),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job's children ignore it
    )
    while len(rows(tmp_path / "run")) < 2 and process.poll() is None:  # the first epoch's checkpoint is then written
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "stopped by the user" in errors
    assert "Traceback" not in errors
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()
    assert (tmp_path / "run" / "loss.png").is_file()


@pytest.mark.parametrize("folds", [1, 2])
def test_two_processes_train_one_network(tmp_path: Path, folds: int) -> None:
    """Lightning's DDP with gloo: one set of files, and validation counts that cover every slice once."""
    data = make_brats(tmp_path / "data", 2 if folds == 2 else 3, depth=13)  # 7 and 6 slices: two batches and one
    settings = {
        "training__devices": 2,
        "training__epochs": 2,
        "training__batch_size": 3,
        "data__folds": folds,
        "data__seed": 3,
        "data__fractions": [0.67, 0.33, 0.0],
        "loss": {"bce": {}},  # a mean over pixels: the same however slices are put into batches
        "network": {
            "name": "unet-efficientnet",
            "args": {"encoder": "efficientnet-lite0", "encoder_weights": "none", "decoder_channels": [8, 8, 8, 8, 8]},
        },
    }
    recipe = write_recipe(tmp_path / "r.yaml", **settings)
    out = tmp_path / "result.json"
    done = subprocess.run(
        command(recipe, data, tmp_path / "run", "--json", str(out)), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("bundle written") == 1
    run = tmp_path / "run"
    assert len(json.loads(out.read_text())["best"]) == folds
    assert len(Bundle.load(run / "bundle").load_networks()) == folds
    places = [run] if folds == 1 else [run / f"fold-{i}" for i in range(folds)]
    for fold, place in enumerate(places):
        assert len(rows(place)) == 2
        assert len(list((place / "tensorboard").glob("events*"))) == 1
        check_validation(data, tmp_path, place, run / ("split.json" if folds == 1 else f"split-{fold}.json"), settings)
    assert json.loads((run / "manifest.json").read_text())["slices per step"] == 6


def check_validation(data: Path, tmp_path: Path, run: Path, split_file: Path, settings: dict[str, object]) -> None:
    """Score the best checkpoint in this one process and compare with the log of the two."""
    recipe = parse_recipe(content(**settings), "the test")
    assert recipe == load_recipe(tmp_path / "run" / "recipe.yaml")
    cases = DATASETS.load("brats").discover(data)
    store = build_cache(cases, recipe.preprocess, BRATS, tmp_path / "cache")
    ids = Split.load(split_file).parts["val"]
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=False)
    task = SegmentationTask(recipe, BRATS, len(ids)).eval()
    task.load_state_dict(checkpoint["state_dict"])
    counts, loss, seen = torch.zeros(len(ids), 3, 3), 0.0, 0
    with torch.no_grad():
        for batch in loader(SliceDataset(store, ids, 1), 6, None):
            logits, targets = task(batch["image"]), task.targets(batch["label"])
            counts.index_add_(0, batch["case"], task._count(logits, targets, None))
            loss += float(task.loss(logits, targets, None)) * len(logits)
            seen += len(logits)
    dice, iou = _dice_iou(counts)
    row = rows(run)[checkpoint["epoch"]]
    assert seen == 13 * len(ids) == 13
    assert float(row["val_loss"]) == pytest.approx(loss / seen, rel=1e-5)
    assert float(row["val_dice"]) == pytest.approx(float(dice.mean()), abs=1e-4)
    assert float(row["val_iou"]) == pytest.approx(float(iou.mean()), abs=1e-4)
