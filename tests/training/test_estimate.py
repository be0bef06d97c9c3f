"""Time and memory told before the start."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_training import make_brats, tiny, write_recipe

from tumorscope.core.labels import BRATS
from tumorscope.training.estimate import Estimate, estimate


def test_more_work_takes_longer() -> None:
    few, many = (estimate(tiny(), BRATS, slices, 10) for slices in (100, 100_000))
    assert few.parameters == many.parameters == 3927
    assert many.seconds > 5 * few.seconds
    assert few.memory_mb > 100


def test_the_sentence() -> None:
    assert "3.4 M parameters; at most about 12 min and 1.5 GB" in str(Estimate(700.0, 1536.0, 3_400_000))
    assert "about 3.0 h" in str(Estimate(10_800.0, 100.0, 10))
    assert "about 1 min" in str(Estimate(2.0, 100.0, 10))


_MEASURE = """
import resource, sys
from tumorscope.training import estimate as module
from tumorscope.workflows.train import train_recipe

original = module.estimate

def telling(*arguments):
    told = original(*arguments)
    print("TOLD", told.seconds, told.memory_mb)
    return told

module.estimate = telling
train_recipe(*sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
"""


@pytest.mark.slow
def test_it_comes_true_within_a_factor(tmp_path: Path) -> None:
    """About a minute of training: seconds and peak memory within 1.5 of what was told (time also varies by itself)."""
    data = make_brats(tmp_path / "data", 6)
    recipe = write_recipe(
        tmp_path / "r.yaml",
        preprocess__size=[128, 128],
        network={"name": "fpn", "args": {"encoder": "efficientnet-lite0", "encoder_weights": "none"}},
        data__samples_per_epoch=96,
        training__epochs=4,
        training__batch_size=8,
        training__ema=0.9,
        training__deterministic=False,
    )
    command = [sys.executable, "-c", _MEASURE, str(recipe), str(data), str(tmp_path / "run")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    (told,) = [line.split()[1:] for line in lines if line.startswith("TOLD")]
    seconds, memory = (float(value) for value in told)
    with (tmp_path / "run" / "log.csv").open(newline="") as handle:
        took = sum(float(row["seconds"]) for row in csv.DictReader(handle))
    peak = float(lines[-1])
    print(f"told {seconds:.0f} s, took {took:.0f} s; told {memory:.0f} MB, peak {peak:.0f} MB")
    assert 1 / 1.5 < took / seconds < 1.5
    assert 1 / 1.5 < peak / memory < 1.5
