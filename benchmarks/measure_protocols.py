"""Measure what the papers' protocols give without any model, for the reproduction page.

    python benchmarks/measure_protocols.py --lgg kaggle_3m --coco archive --four-class "Brain Tumor MRI" --brats BraTS

Each data set is optional. Audits the slice-wise split of `lgg` and the released parts of `coco`, counts copies across
Training and Testing of the four-class pictures, scores marking nothing on the axial slices of `brats` that S2 uses,
and writes ``benchmarks/results/protocols/<name>.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tumorscope.baselines.nearest_neighbour import nearest
from tumorscope.baselines.slice_set import SIDE
from tumorscope.core.files import write_text
from tumorscope.datasets import DATASETS
from tumorscope.formats import read_image
from tumorscope.metrics import EmptyPolicy, Unit, summarise
from tumorscope.workflows.audit import audit
from tumorscope.workflows.split import make_split_files

RESULTS = Path(__file__).parent / "results" / "protocols"
SEED = 0
#: Axial slices of S2-21, first and end.
SLICES = (60, 135)


def audited(dataset: str, data: Path, kind: str, command: str) -> dict[str, Any]:
    """Audit ``data`` under the split ``kind`` and keep the numbers, without cases and folders."""
    with tempfile.TemporaryDirectory() as folder:
        make_split_files(dataset, data, folder, kind=kind, seed=SEED)
        result = audit(dataset, data, split=next(Path(folder).glob("*.json")), echo=print).to_json()
    return {
        "dataset": dataset,
        "split": kind,
        "seed": SEED,
        "command": command,
        "cases": result["conditions"]["cases"],
        "slices": result["conditions"]["slices"],
        "verdict": result["verdict"],
        "findings": [{key: f[key] for key in ("check", "severity", "headline", "numbers")} for f in result["findings"]],
        "scores": [s for f in result["findings"] for s in f["scores"]],
    }


def four_class(data: Path) -> dict[str, Any]:
    """Count test pictures identical to a training picture, and score the nearest neighbour's class."""
    parts = {}
    for part in ("Training", "Testing"):
        files = sorted(p for p in (data / part).glob("*/*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        small, digests = [], []
        for path in files:
            with Image.open(path) as picture:
                grey = picture.convert("L")
                digests.append(hashlib.sha256(repr(grey.size).encode() + grey.tobytes()).hexdigest())
                small.append(np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX)))
        parts[part] = (np.stack(small), digests, np.array([p.parent.name for p in files]))
    (known, seen, answers), (queries, asked, truth) = parts["Training"], parts["Testing"]
    source = nearest(queries, known)
    return {
        "dataset": "four_class",
        "training": len(seen),
        "testing": len(asked),
        "identical": sum(d in set(seen) for d in asked),
        "nearest_neighbour_accuracy": round(float((answers[source] == truth).mean()), 4),
        "side": SIDE,
    }


def empty_slices(data: Path) -> dict[str, Any]:
    """Score marking nothing on the axial slices :data:`SLICES` of every labelled case (S2-40, S4-16)."""
    cases = [c for c in DATASETS.load("brats").discover(data) if isinstance(c.label, Path)]
    background = [read_image(c.label).data == 0 for c in cases]
    values = [float(b[:, :, slice(*SLICES)].mean()) for b in background]
    score = summarise(
        values,
        metric="accuracy",
        region="WT",
        unit=Unit.PATIENT,
        empty_policy=EmptyPolicy.BOTH_EMPTY_ONE,
        groups=[c.patient for c in cases],
        note="all-empty",
        seed=SEED,
    )
    return {
        "dataset": "brats",
        "cases": len(cases),
        "slices": SLICES,
        "whole_volumes": round(float(np.mean([b.mean() for b in background])), 4),
        "scores": [score.to_json()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("lgg", "coco", "four-class", "brats"):
        parser.add_argument(f"--{name}", type=Path)
    chosen = parser.parse_args()
    if chosen.lgg:
        save("lgg-slices", audited("lgg", chosen.lgg, "slices", "tumorscope audit --dataset lgg --split slices.json"))
    if chosen.coco:
        save("coco-release", audited("coco", chosen.coco, "release", "tumorscope audit --dataset coco"))
    if chosen.four_class:
        save("four-class", four_class(chosen.four_class))
    if chosen.brats:
        save("brats-slices", empty_slices(chosen.brats))


def save(name: str, found: dict[str, Any]) -> None:
    """Write one result."""
    write_text(RESULTS / f"{name}.json", json.dumps(found, indent=1) + "\n")
    print(RESULTS / f"{name}.json")


if __name__ == "__main__":
    main()
