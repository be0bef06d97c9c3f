"""Check whether a generative bundle gives its training slices away; `generation.py` does so too, beside the rest.

    python benchmarks/memorisation.py --bundle runs/gan/bundle --data .../BraTS [--slices 40]

Puts the check into ``results/generative/<bundle>.json``, or the file after ``-o``, and leaves what else stands there
of the same version. Mirrored training slices
count too, since models train on them; a synthesis is checked with masks of training patients and with masks it never
saw. What the check is able to see is measured on changed training slices.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from image_sets import RESULTS, Slices, cases_of, slices_of
from scipy.ndimage import gaussian_filter, rotate

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.files import write_text
from tumorscope.inference.sampler import Sampler
from tumorscope.metrics.memorisation import check_memorisation

#: Quantiles of distances and ratios that are kept.
QUANTILES = (0.01, 0.1, 0.5)
#: About so many training slices are changed, each in turn as follows, to see what the memorisation check sees.
CONTROLS = 400
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "unchanged": lambda x: x,
    "noise of 6 %": lambda x: x + (x > 0) * np.random.default_rng(0).normal(0, 0.06, x.shape).astype(np.float32),
    "blurred, SD 1.5 px": lambda x: gaussian_filter(x, (0, 0, 1.5, 1.5)),
    "darker by 15 %": lambda x: 0.85 * x,
    "gamma 0.8": lambda x: np.maximum(x, 0) ** 0.8,
    "shifted by 6 px": lambda x: np.roll(x, 6, axis=3),
    "turned by 5°": lambda x: rotate(x, 5, axes=(2, 3), reshape=False, order=1),
    "mirrored": lambda x: x[..., ::-1].copy(),
}


def slices_in(part: str, bundle: Bundle, data: str, per_patient: int) -> Slices:
    """Return slices of the patients of a part of the bundle's split, chosen as it was trained."""
    least = float(bundle.manifest.training.recipe["data"]["least_brain"])
    return slices_of(cases_of(bundle, data, part), bundle.manifest.preprocess, per_patient, least)


def sides_of(slices: Slices, seed: int) -> tuple[set[str], set[str]]:
    """Divide the patients in two at random."""
    names = sorted(set(slices.patients))
    np.random.default_rng(seed).shuffle(names)
    return set(names[::2]), set(names[1::2])


def made_by(sampler: Sampler, train: Slices, count: int, seed: int) -> np.ndarray:
    """Make slices; a synthesis paints label maps of training slices, each in a style of its own."""
    if sampler.task != "synthesis":
        return sampler.sample(count, seed).numpy()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(train.labels), count, replace=len(train.labels) < count)
    brain = (train.images[chosen] > 0).any(axis=1)
    labels = torch.from_numpy(train.labels[chosen].astype(np.int64))
    parts = [sampler.paint(labels[i : i + 1], torch.from_numpy(brain[i : i + 1]), seed + i) for i in range(len(chosen))]
    return torch.cat(parts).numpy()


def memorisations(
    sampler: Sampler, made: np.ndarray, train: Slices, val: Slices, test: Slices, seed: int
) -> dict[str, Any]:
    """Check what a bundle made, and what a synthesis paints into masks of test patients."""
    others = np.concatenate([test.images, val.images])
    found = {"memorisation": memorised(made, train, others)}
    if sampler.task == "synthesis":
        unseen = made_by(sampler, test, min(len(made), len(test.labels)), seed)
        found["memorisation, masks of unseen patients"] = memorised(unseen, train, others)
    return found


def memorised(made: np.ndarray, train: Slices, others: np.ndarray) -> dict[str, Any]:
    """Check made slices against training slices, as they are and mirrored: models train on both.

    What the check is able to see is measured too: the share of changed training slices that it takes for copies.
    """
    both = comparable(np.concatenate([train.images, train.images[..., ::-1]]))
    real, names = comparable(others), train.patients * 2
    checked = check_memorisation(comparable(made), real, both, names)
    some = train.images[:: max(1, len(train.images) // CONTROLS)]
    seen = {
        kind: check_memorisation(comparable(change(some)), real, both, names).copies / len(some)
        for kind, change in CHANGES.items()
    }
    return {
        "passed": checked.passed,
        "copies": checked.copies,
        "made": len(made),
        "copies by chance": checked.by_chance,
        "held-out slices": len(others),
        "training slices": len(train.patients),
        "p": round(checked.p, 4),
        "pixels": "32×32 per sequence, centred, each sequence scaled to length 1, Euclidean",
        "quantiles": {
            f"{kind}, {name}": [round(float(q), 4) for q in np.quantile(table[name], QUANTILES)]
            for kind, table in (("distance", checked.distances), ("ratio", checked.ratios))
            for name in ("made", "held_out")
        },
        "changed training slices taken for copies": {kind: round(share, 3) for kind, share in seen.items()},
    }


def comparable(images: np.ndarray) -> np.ndarray:
    """Return slices as rows of 32×32 pixels per sequence that neither place nor brightness of the head changes."""
    moved = np.stack([centred(image) for image in images])
    shrunk = torch.nn.functional.interpolate(torch.from_numpy(moved), size=(32, 32), mode="area").double()
    return (shrunk / shrunk.flatten(2).norm(dim=2).clamp_min(1e-6)[..., None, None]).flatten(1).numpy()


def centred(image: np.ndarray) -> np.ndarray:
    """Shift a slice (C, H, W) by whole pixels until its centre of mass lies in the middle."""
    weight = np.maximum(image, 0).sum(axis=0)
    if not weight.any():
        return image
    middle = [float(np.average(np.arange(n), weights=weight.sum(axis=1 - axis))) for axis, n in enumerate(weight.shape)]
    steps = [round((n - 1) / 2 - at) for at, n in zip(middle, weight.shape, strict=True)]
    return np.ascontiguousarray(np.roll(image, steps, axis=(1, 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--slices", type=int, default=40, help="per patient")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, help="file; default: results/generative/<bundle>.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = Bundle.load(options.bundle)
    sampler = Sampler(bundle)
    train, val, test = (slices_in(p, bundle, options.data, options.slices) for p in ("train", "val", "test"))
    count = min(sum(p in side for p in train.patients) for side in sides_of(train, options.seed))
    made = made_by(sampler, train, count, options.seed)
    known = {"bundle": bundle.name, "version": bundle.manifest.version}
    place = options.out or RESULTS / f"{bundle.name}.json"
    kept = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else known
    if {key: kept.get(key) for key in known} != known:
        raise SystemExit(
            f"{place} holds what was measured of {kept.get('bundle')} {kept.get('version')}: name another -o"
        )
    found = kept | memorisations(sampler, made, train, val, test, options.seed)
    write_text(place, json.dumps(found, indent=1) + "\n")
    print(place)


if __name__ == "__main__":
    main()
