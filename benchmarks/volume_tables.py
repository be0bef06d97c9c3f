"""Write the figures of the models of volumes into docs/volumes.md, between ``<!-- figures -->`` and its end.

    python benchmarks/volume_tables.py

Reads ``results/subsets-<bundle>.json``, ``results/uncertainty-<bundle>.json`` and ``results/nnunet.json``, which
``sequence_subsets.py``, ``uncertainty.py`` and ``nnunet.py`` measured; nothing is typed by hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tumorscope.core.files import write_text

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "volumes.md"
BUNDLES = ("brats-3d", "brats-fast")
REGIONS = ("WT", "TC", "ET")
UNIT = "Mean Dice per patient of the fixed test list (95 % interval over patients), BraTS' policy for empty masks"


def stored(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [" | ".join(columns), " | ".join(["---"] * len(columns)), *(" | ".join(row) for row in rows)]
    return [f"| {line} |" for line in lines]


def with_interval(mean: float, interval: list[float]) -> str:
    return f"{mean:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def subsets(bundle: str) -> list[str]:
    """Return the section of one bundle: every subset of its sequences, and what is lost in WT."""
    measured = stored(f"subsets-{bundle}")["subsets"]
    rows = [
        [
            ", ".join(entry["sequences"]),
            *(with_interval(entry["dice"][region], entry["ci95"][region]) for region in REGIONS),
            f"{entry['lost']['WT']:+.3f}",
        ]
        for entry in measured
    ]
    heading = f"{UNIT}, n = {measured[0]['n']}; lost: against all four sequences."
    return ["", f"### `{bundle}`, every subset", "", heading, "", *table(["sequences", *REGIONS, "WT lost"], rows)]


def predicted_dice() -> list[str]:
    """Return the section on predicted Dice and volume intervals."""
    rows = []
    for bundle in BUNDLES:
        test = stored(f"uncertainty-{bundle}")["test"]["summary"]["calibrated"]
        for region in (*REGIONS, "all"):
            one = test[region]
            rows.append(
                [
                    f"`{bundle}`",
                    region,
                    f"{one['pearson']:.2f}",
                    f"{one['mean_dice']:.3f}",
                    f"{one['mean_predicted_dice']:.3f}",
                    f"{one['mean_absolute_error']:.3f}",
                    f"{one['interval_90_covers']:.2f}",
                    str(one["n"]),
                ]
            )
    columns = ["bundle", "region", "Pearson r", "true Dice", "predicted", "mean error", "90 % interval covers", "n"]
    text = (
        "Predicted against true Dice of the patients of the fixed test list; `all` pools the three regions; "
        "probabilities calibrated on validation patients."
    )
    return ["", "### Predicted Dice", "", text, "", *table(columns, rows)]


def against_nnunet() -> list[str]:
    """Return the section on nnU-Net."""
    found = stored("nnunet")
    rows = []
    for name, who in (("nnunet", "nnU-Net"), ("ours", f"`{found['ours']['bundle']}`")):
        one = found[name]
        scores = [with_interval(one["dice"][region]["mean"], one["dice"][region]["ci95"]) for region in REGIONS]
        rows.append([who, *scores, f"{one['training_seconds']:.0f} s", f"{one['seconds_per_case']:.1f} s"])
    split, their = found["split"], found["nnunet"]
    text = (
        f"Both were trained from nothing on the same {split['train']} cases for {found['budget_seconds']:.0f} s on "
        f"{found['threads_of_training']} thread of a CPU, preprocessing left out; nnU-Net took {their['steps']} steps "
        f"of {their['batch_size']} patches of {'×'.join(map(str, their['patch_size']))} voxels. {UNIT}, "
        f"n = {split['test']}. Prediction on {found['cores_of_prediction']} cores, "
        f"{'mirrored' if found['mirrored'] else 'not mirrored'}. So short a training says which learns faster on a "
        "CPU, not which is better in the end: on a GPU, nnU-Net's default is 1000 epochs."
        + (f" {found['remark']}" if "remark" in found else "")
    )
    columns = ["model", *REGIONS, "training", "per case"]
    return ["", "### Against nnU-Net", "", text, "", *table(columns, rows)]


def main() -> None:
    lines = ["<!-- figures -->", *(line for bundle in BUNDLES for line in subsets(bundle)), *predicted_dice()]
    lines += [*against_nnunet(), "<!-- /figures -->"]
    text = PAGE.read_text(encoding="utf-8")
    block = "\n".join(lines)
    write_text(PAGE, re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
