"""Write the figures of the models of volumes into docs/volumes.md, between ``<!-- figures -->`` and its end.

    python benchmarks/volume_tables.py

Reads what ``shipped_bundles.py``, ``sequence_subsets.py``, ``uncertainty.py`` and ``nnunet.py`` measured
(``results/*.json``); nothing is typed by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.files import write_text
from tumorscope.metrics.bootstrap import percentile_interval, resampled_sums

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "volumes.md"
BUNDLES = ("brats-3d", "brats-fast")
REGIONS = ("WT", "TC", "ET")
UNIT = (
    "Mean Dice per patient of the fixed test list (split unit patient; 95 % bootstrap interval over patients; "
    "empty masks: both empty 1, one empty 0)"
)
#: Aims in mean Dice, and the most that WT may lose without one sequence.
AIMS, LOSS = {"WT": 0.88, "TC": 0.76, "ET": 0.70}, 0.05
DRAWS, SEED = 2000, 0


def stored(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [" | ".join(columns), " | ".join(["---"] * len(columns)), *(" | ".join(row) for row in rows)]
    return [f"| {line} |" for line in lines]


def with_interval(mean: float, interval: Sequence[float]) -> str:
    return f"{mean:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def lost(bundle: str, missing: str) -> dict[str, float]:
    """Return what each patient's WT loses in Dice without one sequence."""
    rows = stored(f"subsets-{bundle}")["cases"]
    whole = max(len(row["sequences"]) for row in rows)
    with_all = {row["case"]: row["WT"] for row in rows if len(row["sequences"]) == whole}
    rest = [row for row in rows if len(row["sequences"]) == whole - 1 and missing not in row["sequences"]]
    return {row["case"]: with_all[row["case"]] - row["WT"] for row in rest}


def mean_of(values: list[float]) -> tuple[float, tuple[float, float]]:
    """Return a mean over patients with its interval."""
    table = np.array([[value, 1.0] for value in values])
    sums = resampled_sums(table, seed=SEED, n_boot=DRAWS)
    return float(np.mean(values)), percentile_interval(sums[:, 0] / sums[:, 1])


def aims() -> list[str]:
    """Return the section on what was aimed at, what was reached, and which patients make the difference."""
    rows = []
    for region, least in AIMS.items():
        cells = []
        for bundle in BUNDLES:
            mean, interval = mean_of([case[region]["dice"] for case in stored(bundle)["cases"]])
            cells.append(f"{with_interval(mean, interval)}: {'reached' if mean >= least else '**missed**'}")
        rows.append([f"{region} at least {least:.2f}", *cells])
    for missing in ("FLAIR", "T2"):
        cells = []
        for bundle in BUNDLES:
            mean, interval = mean_of(list(lost(bundle, missing).values()))
            cells.append(f"{with_interval(mean, interval)}: {'reached' if mean <= LOSS else '**missed**'}")
        rows.append([f"without {missing}, WT loses at most {LOSS:.2f}", *cells])
    return [
        "",
        "### Aims",
        "",
        f"{UNIT}, n = {len(stored(BUNDLES[0])['cases'])}; losses are paired differences.",
        "",
        *table(["aim", *(f"`{bundle}`" for bundle in BUNDLES)], rows),
        "",
        *reasons(BUNDLES[0]),
    ]


def reasons(bundle: str) -> list[str]:
    """Return which patients a bundle's missed aims hang on, one line each."""
    cases = stored(bundle)["cases"]
    whole = {case["case"]: case["WT"]["dice"] for case in cases}
    worst = min(whole, key=lambda name: whole[name])
    rest = [value for name, value in whole.items() if name != worst]
    none = [case for case in cases if case["ET"]["dice"] == 0]
    told = ", ".join(
        f"{case['case']} (reference {(case['ET']['tp'] + case['ET']['fn']) / 1000:.1f} ml, "
        f"predicted {(case['ET']['tp'] + case['ET']['fp']) / 1000:.1f} ml)"
        for case in none
    )
    others = [case["ET"]["dice"] for case in cases if case["ET"]["dice"] > 0]
    losses = lost(bundle, "FLAIR")
    most = max(losses, key=lambda name: losses[name])
    remaining = [value for name, value in losses.items() if name != most]
    return [
        f"Where `{bundle}` loses it:",
        "",
        f"- WT: the median is {np.median(list(whole.values())):.3f}; {worst} has {whole[worst]:.2f}, the others on "
        f"average {np.mean(rest):.3f}.",
        f"- ET: {len(none)} patients score 0 because little or nothing enhances and something is called: {told}; the "
        f"others on average {np.mean(others):.3f}.",
        f"- FLAIR missing: {most} loses {losses[most]:.2f}, the others on average {np.mean(remaining):.3f}.",
    ]


def lesionwise() -> list[str]:
    """Return the section on the lesion-wise scores."""
    rows = []
    for bundle in BUNDLES:
        found = {
            (s["metric"], s["region"]): s for s in stored(f"{bundle}-lesionwise")["scores"] if s["unit"] == "patient"
        }
        for region in REGIONS:
            dice, distance = found["lesionwise_dice", region], found["lesionwise_hd95", region]
            low, high = distance["ci95"]
            rows.append(
                [
                    f"`{bundle}`",
                    region,
                    with_interval(dice["mean"], dice["ci95"]),
                    f"{distance['mean']:.1f} ({low:.1f} to {high:.1f})",
                    str(dice["n"]),
                ]
            )
    text = (
        "As BraTS 2023 scores ([measurements](measurements.md#lesion-wise-scores)): mean per patient of the fixed test "
        "list (split unit patient; 95 % bootstrap interval over patients; empty masks: both empty 1 and 0 mm, one "
        "empty 0 and 374 mm). Every false alarm, however small, counts like a lesion of Dice 0: `brats-fast` has many "
        "in WT."
    )
    columns = ["bundle", "region", "lesion-wise Dice", "lesion-wise HD95, mm", "n"]
    return ["", "### Lesion-wise", "", text, "", *table(columns, rows)]


def correlation(pairs: list[tuple[str, float, float]]) -> str:
    """Return Pearson's r of (patient, predicted, true) with its interval; patients are resampled whole."""
    owners = sorted({who for who, _, _ in pairs})
    table = np.zeros((len(owners), 6))
    for who, x, y in pairs:
        table[owners.index(who)] += (1, x, y, x * x, y * y, x * y)
    sums = np.vstack([table.sum(axis=0), resampled_sums(table, seed=SEED, n_boot=DRAWS)])
    n, x, y, xx, yy, xy = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))
    low, high = percentile_interval(r[1:])
    return f"{r[0]:.2f} ({low:.2f} to {high:.2f})"


def subsets(bundle: str) -> list[str]:
    """Return the section of one bundle: every subset of its sequences, and what is lost in WT."""
    measured = stored(f"subsets-{bundle}")["subsets"]
    rows = [
        [
            ", ".join(entry["sequences"]),
            *(with_interval(entry["dice"][region], entry["ci95"][region]) for region in REGIONS),
            f"{measured[0]['dice']['WT'] - entry['dice']['WT']:+.3f}",
        ]
        for entry in measured
    ]
    heading = f"{UNIT}, n = {measured[0]['n']}; lost: against all four sequences."
    return ["", f"### `{bundle}`, every subset", "", heading, "", *table(["sequences", *REGIONS, "WT lost"], rows)]


def predicted_dice() -> list[str]:
    """Return the section on predicted Dice and volume intervals."""
    rows = []
    for bundle in BUNDLES:
        test = stored(f"uncertainty-{bundle}")["test"]
        for region in (*REGIONS, "all"):
            one = test["summary"]["calibrated"][region]
            pairs = [
                (case["case"], case["calibrated"]["predicted_dice"], case["dice"])
                for case in test["cases"]
                if region in ("all", case["region"])
            ]
            rows.append(
                [
                    f"`{bundle}`",
                    region,
                    correlation(pairs),
                    f"{one['spearman']:.2f}",
                    f"{one['mean_dice']:.3f}",
                    f"{one['mean_predicted_dice']:.3f}",
                    f"{one['mean_absolute_error']:.3f}",
                    f"{one['interval_90_covers']:.2f}",
                    str(one["n"]),
                ]
            )
    columns = [
        "bundle",
        "region",
        "Pearson r",
        "Spearman",
        "true Dice",
        "predicted",
        "mean error",
        "90 % interval covers",
        "n",
    ]
    text = (
        "Predicted against true Dice of the patients of the fixed test list (split unit patient; 95 % bootstrap "
        "interval over patients; empty masks: both empty 1, one empty 0); `all` pools the three regions; probabilities "
        "calibrated on validation patients. One badly mapped patient makes much of r in WT: the ranks agree less."
    )
    return ["", "### Predicted Dice", "", text, "", *table(columns, rows)]


def against_nnunet() -> list[str]:
    """Return the section on nnU-Net."""
    found = stored("nnunet")
    rows = []
    for name, who in (("nnunet", "nnU-Net"), ("ours", f"recipe `{found['ours']['bundle']}`")):
        one = found[name]
        scores = [with_interval(one["dice"][region]["mean"], one["dice"][region]["ci95"]) for region in REGIONS]
        rows.append([who, *scores, f"{one['training_seconds']:.0f} s", f"{one['seconds_per_case']:.1f} s"])
    split, their = found["split"], found["nnunet"]
    text = (
        f"Both were trained from nothing on the same {split['train']} cases for {found['budget_seconds']:.0f} s on "
        f"{found['threads_of_training']} thread of a CPU, preprocessing left out; nnU-Net took {their['steps']} steps "
        f"of {their['batch_size']} patches of {'×'.join(map(str, their['patch_size']))} voxels. {UNIT}, "
        f"n = {split['test']}. Prediction on {found['cores_of_prediction']} cores, "
        f"{'mirrored' if found['mirrored'] else 'not mirrored'}. One run each; ours are not the shipped "
        "weights. So short a training says which learns faster on a CPU, not which is better in the end: on a GPU, "
        "nnU-Net's default is 1000 epochs." + (f" {found['remark']}" if "remark" in found else "")
    )
    columns = ["model", *REGIONS, "training", "per case"]
    return ["", "### Against nnU-Net", "", text, "", *table(columns, rows)]


def main() -> None:
    lines = ["<!-- figures -->", *aims(), *(line for bundle in BUNDLES for line in subsets(bundle)), *lesionwise()]
    lines += [*predicted_dice(), *against_nnunet(), "<!-- /figures -->"]
    text = PAGE.read_text(encoding="utf-8")
    block = "\n".join(lines)
    write_text(PAGE, re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
