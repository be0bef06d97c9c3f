"""Collect the aggregate numbers that the gallery's charts show; no picture and no patient's name among them.

    python benchmarks/sample_numbers.py --lgg DIR --split split.json --val val.json --test test.json --brats DIR

``--split`` is the split file of one LGG run, ``--val`` and ``--test`` what ``tumorscope evaluate --json`` said of its
bundle on these parts. The metrics of each test case of `brats-2d` come from ``benchmarks/results``. Writes
``src/tumorscope/figures/samples/numbers.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import PARTS, Split

HERE = Path(__file__).parent
OUT = HERE.parent / "src" / "tumorscope" / "figures" / "samples" / "numbers.json"
METRICS = ("dice", "iou", "precision", "sensitivity", "specificity", "accuracy", "hd95")


def label(case: Case) -> Any:
    """Return the label map of a case."""
    loaded = case.loaded(())
    assert isinstance(loaded.label, Image)
    return loaded.label.data


def lgg_counts(folder: Path, split: Split) -> dict[str, Any]:
    """Count patients by site, and slices with and without tumour, in each part."""
    cases = {c.id: c for c in DATASETS.load("lgg").discover(folder)}
    slices: dict[str, dict[str, int]] = {}
    sites: dict[str, dict[str, int]] = {}
    for part in PARTS:
        shown = [label(cases[i]).any(axis=(0, 1)) for i in split.parts[part]]
        slices[part] = {
            "tumour": int(sum(s.sum() for s in shown)),
            "no tumour": int(sum((~s).sum() for s in shown)),
        }
        sites[part] = dict(sorted(Counter(str(cases[i].site) for i in split.parts[part]).items()))
    return {"slices": slices, "patients_by_site": sites}


def brats_counts(folder: Path) -> dict[str, Any]:
    """Count the voxels of each class of BraTS 2017-2022 over all cases."""
    cases = [c for c in DATASETS.load("brats").discover(folder) if c.label is not None]
    voxels: Counter[str] = Counter()
    for case in cases:
        loaded = case.loaded(())
        assert isinstance(loaded.label, Image) and loaded.scheme is not None
        data = loaded.scheme.convert(loaded.label.data, BRATS)
        voxels["background"] += int((data == 0).sum())
        for item in BRATS.labels:
            voxels[item.name] += int(np.count_nonzero(data == item.value))
    return {"voxels": dict(voxels), "n": len(cases)}


def case_values(name: str) -> dict[str, dict[str, list[float]]]:
    """Return region → metric → one value per test case of a shipped bundle, sorted: no value names its case."""
    cases = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    regions = [r for r in ("WT", "TC", "ET", "tumor") if r in cases[0]]
    return {
        r: {m: sorted(round(c[r][m], 4) for c in cases if c[r].get(m) is not None) for m in METRICS} for r in regions
    }


def scores(path: Path) -> list[dict[str, Any]]:
    """Return the scores by patient and slice of an evaluation."""
    found = json.loads(path.read_text(encoding="utf-8"))["scores"]
    return [s for s in found if s["unit"] in ("patient", "slice") and s["metric"] in METRICS]


def shipped_scores(name: str) -> list[dict[str, Any]]:
    """Return the test scores by patient of a shipped bundle, with the first empty-mask policy it was scored by."""
    found = scores(HERE / "results" / f"{name}.json")
    by_patient = [s for s in found if s["unit"] == "patient"]
    return [s for s in by_patient if s["empty_policy"] == by_patient[0]["empty_policy"]]


def main() -> None:
    """Read, count, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name in ("lgg", "split", "val", "test", "brats"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    result = {
        "lgg": lgg_counts(given.lgg, Split.load(given.split)),
        "brats": brats_counts(given.brats),
        "lgg_scores": {"val": scores(given.val), "test": scores(given.test)},
        "brats_scores": shipped_scores("brats-2d"),
        "lgg_test_scores": shipped_scores("lgg-flair"),
        "brats_values": case_values("brats-2d"),
        "lgg_values": case_values("lgg-flair"),
    }
    write_text(OUT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
