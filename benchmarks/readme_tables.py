"""Write the measured figures into the README, and the times of the app into its page.

Tables go between ``<!-- figures -->`` and ``<!-- /figures -->``, numbers between ``<!--=NAME-->`` and ``<!--/-->``.

    python benchmarks/readme_tables.py

Reads ``benchmarks/results/*.json``; nothing is typed by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from generative_aims import floor, unseen

from tumorscope.bundles.bundle import SHIPPED, Bundle, shipped_names
from tumorscope.core.files import write_text
from tumorscope.datasets.figshare_blocks import tumor_type_of

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
APP = HERE.parent / "docs" / "how-to" / "app.md"
POLICY = {
    "brats": "BraTS: both empty 1, one empty 0",
    "both-empty-one": "both empty 1, one empty 0",
    "positives-only": "slices or patients with tumour only",
}


def score_rows(name: str) -> list[str]:
    """Return the Dice rows of one bundle."""
    result = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    rows = []
    seen: set[tuple[object, ...]] = set()
    for s in result["scores"]:
        key = (s["region"], s["unit"], s["mean"])
        if s["metric"] != "dice" or s["unit"] == "pooled" or s["mean"] is None or key in seen:
            continue
        seen.add(key)
        low, high = s["ci95"]
        empty = "" if s["all_empty"] is None else f"{s['all_empty']:.3f}"
        rows.append(
            f"| `{name}` | {s['region']} | {s['unit']} | **{s['mean']:.3f}** | {low:.3f} to {high:.3f} | {s['sd']:.3f} "
            f"| {s['median']:.3f} | {s['n']} | {POLICY.get(s['empty_policy'], s['empty_policy'])} | {empty} |"
        )
    return rows


def speed_rows(table: dict[str, Any]) -> list[str]:
    """Return one row per timed command."""
    return [
        f"| {f['what']} | {f['median_seconds']} s ({f['min_seconds']} to {f['max_seconds']}, {f['runs']} runs) "
        f"| {f['first_run_seconds']} s | {f['peak_mb']} MB |"
        for f in table["figures"]
    ]


def throughput_rows(table: dict[str, Any]) -> list[str]:
    """Return one row per contender and batch size."""
    rows = []
    for entry in table["batches"]:
        ours = entry["contenders"][0]["images_per_second"]
        rows += [
            f"| {entry['batch']} | {c['name']} | **{c['images_per_second']}** ({c['min']} to {c['max']}) "
            f"| {ours / c['images_per_second']:.2f} |"
            for c in entry["contenders"]
        ]
    return rows


def throughput_lines() -> list[str]:
    """Return the table of training throughput, where it was measured."""
    path = HERE / "results" / "throughput.json"
    if not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in table["versions"].items())
    return [
        "",
        f"Training of the {table['network']} ({table['parameters']:,} parameters, "
        f"{table['size'][0]}×{table['size'][1]}×2), {table['threads']} threads of {table['machine']}; median of "
        f"{table['repeats']} repeats in turn (range); {versions}:",
        "",
        "| batch | loop | images per second | ours / this |",
        "|---|---|---|---|",
        *throughput_rows(table),
    ]


def _stored(name: str) -> Any:
    return json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))


def _dice_of_type(kind: str) -> str:
    """Return the mean Dice of ``t1c-slices`` on the test pictures of one tumour type."""
    found = [c["tumor"]["dice"] for c in _stored("t1c-slices")["cases"] if tumor_type_of(int(c["case"])) == kind]
    return f"{sum(found) / len(found):.2f}"


def _dice(bundle: str, region: str) -> str:
    """Return the mean Dice per patient of one region."""
    scores = _stored(bundle)["scores"]
    return (
        f"{next(s['mean'] for s in scores if (s['metric'], s['region'], s['unit']) == ('dice', region, 'patient')):.2f}"
    )


def _lesionwise(bundle: str, region: str) -> str:
    """Return the lesion-wise Dice per patient of one region."""
    scores = _stored(f"{bundle}-lesionwise")["scores"]
    wanted = ("lesionwise_dice", region, "patient")
    return f"{next(s['mean'] for s in scores if (s['metric'], s['region'], s['unit']) == wanted):.2f}"


def _lost(bundle: str, missing: str) -> str:
    """Return what WT loses in Dice without one sequence."""
    rest = [r for r in _stored(f"subsets-{bundle}")["subsets"] if len(r["sequences"]) == 3]
    return f"{next(r['lost']['WT'] for r in rest if missing not in r['sequences']):.2f}"


def _recognised(together: str) -> str:
    """Return how many images were taken for what they are by the image alone, of how many, by patients never seen."""
    found = [_stored("sequences")[part][together] for part in ("held_out", "test_list")]
    return f"{sum(f['right'] for f in found)} of {sum(f['n'] for f in found)}"


def _type_score(protocol: str, metric: str = "accuracy") -> str:
    """Return a score of ``tumor-type`` under one protocol, with interval and number of pictures."""
    for row in _stored("tumor-type")["models"]:
        if (row["model"], row["protocol"]) == ("tumor-type", protocol):
            score = next(s for s in row["scores"] if s["metric"] == metric)
            low, high = score["ci95"]
            return f"{score['mean']:.3f} (95 % interval {low:.3f} to {high:.3f}, n {score['n']})"
    raise KeyError(protocol)


def _foreign(kind: str) -> str:
    """Return how many pictures of a kind ``tumor-type`` called foreign, of how many."""
    found = _stored("tumor-type")["foreign"][kind]
    return f"{round(found['called foreign'] * found['n'])} of {found['n']}"


def _looks(kind: str) -> str:
    """Return the share of pictures of a tumour type on which Grad-CAM lies in the tumour more than by chance."""
    return f"{_stored('tumor-type')['gradcam'][kind]['share of pictures with more than by chance']:.2f}"


def _slicewise(metric: str) -> str:
    """Return the slice-mean score of the slice-wise FPN run, two empty masks counting 1."""
    wanted = {"metric": metric, "region": "tumor", "unit": "image", "empty_policy": "both-empty-one"}
    scores = _stored("runs/lgg-fpn-efficientnet--slice")["test"]["scores"]
    return f"{next(s['mean'] for s in scores if all(s[k] == v for k, v in wanted.items())):.3f}"


def _through_latent(sequence: str, fitted: bool = False) -> str:
    """Return the SSIM inside the brain that ``vae-t1c-flair`` keeps of one sequence, as encoded or as fitted."""
    stored = _stored("generative/vae-t1c-flair")
    scores = (stored["refined"]["fitted"] if fitted else stored["reconstruction"])["scores"]
    return f"{scores[sequence]['ssim']['mean']:.2f}"


def _covered(bundle: str, by_patients: bool = False) -> str:
    """Return the share of unseen patients' slices that made ones cover, or real ones of other patients (recall)."""
    (one,) = (d for d in _stored(f"generative/{bundle}")["distances"] if d["features"] == "EfficientNet-lite0")
    score = (floor if by_patients else unseen)(one, "recall")
    low, high = score["range"]
    return f"{100 * score['mean']:.0f} % ({100 * low:.0f} to {100 * high:.0f} over draws)"


def _useful(patients: int, region: str) -> str:
    """Return what synthetic cases beside so many real patients change in the Dice of one region."""
    arms = _stored("generative/utility")["summary"][str(patients)]
    gain = arms["real+synthetic minus real"][region]
    low, high = gain["ci95"]
    return f"{gain['mean']:+.3f} ({low:+.3f} to {high:+.3f}, seeds: {arms['seeds']})"


def _most_useful(patients: int, region: str, count: int = 3) -> str:
    """Return the share of that change which lies with the ``count`` test patients who gain most."""
    runs = [r for name, r in _stored("generative/utility")["runs"].items() if name.startswith(f"k{patients}-")]
    gains = [
        sum(run["real+synthetic"][case][region] - run["real"][case][region] for run in runs) for case in runs[0]["real"]
    ]
    return f"{100 * sum(sorted(gains)[-count:]) / sum(gains):.0f} %"


def _least_speedup(batch: int) -> str:
    """Return how many times faster than the fastest Keras fp32 loop training is, at one batch size."""
    (entry,) = (e for e in _stored("throughput")["batches"] if e["batch"] == batch)
    ours, *others = entry["contenders"]
    return f"{ours['images_per_second'] / max(c['images_per_second'] for c in others if 'fp32' in c['name']):.2f}"


def _app(what: str, key: str, scale: int) -> str:
    """Return a time of the app, in seconds or (``scale`` 1000) milliseconds."""
    (row,) = (r for r in _stored("app-speed")["figures"] if r["what"] == f"{what} of a BraTS case")
    return f"{row[f'{key}_seconds'] * scale:.{0 if scale > 1 else 1}f}"


#: Name of a single number in the README or the app's page → what writes it.
NUMBERS: dict[str, Callable[[], str]] = {
    **{f"t1c-slices {kind}": partial(_dice_of_type, kind) for kind in ("meningioma", "pituitary", "glioma")},
    **{
        f"{name} {region}": partial(_dice, name, region)
        for name in ("brats-3d", "brats-fast")
        for region in ("WT", "ET")
    },
    **{f"{name} without FLAIR": partial(_lost, name, "FLAIR") for name in ("brats-3d", "brats-fast")},
    **{f"{name} lesion-wise WT": partial(_lesionwise, name, "WT") for name in ("brats-3d", "brats-fast")},
    **{f"tumor-type {protocol}": partial(_type_score, protocol) for protocol in ("grouped", "testing")},
    "tumor-type grouped ece": partial(_type_score, "grouped", "ece"),
    **{f"tumor-type looks {kind}": partial(_looks, kind) for kind in ("glioma", "meningioma", "pituitary")},
    **{f"lgg slice-wise {metric}": partial(_slicewise, metric) for metric in ("dice", "iou")},
    **{f"speedup batch {batch}": partial(_least_speedup, batch) for batch in (2, 16)},
    **{f"vae SSIM {sequence}": partial(_through_latent, sequence) for sequence in ("T1CE", "FLAIR")},
    **{f"vae SSIM fitted {sequence}": partial(_through_latent, sequence, True) for sequence in ("T1CE", "FLAIR")},
    **{f"covered {name}": partial(_covered, name) for name in ("gan-t1c-flair", "synth-from-mask")},
    "covered by patients": partial(_covered, "gan-t1c-flair", True),
    **{f"utility {k} {region}": partial(_useful, k, region) for k, region in ((5, "TC"), (10, "ET"), (20, "ET"))},
    "utility 5 TC of three": partial(_most_useful, 5, "TC"),
    **{
        f"app {what}, {key}": partial(_app, what, key, scale)
        for what, scale in (("first picture", 1), ("next slice", 1000))
        for key in ("median", "worst")
    },
    "sequence alone": partial(_recognised, "alone"),
    "sequence with three others": partial(_recognised, "together with 3"),
    "tumor-type foreign FLAIR": partial(_foreign, "lgg FLAIR slices"),
}


def with_numbers(text: str) -> str:
    """Return a text with its single numbers written anew.

    Raises:
        KeyError: for a name that is not in :data:`NUMBERS`.
    """
    return re.sub(r"<!--=(.+?)-->.*?<!--/-->", lambda m: f"<!--={m[1]}-->{NUMBERS[m[1]]()}<!--/-->", text)


def main() -> None:
    lines = [
        "| bundle | region | unit | mean Dice | 95 % interval | SD | median | n | empty masks | all-empty baseline |",
        "|" + "---|" * 10,
    ]
    for name in shipped_names():
        manifest = Bundle.load(SHIPPED / name).manifest
        if (
            manifest.image is None and manifest.outputs.kind != "types"
        ):  # others: docs/tumor-type.md, docs/generative.md
            lines += score_rows(name)
    speed = json.loads((HERE / "results" / "speed.json").read_text(encoding="utf-8"))
    lines += ["", f"On {speed['cores']} CPU cores, from process start to exit:", ""]
    lines += [
        "| command | median | first run ever (converts the model) | peak memory |",
        "|---|---|---|---|",
        *speed_rows(speed),
        *throughput_lines(),
    ]
    write_text(APP, with_numbers(APP.read_text(encoding="utf-8")))
    text = with_numbers(README.read_text(encoding="utf-8"))
    block = "<!-- figures -->\n" + "\n".join(lines) + "\n<!-- /figures -->"
    write_text(README, re.sub(r"<!-- figures -->.*<!-- /figures -->", lambda _: block, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
