"""Measure how raw studies are handled: benchmarks/results/studies.json and the figures in docs/studies.md.

    python benchmarks/studies.py DATA [--cases N]

DATA holds BraTS cases. The input flag is tried on all of them; registration and brain masks on phantoms and the first
N cases outside the fixed test list. `benchmarks/sequence_weights.py` measures the recognition of sequences.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import brats
from tumorscope.datasets.phantom import PhantomSpec, make_phantom
from tumorscope.datasets.phantom.skull import with_skull
from tumorscope.recipes.recipe import held_out
from tumorscope.study.brain import brain_mask
from tumorscope.study.quality import check_study
from tumorscope.study.register import register

HERE = Path(__file__).resolve().parent
T1, T1CE, T2, FLAIR = Sequence


def registration(cases: list[Case]) -> dict[str, float]:
    """Move T1, T2 and FLAIR by known rigid moves (up to 12° per axis, 15 mm) and register them to T1CE."""
    rng = np.random.default_rng(0)
    errors, seconds = [], []
    for case in cases:
        fixed = case.images[T1CE]
        middle = fixed.affine[:3, :3] @ ((np.array(fixed.shape) - 1) / 2) + fixed.affine[:3, 3]
        for sequence in (T1, T2, FLAIR):
            true = np.eye(4)
            true[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-12, 12, 3), degrees=True).as_matrix()
            true[:3, 3] = middle - true[:3, :3] @ middle + rng.uniform(-15, 15, 3)
            source = case.images[sequence]
            started = time.process_time()
            found = register(fixed, Image(source.data, true @ source.affine)).matrix
            seconds.append(time.process_time() - started)
            wrong = np.linalg.inv(true) @ found
            turn = np.degrees(np.arccos(np.clip((np.trace(wrong[:3, :3]) - 1) / 2, -1, 1)))
            errors.append((float(np.linalg.norm(wrong[:3, :3] @ middle + wrong[:3, 3] - middle)), float(turn)))
            print(case.id, sequence, errors[-1], flush=True)
    mm, degrees = np.array(errors).T
    return {
        "n": len(errors),
        "median_mm": round(float(np.median(mm)), 2),
        "worst_mm": round(float(mm.max()), 2),
        "median_deg": round(float(np.median(degrees)), 2),
        "worst_deg": round(float(degrees.max()), 2),
        "cpu_seconds": round(float(np.mean(seconds)), 1),
    }


def brains(cases: list[Case]) -> dict[str, float]:
    """Put skulls around brains and find them again in T1 and T1CE."""
    found = []
    for case in cases:
        for sequence in (T1, T1CE):
            head, brain = with_skull(case.images[sequence], sequence)
            mask = brain_mask(head).data
            found.append(2 * float((mask & brain).sum()) / float(mask.sum() + brain.sum()))
            print(case.id, sequence, found[-1], flush=True)
    return {"n": len(found), "mean": round(float(np.mean(found)), 3), "worst": round(float(min(found)), 3)}


def spoilt(case: Case) -> dict[str, dict[Sequence, Image]]:
    """Return studies that the flag must rise on."""
    images = dict(case.images)
    rng = np.random.default_rng(0)

    def each(change: object) -> dict[Sequence, Image]:
        return {s: image.with_data(change(image.data)) for s, image in images.items()}  # type: ignore[operator]

    def half(axis: int) -> dict[Sequence, Image]:
        def cut(data: np.ndarray) -> np.ndarray:
            shown = np.flatnonzero(data.any(axis=tuple(a for a in range(3) if a != axis)))
            data = data.copy()
            np.moveaxis(data, axis, 0)[: (shown[0] + shown[-1]) // 2] = 0
            return data

        return each(cut)

    pairs = [(a, b) for a in Sequence for b in Sequence if a < b]
    return {
        **{f"{a} and {b} swapped": {**images, a: images[b], b: images[a]} for a, b in pairs},
        **{f"half a scan, axis {axis}": half(axis) for axis in range(3)},
        "inverted": each(lambda d: d.max() - d),
        "inverted within the brain": each(lambda d: np.where(d > 0, d.max() + 1 - d, 0)),
        "upside down": each(lambda d: d[:, :, ::-1].copy()),
        "noise": each(lambda d: rng.integers(1, 500, d.shape)),
        "noise within the brain": each(lambda d: np.where(d > 0, rng.integers(1, 500, d.shape), 0)),
    }


def flags(cases: list[Case], phantoms: list[Case], listed: set[str], spoil: int) -> dict[str, object]:
    """Count flags on normal studies, and on spoilt ones."""
    raised: dict[str, list[str]] = {}
    for case in (*cases, *phantoms):
        loaded = case.loaded()
        for names, images in (("all", loaded.images), ("pair", {s: loaded.images[s] for s in (T1CE, FLAIR)})):
            found = [f.sentence for f in check_study(images)]
            if found:
                raised[f"{case.id} ({names})"] = found
        print(case.id, raised.get(f"{case.id} (all)", ""), flush=True)
    caught: dict[str, list[int]] = {}
    for case in (*phantoms, *[c for c in cases if not c.names & listed][:spoil]):
        for name, images in spoilt(case.loaded()).items():
            counts = caught.setdefault(name, [0, 0])
            counts[0] += bool(check_study(images))
            counts[1] += 1
        print(case.id, caught, flush=True)
    return {
        "normal_studies": len(cases),
        "of_the_test_list": sum(bool(c.names & listed) for c in cases),
        "normal_phantoms": len(phantoms),
        "false_alarms": raised,
        "caught": {name: {"flagged": k, "n": n} for name, (k, n) in caught.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", type=int, default=2)
    options = parser.parse_args()
    listed = set(held_out("brats"))
    cases = brats.DATASET.discover(options.data)
    some = [
        c.loaded() for c in [c for c in cases if not c.names & listed][:: max(1, 35 // options.cases)][: options.cases]
    ]
    phantoms = [make_phantom(PhantomSpec(seed=seed)) for seed in (1, 2)]
    path = HERE / "results" / "studies.json"
    result: dict[str, object] = {}
    for name, measure in (
        ("flags", lambda: flags(cases, phantoms, listed, options.cases)),
        ("registration", lambda: registration([*phantoms[:1], *some])),
        ("brain_mask_dice", lambda: brains([*phantoms[:1], *some])),
    ):
        result[name] = measure()
        write_text(path, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
