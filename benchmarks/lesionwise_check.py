"""Compare our lesion-wise scores with the BraTS 2023 code and with brats-evaluation on seeded synthetic masks.

    python benchmarks/lesionwise_check.py masks DIR                       # our environment: writes the masks
    python benchmarks/lesionwise_check.py brats_2023 DIR --code CLONE      # numpy < 2, pandas < 2, nibabel, cc3d
    python benchmarks/lesionwise_check.py brats_evaluation DIR             # pip install brats-evaluation
    python benchmarks/lesionwise_check.py compare DIR                      # ours: writes results/lesionwise.json

The two in the middle run in environments of their own (they want an older numpy than ours, and no torch); CLONE is a
clone of github.com/rachitsaluja/BraTS-2023-Metrics. brats-evaluation is the package of the challenges from 2024 on: no
dilation and one-to-one matching, so only its Dice over the whole region is the same number.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "lesionwise.json"
SEEDS = range(12)
SHAPE = (48, 44, 40)
REGIONS = ("WT", "TC", "ET")


def make(seed: int) -> tuple[Any, Any, tuple[float, float, float]]:
    """Return prediction and reference (BraTS 2023 values) and spacing; some cases lack ET or a prediction."""
    import numpy as np

    rng = np.random.default_rng(seed)
    grid = np.indices(SHAPE).astype(float)
    spacing = (1.0, 1.0, 1.0) if seed % 3 else (1.0, 1.2, 2.0)

    def blob(centre: Any, radius: float) -> Any:
        return sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, spacing, strict=True)) <= radius**2

    ref, pred = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        centre, radius = rng.uniform(6, [n - 6 for n in SHAPE]), float(rng.uniform(1.2, 9))
        moved = centre + rng.normal(0, 1.2, 3)
        for value, share in ((2, 1.0), (1, 0.65), (3, 0.45)):
            if not (value == 3 and seed == 5):
                ref[blob(centre, radius * share)] = value
            if rng.random() < 0.85 and seed != 7:
                pred[blob(moved, radius * share * rng.uniform(0.8, 1.15))] = value
    for _ in range(int(rng.integers(0, 3))):
        pred[blob(rng.uniform(4, [n - 4 for n in SHAPE]), float(rng.uniform(1, 4)))] = int(rng.integers(1, 4))
    return pred, ref, spacing


def write_masks(folder: Path) -> None:
    import nibabel
    import numpy as np

    for seed in SEEDS:
        pred, ref, spacing = make(seed)
        for kind, data in (("pred", pred), ("ref", ref)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(data, np.diag([*spacing, 1.0])), folder / kind / f"case-{seed:05d}.nii.gz")


def brats_2023(folder: Path, code: Path) -> None:
    """Run the code of 2023 as it is, but for one call that pandas refuses where a lesion met several components."""
    import numpy as np
    import pandas as pd

    whole = pd.DataFrame.replace

    def numbers_only(frame: Any, *args: Any, **kwargs: Any) -> Any:
        columns = frame.select_dtypes("number").columns
        changed = whole(frame[columns].copy(), *args)
        for column in columns:
            frame[column] = changed[column]
        return None if kwargs.get("inplace") else frame

    np.Inf = np.inf  # noqa: NPY201 - the old code asks for it
    pd.DataFrame.replace = numbers_only
    sys.path.insert(0, str(code))
    spec = importlib.util.spec_from_file_location("brats2023", code / "metrics.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    keys = ("Num_TP", "Num_FP", "Num_FN", "LesionWise_Score_Dice", "LesionWise_Score_HD95")
    keys += ("Legacy_Dice", "Legacy_HD95", "Sensitivity", "Specificity")
    found: dict[str, Any] = {}
    for seed in SEEDS:
        paths = (str(folder / kind / f"case-{seed:05d}.nii.gz") for kind in ("pred", "ref"))
        rows = module.get_LesionWiseResults(*paths, "BraTS-GLI").set_index("Labels")
        found[str(seed)] = {r: {k: float(rows.loc[r, k]) for k in keys} for r in REGIONS}
    (folder / "brats_2023.json").write_text(json.dumps(found))


def brats_evaluation(folder: Path) -> None:
    """Run the package of 2024 and later."""
    from importlib.resources import files

    from panoptica import Panoptica_Evaluator

    config = files("brats_evaluation").joinpath("configs", "config_gli.yaml")
    evaluator = Panoptica_Evaluator.load_from_config(str(config))
    keys = ("tp", "fp", "fn", "sq_dsc", "global_bin_dsc")
    found: dict[str, Any] = {}
    for seed in SEEDS:
        paths = (str(folder / kind / f"case-{seed:05d}.nii.gz") for kind in ("pred", "ref"))
        groups = {k: v.to_dict() for k, v in evaluator.evaluate(*paths, verbose=False).items()}
        found[str(seed)] = {r: {k: _plain(groups[r.lower()].get(k)) for k in keys} for r in REGIONS}
    (folder / "brats_evaluation.json").write_text(json.dumps(found))


def _plain(value: Any) -> float | None:
    number = None if value is None else float(value)
    return number if number is not None and abs(number) < float("inf") else None


def compare(folder: Path) -> None:
    from tumorscope.core.files import write_text
    from tumorscope.core.labels import BRATS_2023
    from tumorscope.metrics import METRICS, match_lesions

    theirs = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("brats_2023", "brats_evaluation")}
    worst = {"Dice": 0.0, "HD95": 0.0, "lesions": 0.0}
    for seed in SEEDS:
        pred, ref, spacing = make(seed)
        for region in REGIONS:
            match = match_lesions(BRATS_2023.mask(pred, region), BRATS_2023.mask(ref, region), spacing)
            official, counts = theirs["brats_2023"][str(seed)][region], match.to_json()
            for key, name in (("Dice", "lesionwise_dice"), ("HD95", "lesionwise_hd95")):
                compute = METRICS[name].from_lesions
                assert compute is not None
                worst[key] = max(worst[key], abs(compute(match) - official[f"LesionWise_Score_{key}"]))
            for key in ("tp", "fp", "fn"):
                worst["lesions"] = max(worst["lesions"], abs(counts[key] - official[f"Num_{key.upper()}"]))
    what = "largest absolute difference between ours and the BraTS 2023 code, 12 synthetic cases, three regions"
    write_text(RESULTS, json.dumps({"what": what, "difference": worst, **theirs}, indent=1) + "\n")
    print(worst)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["masks", "brats_2023", "brats_evaluation", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--code", type=Path)
    options = parser.parse_args()
    if options.step == "brats_2023":
        brats_2023(options.folder, options.code)
    else:
        {"masks": write_masks, "brats_evaluation": brats_evaluation, "compare": compare}[options.step](options.folder)


if __name__ == "__main__":
    main()
