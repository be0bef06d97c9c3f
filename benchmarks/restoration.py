"""Score denoising, reconstruction and thin slices beside methods without a network, on the fixed test list.

    python benchmarks/restoration.py --bundle runs/denoise/bundle --data .../BraTS [--slices 8]

The parameters of non-local means and total variation are tuned on the bundle's validation patients, per level, by PSNR;
they are told the noise level, which the network is not. Writes ``results/generative/<bundle>.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from image_sets import Slices, cases_of, channels, cluster_mean, slices_of, store

from tumorscope.baselines.denoising import DENOISERS, GRIDS, combinations
from tumorscope.baselines.reconstruction import TV_GRID, total_variation_reconstruction
from tumorscope.bundles.bundle import Bundle
from tumorscope.inference.restorer import Restorer
from tumorscope.metrics.image_quality import QUALITIES, image_quality

#: How large the scored slices are: as in the papers, and as scanned.
SIZES = {"128 px": {"size": (128, 128), "spacing_mm": 1.5}, "1 mm": {}}
Method = Callable[[Any, float], np.ndarray]


def methods(restorer: Restorer, tuned: dict[str, dict[str, Any]]) -> dict[str, Method]:
    """Return every method as a function of what the degradation gave and its level."""
    found: dict[str, Method] = {"input": lambda spoilt, level: spoilt.shown[0, 0].numpy()}
    kind = restorer.bundle.manifest.image.degradation["name"]
    if kind == "rician":
        for name in DENOISERS:
            found[name] = lambda spoilt, level, name=name: DENOISERS[name](
                spoilt.shown[0, 0].numpy(), level, **tuned[name][f"{level:g}"]
            )
    if kind == "cartesian":
        found["total variation"] = lambda spoilt, level: compressed(spoilt, **tuned["total variation"][f"{level:g}"])
    found["network"] = lambda spoilt, level: restorer.run(spoilt.inputs)[0, 0].numpy()
    return found


def compressed(spoilt: Any, **parameters: float) -> np.ndarray:
    kspace, mask = (x[0, 0].numpy() for x in spoilt.inputs)
    return total_variation_reconstruction(kspace, mask[0], **parameters)


def planes(slices: Slices, through: bool, limit: int) -> list[tuple[np.ndarray, str]]:
    """Return the single-sequence planes that are scored."""
    if not through:
        return list(channels(slices))[:limit]
    found = []
    for patient in dict.fromkeys(slices.patients):
        volume = slices.images[[p == patient for p in slices.patients]]
        for number, row in enumerate(np.linspace(0.25, 0.75, 6)):
            found.append((volume[:, number % volume.shape[1], int(row * volume.shape[2])], patient))
            found.append((volume[:, number % volume.shape[1], :, int(row * volume.shape[3])], patient))
    return found[:limit]


def score(
    restorer: Restorer, level: float, method: Method, shown: list[tuple[np.ndarray, str]]
) -> list[dict[str, float]]:
    rows = []
    for number, (clean, _) in enumerate(shown):
        rng = torch.Generator().manual_seed(number)
        spoilt = restorer.degradation.apply(torch.from_numpy(np.ascontiguousarray(clean))[None, None], level, rng)
        rows.append(image_quality(method(spoilt, level), clean, clean > 0))
    return rows


def tune(restorer: Restorer, shown: list[tuple[np.ndarray, str]]) -> dict[str, dict[str, Any]]:
    """Choose the parameters with the highest mean PSNR on validation slices, per method and level."""
    kind = restorer.bundle.manifest.image.degradation["name"]
    grids: dict[str, Any] = {"rician": GRIDS, "cartesian": {"total variation": TV_GRID}}.get(kind, {})
    tuned: dict[str, dict[str, Any]] = {}
    for name, grid in grids.items():
        for level in restorer.degradation.levels:
            best = (-np.inf, {})
            for parameters in combinations(grid):
                method = methods(restorer, {name: {f"{level:g}": parameters} for name in grids})[name]
                mean = float(np.mean([row["psnr"] for row in score(restorer, level, method, shown)]))
                best = max(best, (mean, parameters), key=lambda pair: pair[0])
            tuned.setdefault(name, {})[f"{level:g}"] = best[1]
            print(name, level, best, flush=True)
    return tuned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--slices", type=int, default=8, help="per patient")
    parser.add_argument("--tuning-slices", type=int, default=24)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = Bundle.load(options.bundle)
    restorer = Restorer(bundle, bundle.manifest.image.degradation["name"])
    through = restorer.degradation.plane == "through"
    per_case = None if through else options.slices
    spec = bundle.manifest.preprocess
    val = slices_of(cases_of(bundle, options.data, "val"), spec, per_case)
    tuned = tune(restorer, planes(val, through, options.tuning_slices))
    found: dict[str, Any] = {
        "bundle": bundle.name,
        "degradation": bundle.manifest.image.degradation,
        "level_unit": restorer.degradation.level_unit,
        "tuned": tuned,
        "tuned_on": f"{options.tuning_slices} slices of {len(set(val.patients))} validation patients",
        "training": {
            k: bundle.manifest.training.manifest.get(k) for k in ("seconds", "device", "epochs_run", "best_epoch")
        },
        "sizes": {},
    }
    test_cases = cases_of(bundle, options.data, "test")
    for title, change in {k: v for k, v in SIZES.items() if not (through and v)}.items():
        shown = planes(slices_of(test_cases, spec.model_copy(update=change), per_case), through, 10_000)
        groups = [patient for _, patient in shown]
        table: dict[str, Any] = {}
        for level in restorer.degradation.levels:
            rows = {n: score(restorer, level, m, shown) for n, m in methods(restorer, tuned).items()}
            table[f"{level:g}"] = {
                name: {q: cluster_mean([r[q] for r in scored], groups) for q in QUALITIES}
                for name, scored in rows.items()
            } | {
                "network minus others": {
                    name: {
                        q: cluster_mean([a[q] - b[q] for a, b in zip(rows["network"], scored, strict=True)], groups)
                        for q in QUALITIES
                    }
                    for name, scored in rows.items()
                    if name != "network"
                }
            }
            print(
                title, level, {n: v["psnr"]["mean"] for n, v in table[f"{level:g}"].items() if "psnr" in v}, flush=True
            )
        found["sizes"][title] = table
    store(bundle.name, found)


if __name__ == "__main__":
    main()
