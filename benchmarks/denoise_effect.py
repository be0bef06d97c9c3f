"""Does noise change what the segmenter finds, and does denoising bring it back? Dice before and after, per level.

    python benchmarks/denoise_effect.py --denoiser runs/denoise/bundle --data .../BraTS [--cases 12]

Rician noise is added to every sequence inside the brain of the fixed test cases; the background stays 0, since the
segmenter takes it for the brain's outline. Writes ``results/generative/denoise-effect.json``.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from image_sets import cases_of, cluster_mean, store

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.image import Image
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.restorer import Restorer, from_slices, scaled_slices


def noisy(image: Image, level: float, seed: int, restorer: Restorer) -> Image:
    """Return the image with Rician noise inside the brain."""
    slices, scale = scaled_slices(image)
    rng = torch.Generator().manual_seed(seed)
    spoilt = restorer.degradation.apply(torch.from_numpy(slices)[:, None], level, rng).shown[:, 0].numpy()
    return from_slices(np.where(slices > 0, spoilt, 0) * scale, image)


def dice(found: Any, truth: Any, scheme: Any, own: Any, regions: tuple[str, ...]) -> dict[str, float]:
    """Return Dice per region; both empty 1."""
    values = {}
    for region in regions:
        a, b = scheme.mask(found, region), own.mask(truth, region)
        total = int(a.sum()) + int(b.sum())
        values[region] = 1.0 if not total else 2 * int((a & b).sum()) / total
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--denoiser", required=True)
    parser.add_argument("--segmenter", default="brats-2d")
    parser.add_argument("--data", required=True)
    parser.add_argument("--cases", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(1)
    restorer = Restorer(Bundle.load(options.denoiser), "rician")
    predictor = Predictor(Bundle.load(options.segmenter))
    regions = predictor.bundle.manifest.outputs.names
    sequences = predictor.bundle.manifest.preprocess.sequences
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    patients = []
    for number, case in enumerate(cases_of(restorer.bundle, options.data, "test")[: options.cases]):
        loaded = case.loaded()
        images = {s: loaded.images[s] for s in sequences}
        patients.append(case.patient)

        def one(shown: dict[Any, Image], loaded: Any = loaded) -> dict[str, float]:
            found = predictor.predict(shown)
            return dice(found.labels.data, loaded.label.data, found.scheme, loaded.scheme, regions)

        rows.setdefault("0", {}).setdefault("clean", []).append(one(images))
        for level in restorer.degradation.levels:
            spoilt = {s: noisy(i, level, 100 * number + k, restorer) for k, (s, i) in enumerate(images.items())}
            kept = rows.setdefault(f"{level:g}", {})
            kept.setdefault("noisy", []).append(one(spoilt))
            kept.setdefault("denoised", []).append(one({s: restorer.denoised(i) for s, i in spoilt.items()}))
        print(case.id, {level: {k: v[-1] for k, v in table.items()} for level, table in rows.items()}, flush=True)
    found: dict[str, Any] = {
        "denoiser": restorer.bundle.name,
        "segmenter": predictor.bundle.name,
        "levels": {
            level: {
                k: {r: cluster_mean([v[r] for v in values], patients) for r in regions} for k, values in table.items()
            }
            for level, table in rows.items()
        },
        "denoised minus noisy": {
            level: {
                r: cluster_mean([a[r] - b[r] for a, b in zip(table["denoised"], table["noisy"], strict=True)], patients)
                for r in regions
            }
            for level, table in rows.items()
            if "noisy" in table
        },
    }
    store("denoise-effect", found)


if __name__ == "__main__":
    main()
