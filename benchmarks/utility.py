"""Is synthetic data of use? The same segmentation trained on real, synthetic, and both, with few real patients.

    python benchmarks/utility.py --data .../BraTS -o runs/utility [--only 5] [--seed 0] [--cache DIR]

For each k and seed, k patients are drawn from those that are not on the fixed test list; the generator is trained on
these k alone, paints their masks in new styles and the masks of new phantoms, and the segmentation is trained three
times: real-only, synthetic-only, real+synthetic. All are scored on the fixed test list. What is run stands in
``utility.yaml``; a run that was interrupted continues, a finished one is only scored. Writes
``results/generative/utility.json`` after every run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from image_sets import RESULTS, store

from tumorscope.core.case import Case
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import held_out
from tumorscope.workflows.evaluate import evaluate
from tumorscope.workflows.synth import synthesise
from tumorscope.workflows.train import train_recipe

PLAN: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "utility.yaml").read_text(encoding="utf-8"))
ARMS = ("real", "synthetic", "real+synthetic")


def drawn(cases: list[Case], k: int, seed: int) -> tuple[list[Case], list[Case]]:
    """Return k patients' cases and the test cases; a larger k of one seed holds the smaller."""
    fixed = set(held_out("brats"))
    test = [c for c in cases if fixed & c.names]
    pool = sorted({c.patient for c in cases if not fixed & c.names} - {c.patient for c in test})
    chosen = set(np.random.default_rng(seed).permutation(pool)[:k].tolist())
    return [c for c in cases if c.patient in chosen], test


def split_file(path: Path, train: list[str], val: list[str], test: list[str], seed: int) -> Path:
    parts = {"train": train, "val": val, "test": test}
    Split(dataset="brats", unit="patient", seed=seed, parts=parts).save(path)
    return path


def overrides(name: str, seed: int) -> dict[str, str]:
    return {k: json.dumps(v) for k, v in PLAN[f"{name}_overrides"].items()} | {"training.seed": str(seed)}


def link(case: Case, place: Path) -> None:
    """Put a case into a data root without copying it."""
    place.mkdir(parents=True, exist_ok=True)
    source = next(p for p in case.images.values() if isinstance(p, Path)).parent.resolve()
    if not (place / source.name).exists():
        (place / source.name).symlink_to(source, target_is_directory=True)


def prepare_data(options: argparse.Namespace, cases: list[Case], k: int, seed: int) -> tuple[Path, dict[str, Path]]:
    """Train the generator on k patients, paint, and return the data root and a split file per arm."""
    chosen, test = drawn(cases, k, seed)
    place = options.out / f"k{k}-seed{seed}"
    root = place / "data"
    for case in [*chosen, *test]:
        link(case, root / "real")
    last = max(1, round(0.2 * len(chosen)))
    train, val = [c.id for c in chosen[:-last]], [c.id for c in chosen[-last:]]
    tests = [c.id for c in test]
    real = split_file(place / "real.json", train, val, tests, seed)
    generator = train_recipe(
        PLAN["generator"],
        root / "real",
        place / "generator",
        overrides=overrides("generator", seed),
        split=real,
        cache=options.cache,
        echo=print,
    ).bundle
    made: list[str] = []
    for style in range(PLAN["styles"] + bool(PLAN["phantoms"])):
        target = root / f"synthetic-{style}"
        folders = sorted(target.glob("synthetic_*"))
        if not folders:
            own = style < PLAN["styles"]
            masks = [root / "real" / c.id for c in chosen[:-last]] if own else []
            settings = {"masks": masks, "phantoms": 0 if own else PLAN["phantoms"], "seed": 1000 * seed + 100 * style}
            synthesise(place / f"scratch-{style}", bundle=generator.folder, say=print, **settings)
            target.mkdir(parents=True)
            for folder in sorted((place / f"scratch-{style}").glob("synthetic_*")):
                renamed = target / f"{folder.name}_style{style}"
                folder.rename(renamed)
                for file in renamed.iterdir():
                    file.rename(renamed / file.name.replace(folder.name, renamed.name))
            folders = sorted(target.glob("synthetic_*"))
        made += [folder.name for folder in folders]
    synthetic = split_file(place / "synthetic.json", made, val, tests, seed)
    both = split_file(place / "both.json", [*train, *made], val, tests, seed)
    return root, dict(zip(ARMS, (real, synthetic, both), strict=True))


def scored(bundle: Path, data: Path, split: Path) -> dict[str, dict[str, float]]:
    """Return case → region → Dice on the test part."""
    result = evaluate(bundle=bundle, dataset="brats", data=data, split=split, echo=print).to_json()
    rows: dict[str, dict[str, float]] = {}
    for case in result["cases"]:
        rows[str(case["case"])] = {r: float(case[r]["dice"]) for r in ("WT", "TC", "ET")}
    return rows


def crossed_mean(table: np.ndarray) -> dict[str, Any]:
    """Return the mean of a table (seeds, patients), also seed by seed, and a 95 % interval that resamples both.

    A seed draws patients, generator and segmentation anew, so that chance in training is in the interval too.
    """
    rng = np.random.default_rng(0)
    weights = [rng.multinomial(n, np.full(n, 1 / n), size=10_000) / n for n in table.shape]
    means = np.einsum("bs,sp,bp->b", weights[0], table, weights[1])
    return {
        "mean": round(float(table.mean()), 4),
        "ci95": [round(float(q), 4) for q in np.quantile(means, (0.025, 0.975))],
        "n": table.size,
        "patients": table.shape[1],
        "per seed": [round(float(one), 4) for one in table.mean(axis=1)],
        "median patient": round(float(np.median(table.mean(axis=0))), 4),
    }


def summary(runs: dict[str, Any]) -> dict[str, Any]:
    """Return, per k: Dice of each arm, and the paired difference of both to real; of seeds whose arms are all there."""
    found: dict[str, Any] = {}
    for k in PLAN["patients"]:
        mine = [r for n, r in runs.items() if n.startswith(f"k{k}-") and set(r) == set(ARMS)]
        if not mine:
            continue
        cases = sorted(mine[0]["real"])
        dice = {
            arm: {q: np.array([[r[arm][c][q] for c in cases] for r in mine]) for q in ("WT", "TC", "ET")}
            for arm in ARMS
        }
        dice["real+synthetic minus real"] = {q: dice["real+synthetic"][q] - dice["real"][q] for q in dice["real"]}
        found[str(k)] = {arm: {q: crossed_mean(t) for q, t in tables.items()} for arm, tables in dice.items()}
        found[str(k)]["seeds"] = len(mine)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--only", type=int, nargs="*", default=PLAN["patients"])
    parser.add_argument("--seed", type=int, nargs="*", default=PLAN["seeds"])
    options = parser.parse_args()
    cases = DATASETS.load("brats").discover(options.data)
    kept = RESULTS / "utility.json"
    runs: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))["runs"] if kept.is_file() else {}
    for seed in options.seed:
        for k in options.only:
            root, splits = prepare_data(options, cases, k, seed)
            for arm, split in splits.items():
                folder = options.out / f"k{k}-seed{seed}" / arm.replace("+", "-and-")
                if arm in runs.get(f"k{k}-seed{seed}", {}):
                    continue
                bundle = train_recipe(
                    PLAN["segmentation"],
                    root,
                    folder,
                    overrides=overrides("segmentation", seed),
                    split=split,
                    cache=options.cache,
                    echo=print,
                ).bundle
                runs.setdefault(f"k{k}-seed{seed}", {})[arm] = scored(bundle.folder, root, split)
                store("utility", {"plan": PLAN, "summary": summary(runs), "runs": runs})


if __name__ == "__main__":
    main()
