"""How often near-duplicate detection finds a copy, and how often it calls two patients' slices copies.

    python benchmarks/near_duplicates.py --figshare DIR --lgg DIR --brats DIR -o benchmarks/results/near_duplicates.json

Copies: slices taken at random, changed as public re-releases change them (size, JPEG quality, brightness, gamma,
margin, mirror image), searched among all slices. False pairs: pairs of slices of different patients that count as
copies; for Figshare without patient numbers, of files at least 60 numbers apart. Single pictures; the rule for whole
volumes (30 % of the slices) comes on top.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from tumorscope.audit.case_scan import CaseScan
from tumorscope.audit.pairs import LEAST_CORRELATION, MOST_BITS, Pairs, Pictures, similar_pairs
from tumorscope.audit.picture_hash import hash_picture
from tumorscope.audit.scan import PREFERRED, scan_cases
from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.datasets import DATASETS
from tumorscope.transforms.grid import to_model_orientation

Change = Callable[[Pillow.Image], tuple[Pillow.Image, int]]
_BICUBIC, _BILINEAR = Pillow.Resampling.BICUBIC, Pillow.Resampling.BILINEAR
CHANGES: dict[str, Change] = {
    "640 px, JPEG 60": lambda p: (p.resize((640, 640), _BICUBIC), 60),
    "150 px, JPEG 50": lambda p: (p.resize((150, 150), _BILINEAR), 50),
    "40 % brighter, JPEG 75": lambda p: (p.point(lambda v: min(255, int(v * 1.4))), 75),
    "gamma 0.7, JPEG 75": lambda p: (p.point(lambda v: int(255 * (v / 255) ** 0.7)), 75),
    "margins of 10 %, 224 px, JPEG 75": lambda p: (_padded(p).resize((224, 224), _BICUBIC), 75),
    "mirrored, 224 px, JPEG 75": lambda p: (p.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT).resize((224, 224)), 75),
}


def _padded(picture: Pillow.Image) -> Pillow.Image:
    width, height = picture.size
    canvas = Pillow.new("L", (round(1.1 * width), round(1.1 * height)))
    canvas.paste(picture, (round(0.07 * width), round(0.03 * height)))
    return canvas


def _changed(pixels: np.ndarray, change: Change) -> np.ndarray:
    picture, quality = change(Pillow.fromarray(pixels))
    stream = io.BytesIO()
    picture.save(stream, "jpeg", quality=quality)
    return np.asarray(Pillow.open(stream))


def _slice(case: Case, z: int) -> np.ndarray:
    """Return one axial slice as 8-bit grey values."""
    sequence = next(s for s in PREFERRED if s in case.images)
    image = case.loaded((sequence,)).images[sequence]
    assert isinstance(image, Image), "the case is loaded"
    volume = to_model_orientation(image)
    top = max(float(np.percentile(volume[::2, ::2], 99.8)), 1e-6)
    return np.clip(volume[:, :, z].T * (255 / top), 0, 255).astype(np.uint8)


def measure(name: str, folder: Path, copies: int, store: Path | None, seed: int = 0) -> dict[str, Any]:
    """Measure one data set: false pairs between its patients, and copies found per change."""
    cases = DATASETS.load(name).discover(folder)
    scans = scan_cases(cases, thorough=False, store=store)
    owner = np.repeat(np.arange(len(scans)), [len(s.slices) for s in scans])
    z = np.concatenate([np.arange(len(s.slices)) for s in scans])
    pictures = _pictures(scans)
    patient = np.array([s.patient for s in scans])[owner]
    number = np.array([int(s.id) if s.id.isdecimal() else 0 for s in scans])[owner]
    blocks = any(s.unit == "block" for s in scans)

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        other = patient[a][:, None] != patient[b][None, :]
        return other & (np.abs(number[a][:, None] - number[b][None, :]) >= 60) if blocks else other

    usable = np.flatnonzero(pictures.usable)
    compared = sum(int(apart(usable[i : i + 1], usable[i + 1 :]).sum()) for i in range(len(usable)))
    false = similar_pairs(pictures, wanted=apart)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(usable, min(copies, len(usable)), replace=False))
    originals = [_slice(cases[owner[i]], int(z[i])) for i in chosen]
    found = {c: _found(originals, chosen, pictures, change) for c, change in CHANGES.items()}
    return {
        "slices": len(usable),
        "pairs of different patients": compared,
        "of these called copies": len(false),
        "false pairs per million": round(1e6 * len(false) / compared, 2),
        "slices in false pairs": len(np.unique(np.concatenate([false.first, false.second]))),
        "copies": len(chosen),
        "share of copies found": found,
    }


def _pictures(scans: list[CaseScan]) -> Pictures:
    slices = [s.slices for s in scans]
    return Pictures(
        np.concatenate([s.bits for s in slices]),
        np.concatenate([s.small for s in slices]),
        np.concatenate([s.usable for s in slices]),
    )


def _found(originals: list[np.ndarray], chosen: np.ndarray, pictures: Pictures, change: Change) -> float:
    hashes = [hash_picture(_changed(pixels, change)) for pixels in originals]
    copies = Pictures(
        np.stack([h.bits for h in hashes]), np.stack([h.small for h in hashes]), np.array([h.usable for h in hashes])
    )
    pairs: Pairs = similar_pairs(copies, pictures)
    right = {int(a) for a, b in zip(pairs.first, pairs.second, strict=True) if chosen[a] == b}
    return round(len(right) / len(chosen), 3)


def main() -> None:
    """Measure every data set given and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("figshare", "lgg", "brats"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--store", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    results: dict[str, Any] = {"most bits of 256": MOST_BITS, "least correlation": LEAST_CORRELATION}
    for name in ("figshare", "lgg", "brats"):
        if getattr(given, name):
            results[name] = measure(name, getattr(given, name), given.copies, given.store)
            print(name, json.dumps(results[name], indent=1), flush=True)
    write_text(given.out, json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
