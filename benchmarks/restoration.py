"""Score denoising, reconstruction and thin slices beside methods without a network, on the fixed test list.

    python benchmarks/restoration.py --bundle runs/denoise/bundle --data .../BraTS [--slices 8]

The parameters of non-local means and total variation are tuned on the bundle's validation patients, per size, condition
and level, by PSNR; they are told the noise level, which the network is not. Denoising is scored where noise fills the
background and where the background is exactly 0, as in a noisy scan whose skull was removed. Writes
``results/generative/<bundle>.json``.
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
from tumorscope.transforms.degrade.degradation import Degradation
from tumorscope.transforms.degrade.rician import Rician

#: How large the scored slices are: as in the papers, and as scanned.
SIZES = {"128 px": {"size": (128, 128), "spacing_mm": 1.5}, "1 mm": {}}
#: Whether noise fills the background.
STRIPPED = "background exactly 0"
Method = Callable[[Any, float], np.ndarray]


def conditions(degradation: Degradation) -> dict[str, Degradation]:
    """Return what is scored: added to the name of a size → how slices are spoilt."""
    if not isinstance(degradation, Rician):
        return {"": degradation}
    levels = degradation.levels, degradation.strongest
    return {"": Rician(*levels, stripped=0), f", {STRIPPED}": Rician(*levels, stripped=1)}


def methods(restorer: Restorer, tuned: dict[str, dict[str, Any]]) -> dict[str, Method]:
    """Return every method as a function of what the degradation gave and its level."""
    found: dict[str, Method] = {"input": lambda spoilt, level: spoilt.shown[0, 0].numpy()}
    kind = restorer.bundle.manifest.image.degradation["name"]
    if kind == "rician":
        for name in DENOISERS:
            found[name] = lambda spoilt, level, name=name: DENOISERS[name](
                spoilt.shown[0, 0].numpy(), level, **tuned[name][f"{level:g}"]
            )
        found["network"] = lambda spoilt, level: restorer.run(spoilt.inputs)[0, 0].numpy()
        return {name: kept_background(method) for name, method in found.items()}
    if kind == "cartesian":
        found["total variation"] = lambda spoilt, level: compressed(spoilt, **tuned["total variation"][f"{level:g}"])
    found["network"] = lambda spoilt, level: restorer.run(spoilt.inputs)[0, 0].numpy()
    return found


def kept_background(method: Method) -> Method:
    """Keep what is exactly 0 as it is, as ``tumorscope denoise`` does."""
    return lambda spoilt, level: np.where(spoilt.shown[0, 0].numpy() == 0, 0, method(spoilt, level))


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
    degradation: Degradation, level: float, method: Method, shown: list[tuple[np.ndarray, str]]
) -> list[dict[str, float]]:
    rows = []
    for number, (clean, _) in enumerate(shown):
        rng = torch.Generator().manual_seed(number)
        spoilt = degradation.apply(torch.from_numpy(np.ascontiguousarray(clean))[None, None], level, rng)
        rows.append(image_quality(method(spoilt, level), clean, clean > 0))
    return rows


def tune(
    restorer: Restorer, degradation: Degradation, shown: list[tuple[np.ndarray, str]]
) -> dict[str, dict[str, Any]]:
    """Choose the parameters with the highest mean PSNR on validation slices, per method and level."""
    kind = restorer.bundle.manifest.image.degradation["name"]
    grids: dict[str, Any] = {"rician": GRIDS, "cartesian": {"total variation": TV_GRID}}.get(kind, {})
    tuned: dict[str, dict[str, Any]] = {}
    for name, grid in grids.items():
        for level in restorer.degradation.levels:
            best = (-np.inf, {})
            for parameters in combinations(grid):
                method = methods(restorer, {name: {f"{level:g}": parameters} for name in grids})[name]
                mean = float(np.mean([row["psnr"] for row in score(degradation, level, method, shown)]))
                best = max(best, (mean, parameters), key=lambda pair: pair[0])
            tuned.setdefault(name, {})[f"{level:g}"] = best[1]
            print(name, level, best, flush=True)
    return tuned


def scores(
    restorer: Restorer, degradation: Degradation, shown: list[tuple[np.ndarray, str]], tuned: dict[str, Any]
) -> dict[str, Any]:
    """Return level → method → quality → mean with interval, and what the network gains over the others, paired."""
    groups = [patient for _, patient in shown]
    table: dict[str, Any] = {}
    for level in degradation.levels:
        rows = {name: score(degradation, level, method, shown) for name, method in methods(restorer, tuned).items()}
        table[f"{level:g}"] = {
            name: {q: cluster_mean([r[q] for r in scored], groups) for q in QUALITIES} for name, scored in rows.items()
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
    return table


def summary(table: dict[str, Any]) -> dict[str, float]:
    return {name: scored["psnr"]["mean"] for name, scored in table.items() if "psnr" in scored}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--slices", type=int, default=8, help="per patient")
    parser.add_argument("--tuning-slices", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = Bundle.load(options.bundle)
    restorer = Restorer(bundle, bundle.manifest.image.degradation["name"])
    through = restorer.degradation.plane == "through"
    per_case = None if through else options.slices
    spec = bundle.manifest.preprocess
    val_cases, test_cases = (cases_of(bundle, options.data, part) for part in ("val", "test"))
    found: dict[str, Any] = {
        "bundle": bundle.name,
        "version": bundle.manifest.version,
        "degradation": bundle.manifest.image.degradation,
        "level_unit": restorer.degradation.level_unit,
        "tuned": {},
        "training": {
            k: bundle.manifest.training.manifest.get(k) for k in ("seconds", "device", "epochs_run", "best_epoch")
        },
        "sizes": {},
    }
    for size, change in {k: v for k, v in SIZES.items() if not (through and v)}.items():
        sized = spec.model_copy(update=change)
        val, test = (
            planes(slices_of(cases, sized, per_case), through, limit)
            for cases, limit in ((val_cases, options.tuning_slices), (test_cases, 10_000))
        )
        for condition, degradation in conditions(restorer.degradation).items():
            title = f"{size}{condition}"
            found["tuned"][title] = tune(restorer, degradation, val)
            found["sizes"][title] = scores(restorer, degradation, test, found["tuned"][title])
            print(title, {level: summary(table) for level, table in found["sizes"][title].items()}, flush=True)
    found["tuned_on"] = f"{len(val)} slices of {len({patient for _, patient in val})} validation patients"
    store(bundle.name, found)


if __name__ == "__main__":
    main()
