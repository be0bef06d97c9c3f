"""Calibrate a bundle's probabilities on its validation patients, and measure what they are worth on its test patients.

    python benchmarks/uncertainty.py brats-2d --data .../BraTS [--write]

Fits one temperature per output (least negative log-likelihood over the voxels with a probability above 0.01) on the
validation patients only, and writes ``results/uncertainty-<bundle>.json``: reliability before and after on validation
patients; on test patients the correlation of predicted and true Dice, their means, and how often the 90 % interval of
the volume holds the true volume. The test patients choose nothing. ``--write`` stores the temperatures in the bundle.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import pearsonr, spearmanr

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.datasets import DATASETS
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.uncertainty import FAINT, calibrated, region_uncertainty
from tumorscope.metrics import METRICS, count

RESULTS = Path(__file__).parent / "results"
BINS = np.linspace(0, 1, 11)


def predicted(bundle: Bundle, data: str, part: str) -> Iterator[tuple[Case, Segmentation]]:
    """Yield the cases of a part of the bundle's split with its predictions."""
    wanted = set(bundle.manifest.training.split["parts"][part])
    predictor = Predictor(bundle)
    for case in DATASETS.load(bundle.manifest.training.dataset).discover(data):
        if case.id in wanted:
            loaded = case.loaded()
            yield loaded, predictor.predict({s: i for s, i in loaded.images.items() if isinstance(i, Image)})


def truth(case: Case, name: str) -> Array:
    assert isinstance(case.label, Image) and case.scheme is not None
    return case.scheme.mask(case.label.data, name)


def reliability(p: Array, y: Array) -> dict[str, Any]:
    """Return bins of probability with the share of true voxels, and the expected calibration error."""
    where = np.clip(np.digitize(p, BINS) - 1, 0, len(BINS) - 2)
    n = np.bincount(where, minlength=len(BINS) - 1)
    mean = [np.bincount(where, weights=v, minlength=len(BINS) - 1) / np.maximum(n, 1) for v in (p, y)]
    error = float((n * np.abs(mean[0] - mean[1])).sum() / n.sum())
    rows = [[round(float(a), 4), round(float(b), 4), int(k)] for a, b, k in zip(*mean, n, strict=True)]
    return {"ece": round(error, 4), "bins_probability_share_voxels": rows}


def fit(bundle: Bundle, data: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the temperature of each output, and the reliability on validation patients before and after."""
    names = bundle.manifest.outputs.names
    kept: dict[str, list[tuple[Array, Array]]] = {name: [] for name in names}
    for case, segmentation in predicted(bundle, data, "val"):
        print("val", case.id, flush=True)
        for name in names:
            p = np.asarray(segmentation.probabilities[name].data)
            near = p > FAINT
            kept[name].append((p[near].astype(np.float64), truth(case, name)[near].astype(np.float64)))
    temperatures, told = {}, {}
    for name, pairs in kept.items():
        p, y = (np.concatenate(part) for part in zip(*pairs, strict=True))

        def loss(log_t: float, p: Array = p, y: Array = y) -> float:
            q = np.clip(calibrated(p, float(np.exp(log_t))), 1e-7, 1 - 1e-7)
            return float(-(y * np.log(q) + (1 - y) * np.log(1 - q)).mean())

        found = minimize_scalar(loss, bounds=(-1.5, 3.0), method="bounded")
        temperatures[name] = round(float(np.exp(found.x)), 3)
        told[name] = {
            "temperature": temperatures[name],
            "patients": len(pairs),
            "voxels": len(p),
            "before": reliability(p, y),
            "after": reliability(calibrated(p, temperatures[name]), y),
        }
    return temperatures, told


def score(bundle: Bundle, data: str, temperatures: dict[str, float]) -> dict[str, Any]:
    """Return, for test patients, raw and calibrated: correlation, means and coverage, by region, and every value."""
    rows: list[dict[str, Any]] = []
    for case, segmentation in predicted(bundle, data, "test"):
        print("test", case.id, flush=True)
        sure = {"raw": region_uncertainty(segmentation), "calibrated": region_uncertainty(segmentation, temperatures)}
        for name in bundle.manifest.outputs.names:
            ref, found = truth(case, name), segmentation.region(name)
            value = METRICS["dice"].from_counts(count(found, ref).to_array()[None])[0]  # type: ignore[misc]
            entry = {"case": case.id, "region": name, "dice": 1.0 if np.isnan(value) else round(float(value), 4)}
            for kind, regions in sure.items():
                low, high = regions[name]["interval_voxels"]
                entry[kind] = {k: regions[name][k] for k in ("predicted_dice", "expected_voxels", "interval_voxels")}
                entry[kind]["covers"] = bool(low <= int(ref.sum()) <= high)
            rows.append({**entry, "voxels": int(found.sum()), "true_voxels": int(ref.sum())})
    kinds = ("raw", "calibrated")
    regions = (*bundle.manifest.outputs.names, "all")
    return {"summary": {k: {r: summary(rows, r, k) for r in regions} for k in kinds}, "cases": rows}


def summary(rows: list[dict[str, Any]], region: str, kind: str) -> dict[str, Any]:
    chosen = [row for row in rows if region in (row["region"], "all")]
    true, said = np.array([r["dice"] for r in chosen]), np.array([r[kind]["predicted_dice"] for r in chosen])
    return {
        "n": len(chosen),
        "pearson": round(float(pearsonr(true, said).statistic), 3),
        "spearman": round(float(spearmanr(true, said).statistic), 3),
        "mean_dice": round(float(true.mean()), 3),
        "mean_predicted_dice": round(float(said.mean()), 3),
        "mean_absolute_error": round(float(np.abs(true - said).mean()), 3),
        "interval_90_covers": round(float(np.mean([r[kind]["covers"] for r in chosen])), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    bundle = Bundle.load(options.bundle)
    temperatures, told = fit(bundle, options.data)
    print(temperatures, {n: (t["before"]["ece"], t["after"]["ece"]) for n, t in told.items()}, flush=True)
    test = score(bundle, options.data, temperatures)
    result = {"bundle": bundle.name, "version": bundle.manifest.version, "validation": told, "test": test}
    write_text(RESULTS / f"uncertainty-{bundle.name}.json", json.dumps(result, indent=1) + "\n")
    print(json.dumps(test["summary"], indent=1))
    if options.write:
        manifest = bundle.manifest.model_copy(update={"temperatures": temperatures})
        write_text(bundle.folder / "bundle.json", json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")


if __name__ == "__main__":
    main()
