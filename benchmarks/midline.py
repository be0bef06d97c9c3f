"""Measure how well the midline is found: heads turned and moved by known amounts, and one sequence against another.

    python benchmarks/midline.py --data .../BraTS [--cases 12]

Writes ``results/midline.json``. Each head is turned in the scanner (its affine changes, not its voxels), so the
distance of its tumour from the midline must stay the same; and T1CE and FLAIR must give the same distance.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.files import write_text
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.inference.midline import find_midline, laterality

RESULTS = Path(__file__).parent / "results" / "midline.json"
#: Degrees about left-right, posterior-anterior and inferior-superior; mm.
MOVES = {"turned 5°": (5, 5, -5, 20), "turned 12°": (8, -12, 10, -35), "turned 20°": (0, 20, -15, 50)}


def moved(image: Image, pitch: float, roll: float, yaw: float, shift: float) -> Image:
    """Return the same voxels with another affine."""
    turn = np.eye(4)
    for axis, degrees in enumerate((pitch, roll, yaw)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = [a for a in range(3) if a != axis]
        one = np.eye(4)
        one[i, i] = one[j, j] = c
        one[i, j], one[j, i] = -s, s
        turn = one @ turn
    turn[:3, 3] = (shift, -shift, shift / 2)
    return replace(image, affine=turn @ image.affine)


def placed(image: Image, sequence: Sequence, mask: Array) -> tuple[dict[str, Any], str, float]:
    """Return side and distance, the method and the seconds of processor time."""
    started = time.process_time()
    midline = find_midline({sequence: image})
    seconds = time.process_time() - started
    assert midline is not None
    return laterality(mask, image, midline), midline.method, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--cases", type=int, default=12)
    options = parser.parse_args()
    cases = DATASETS.load("brats").discover(options.data)
    rows: list[dict[str, Any]] = []
    for case in cases[:: max(1, len(cases) // options.cases)]:
        loaded = case.loaded((Sequence.T1CE, Sequence.FLAIR))
        assert isinstance(loaded.label, Image)
        mask = loaded.label.data > 0
        for sequence in (Sequence.T1CE, Sequence.FLAIR):
            image = loaded.images[sequence]
            assert isinstance(image, Image)
            row: dict[str, Any] = {"case": case.id, "sequence": str(sequence)}
            for name, move in {"as it is": (0, 0, 0, 0), **MOVES}.items():
                place, method, seconds = placed(moved(image, *move), sequence, mask)
                row[name] = {**place, "method": method, "seconds": round(seconds, 2)}
            rows.append(row)
            print(row["case"], sequence, {n: row[n]["centre_to_midline_mm"] for n in ("as it is", *MOVES)}, flush=True)
    result = {"what": __doc__.splitlines()[0], "summary": summary(rows), "rows": rows}
    write_text(RESULTS, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(result["summary"], indent=1, ensure_ascii=False))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    key, names = "centre_to_midline_mm", ("as it is", *MOVES)
    found: dict[str, Any] = {
        "cases": len(rows) // 2,
        "registered": {n: float(np.mean([r[n]["method"] == "template" for r in rows])) for n in names},
        "median_seconds": {n: float(np.median([r[n]["seconds"] for r in rows])) for n in names},
    }
    for name in MOVES:
        apart = np.abs([r[name][key] - r["as it is"][key] for r in rows])
        found[f"{name}: difference mm"] = {
            "median": round(float(np.median(apart)), 2),
            "largest": round(float(apart.max()), 2),
        }
    pairs = np.abs([a["as it is"][key] - b["as it is"][key] for a, b in zip(rows[::2], rows[1::2], strict=True)])
    found["T1CE against FLAIR: difference mm"] = {
        "median": round(float(np.median(pairs)), 2),
        "largest": round(float(pairs.max()), 2),
    }
    return found


if __name__ == "__main__":
    main()
