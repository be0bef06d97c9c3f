"""Measure what a generative bundle makes: distances with their floor, statistics, memorisation, reconstruction.

    python benchmarks/generation.py --bundle runs/gan/bundle --data .../BraTS [--log runs/gan/log.csv] [--slices 40]
        [--refine 200] [--inception inception-2015-12-05.pt]

Writes ``results/generative/<bundle>.json``. The floor is the distance of two sets of real slices of disjoint training
patients, each as large as the sets that are compared: the mean over several halvings. Memorisation counts mirrored
training slices too, since models train on them; of a synthesis it is checked with masks of training patients and with
masks it never saw.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from image_sets import Slices, cluster_mean, store
from memorisation import made_by, memorisations, sides_of, slices_in
from scipy.stats import wasserstein_distance

from tumorscope.bundles.bundle import Bundle
from tumorscope.inference.features import FeatureExtractor, InceptionFeatures
from tumorscope.inference.sampler import Sampler
from tumorscope.metrics.feature_distance import frechet_distance, kernel_distance
from tumorscope.metrics.feature_manifold import precision_recall
from tumorscope.metrics.image_quality import QUALITIES, image_quality
from tumorscope.training.callbacks import read_log

#: Slices per patient whose latents are fitted: it takes seconds each.
FITTED = 8
#: Slices per validation patient on which the number of steps is chosen.
TRIED = 4
#: So often are the training patients halved at random.
HALVINGS = 20
#: What is measured of two sets of features.
KINDS = ("FID", "KID", "precision", "recall")
#: What is compared.
MADE_UNSEEN, MADE_TRAIN = "made vs unseen patients", "made vs patients it learned from"
FLOOR, REDRAWN = "real vs real of other patients (floor)", "training slices redrawn vs training slices"


def half(slices: Slices, patients: set[str], count: int, seed: int) -> np.ndarray:
    """Draw slices of some patients."""
    index = np.flatnonzero([p in patients for p in slices.patients])
    rng = np.random.default_rng(seed)
    return slices.images[rng.choice(index, count, replace=len(index) < count)]


class LatentFeatures:
    """Features without ImageNet: latents of the shipped autoencoder, pooled to 4×4 places of 8 numbers.

    A critic that sees images through an ImageNet encoder is kin to EfficientNet-lite0; to these it is not.
    """

    bundle = "vae-t1c-flair"
    name = f"{bundle} latent"

    def __init__(self) -> None:
        self.sampler = Sampler(Bundle.load(self.bundle))

    def __call__(self, images: torch.Tensor) -> np.ndarray:
        """Return features float64 (B, 128) of intensities (B, 2, H, W)."""
        latents = torch.cat([self.sampler.encode(part).cpu() for part in torch.split(images, 16)])
        return torch.nn.functional.adaptive_avg_pool2d(latents, 4).flatten(1).double().numpy()


Extractor = FeatureExtractor | InceptionFeatures | LatentFeatures


def distances(extract: Extractor, made: np.ndarray, train: Slices, test: Slices, seed: int) -> dict[str, Any]:
    """Return distances of equally many slices of each kind to the slices of half the training patients.

    Of made slices also to those of test patients. The halves are drawn :data:`HALVINGS` times: mean and range.
    """
    sets = {"made": made, "train": train.images, "test": test.images}
    features = {name: extract(torch.from_numpy(images)) for name, images in sets.items()}
    rng = np.random.default_rng(seed)
    names = sorted(set(train.patients))
    rows: dict[str, list[tuple[float, ...]]] = {}
    count = 0
    for _ in range(HALVINGS):
        side = set(rng.permutation(names)[::2].tolist())
        within = np.array([patient in side for patient in train.patients])
        halves = features["train"][within], features["train"][~within]
        count = min(map(len, (features["made"], features["test"], *halves)))
        one, other = (rows_of[rng.choice(len(rows_of), count, replace=False)] for rows_of in halves)
        new, unseen, again = (
            features[name][rng.choice(len(features[name]), count, replace=False)] for name in ("made", "test", "train")
        )
        pairs = {MADE_UNSEEN: (new, unseen), MADE_TRAIN: (new, one), FLOOR: (other, one), REDRAWN: (again, one)}
        for name, pair in pairs.items():
            values = frechet_distance(*pair), kernel_distance(*pair), *precision_recall(*pair)
            rows.setdefault(name, []).append(values)
    found = {name: dict(zip(KINDS, map(spread, np.array(v).T), strict=True)) for name, v in rows.items()}
    return {"features": extract.name, "n": count, "halvings": HALVINGS, "sets": found}


def spread(values: np.ndarray) -> dict[str, Any]:
    return {"mean": round(float(values.mean()), 4), "range": [round(float(v), 4) for v in (values.min(), values.max())]}


def statistics(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return numbers per slice: size of the brain, and mean, spread and tails of each sequence in it."""
    found: dict[str, list[float]] = {}
    for image in images:
        brain = (image > 0).any(axis=0)
        found.setdefault("brain, share of pixels", []).append(float(brain.mean()))
        for number, channel in enumerate(image):
            values = channel[brain] if brain.any() else np.zeros(1)
            for name, value in (
                ("mean", values.mean()),
                ("SD", values.std()),
                ("5th percentile", np.percentile(values, 5)),
                ("95th percentile", np.percentile(values, 95)),
            ):
                found.setdefault(f"{number}:{name}", []).append(float(value))
    return {name: np.array(values) for name, values in found.items()}


def compared(sampler: Sampler, made: np.ndarray, real: np.ndarray, other: np.ndarray) -> list[dict[str, Any]]:
    """Return one row per statistic: real and made mean and SD, and their Wasserstein distance beside its floor."""
    rows = []
    tables = [statistics(x) for x in (made, real, other)]
    for name in tables[0]:
        a, b, c = (t[name] for t in tables)
        number, _, word = name.rpartition(":")
        rows.append(
            {
                "statistic": f"{sampler.sequences[int(number)]} {word}" if number else word,
                "made": [round(float(a.mean()), 4), round(float(a.std()), 4)],
                "real": [round(float(b.mean()), 4), round(float(b.std()), 4)],
                "distance": round(float(wasserstein_distance(a, b)), 4),
                "floor": round(float(wasserstein_distance(b, c)), 4),
            }
        )
    return rows


def reconstruction(sampler: Sampler, test: Slices, refine: int = 0) -> dict[str, Any]:
    """Score the way through the latent inside the brain, per sequence."""
    began = time.process_time()
    found = sampler.reconstruct(torch.from_numpy(test.images), refine).numpy()
    seconds = (time.process_time() - began) / len(found)
    scores: dict[str, Any] = {}
    for number, sequence in enumerate(sampler.sequences):
        rows = [image_quality(a[number], b[number], b[number] > 0) for a, b in zip(found, test.images, strict=True)]
        scores[str(sequence)] = {q: cluster_mean([r[q] for r in rows], test.patients) for q in QUALITIES}
    return {"compression": round(sampler.network.compression, 2), "seconds": round(seconds, 3), "scores": scores}


def try_steps(sampler: Sampler, data: str, tried: list[int]) -> None:
    """Print what so many steps of the fit reach on validation slices: how their number was chosen."""
    val = slices_in("val", sampler.bundle, data, TRIED)
    for steps in tried:
        scores = reconstruction(sampler, val, steps)["scores"]
        print(steps, {sequence: values["ssim"]["mean"] for sequence, values in scores.items()}, flush=True)


def measured(sampler: Sampler, options: argparse.Namespace) -> dict[str, Any]:
    """Return everything but the choice of steps, for ``results``."""
    bundle = sampler.bundle
    extract: list[Extractor] = [InceptionFeatures(options.inception) if options.inception else FeatureExtractor()]
    kin = Bundle.load(LatentFeatures.bundle).manifest.preprocess
    if sampler.task != "vae" and bundle.manifest.preprocess == kin:
        extract.append(LatentFeatures())  # of its own latents an autoencoder would judge too kindly
    train, val, test = (slices_in(p, bundle, options.data, options.slices) for p in ("train", "val", "test"))
    sides = sides_of(train, options.seed)
    count = min(sum(p in side for p in train.patients) for side in sides)
    real, other = (half(train, side, count, options.seed) for side in sides)
    made = made_by(sampler, train, count, options.seed)
    found: dict[str, Any] = {
        "bundle": bundle.name,
        "version": bundle.manifest.version,
        "task": sampler.task,
        "size": list(bundle.manifest.preprocess.size),
        "n": count,
        "distances": [distances(one, made, train, test, options.seed) for one in extract],
        "statistics": compared(sampler, made, real, other),
        **memorisations(sampler, made, train, val, test, options.seed),
        "training": {
            k: bundle.manifest.training.manifest.get(k) for k in ("seconds", "device", "epochs_run", "best_epoch")
        },
    }
    if options.log:
        curve = [[int(r["epoch"]) + 1, r["val_loss"]] for r in read_log(Path(options.log)) if "val_loss" in r]
        found["curve"] = [point for point in curve if point[0] >= options.from_epoch]
    if sampler.task == "vae":
        found["reconstruction"] = reconstruction(sampler, test)
        if options.refine:
            few = slices_in("test", bundle, options.data, FITTED)
            found["refined"] = {
                "steps": options.refine,
                "encoder alone": reconstruction(sampler, few),
                "fitted": reconstruction(sampler, few, options.refine),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--log", help="log.csv of the run, for the learning curve")
    parser.add_argument("--slices", type=int, default=40, help="per patient")
    parser.add_argument("--from-epoch", type=int, default=1, help="of the learning curve; those before are left out")
    parser.add_argument("--refine", type=int, default=0, help="vae: also with latents fitted in so many steps")
    parser.add_argument("--try-steps", type=int, nargs="+", help="vae: print their SSIM on validation slices, and stop")
    parser.add_argument("--inception", help="inception-2015-12-05.pt: distances by Inception, as papers give them")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sampler = Sampler(Bundle.load(options.bundle))
    if options.try_steps:
        try_steps(sampler, options.data, options.try_steps)
    else:
        store(sampler.bundle.name, measured(sampler, options))


if __name__ == "__main__":
    main()
