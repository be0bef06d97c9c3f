"""Write docs/generative.md from benchmarks/results/generative/*.json; no number there is typed by hand.

python benchmarks/generative_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generative_aims import aims, times_floor

from tumorscope.bundles.bundle import shipped_names
from tumorscope.core.files import write_text
from tumorscope.metrics.image_quality import QUALITIES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "generative"
PAGE = ROOT / "docs" / "generative.md"
RESTORED = ("denoise", "reconstruct", "thin-slices")
MADE = ("vae-t1c-flair", "gan-t1c-flair", "gan-t1c-flair-64", "synth-from-mask")
HEAD = """# Images repaired and images made

Denoising, reconstruction and synthesis, with the numbers measured (paper S4 of [the reproduction](reproduction.md)
claims all three and prints none). Written by `benchmarks/generative_page.py` from `benchmarks/results/generative`,
which `restoration.py`, `generation.py`, `denoise_effect.py` and `utility.py` measure. Read
[ethics.md](ethics.md) before you use any of it.

    tumorscope denoise scans/patient7 -o out                  # Rician noise; --method nlm or tv: no network
    tumorscope reconstruct scan_flair.nii.gz --acceleration 4 -o out   # simulated k-space; or an .h5 file with kspace
    tumorscope reconstruct scan_flair.nii.gz --thin 5 -o out       # thin slices from thick ones
    tumorscope enhance scan_t1.nii.gz -o out                       # N4 bias field, contrast
    tumorscope synth --bundle gan-t1c-flair --count 16 -o out      # slices from noise; vae-t1c-flair too
    tumorscope synth scans/patient7 --bundle vae-t1c-flair --refine 200 -o out  # a slice through the latent
    tumorscope synth --phantoms 5 -o out                           # cases painted from tumour masks
    tumorscope reader-study --real DIR --synthetic DIR -o study    # can people tell them apart?
    tumorscope train denoise --data BraTS -o runs/denoise          # and reconstruct, thin-slices, vae-t1c-flair, …

## How it is measured

- Test: the fixed list of BraTS patients, which trained, validated and tuned nothing. Intervals (95 %) resample
  patients.
- Every image is divided by the 99th percentile of its brain; this is the peak of PSNR and the range of SSIM
  (Gaussian window of standard deviation 1.5). SSIM, MS-SSIM, PSNR and NMSE are taken inside the brain only.
- Noise is Rician, its standard deviation per channel in percent of that percentile. It is added to scans that are not
  free of noise themselves.
- K-space is **simulated** from magnitude images, with a smooth random phase, one coil, no noise; random Cartesian
  lines, the central ones always. Scanner data are harder.
- Methods without a network were tuned on validation patients, per level, by PSNR, and are told the noise level; the
  network is not.
- "FID (EfficientNet-lite0)" and KID use the pooled features of that network, trained on ImageNet. They are not
  comparable with the FID of papers (Inception). The floor is the distance of real slices of disjoint training patients,
  same n: mean and range over random halvings of them. FID is biased upwards at such n, which draws its ratios to 1; KID
  is not. What a generator that only repeats its training slices would score stands in the last line.
- Precision is the share of made slices that lie among the real ones in these features, recall the share of real ones
  that lie among the made (Kynkäänniemi 2019, k = 3). A model that makes few kinds of slices well has a low recall.
- Memorisation of `synth-from-mask` is checked twice: painting masks and outlines of the patients it learned from, to
  whom the result is bound to be close, and those of patients it never saw.
- The critic of `gan-t1c-flair` sees images through EfficientNet-lite1, a sister of the network that measures: this
  flatters its FID. Distances in the latents of `vae-t1c-flair`, which knows nothing of ImageNet, stand beside it.
"""


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def shown(score: dict[str, Any], digits: int = 3) -> str:
    low, high = score["ci95"]
    return f"{score['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def restored(found: dict[str, Any]) -> list[str]:
    """Return the tables of one restoring bundle."""
    lines = [f"## `{found['bundle']}`", ""]
    rician = found["degradation"]["name"] == "rician"
    for size, levels in found["sizes"].items():
        rows = []
        for level, methods in levels.items():
            name = f"{100 * float(level):g} %" if rician else level
            for method, scores in methods.items():
                if method == "network minus others":
                    continue
                cells = [shown(scores[q], 2 if q == "psnr" else 3) for q in QUALITIES]
                rows.append([name, f"**{method}**" if method == "network" else method, *cells])
        some = next(iter(next(iter(levels.values())).values()))["psnr"]
        lines += [f"### {size}: {some['n']} slices of {some['patients']} patients", ""]
        lines += table([found["level_unit"], "method", *(words for words, _ in QUALITIES.values())], rows)
        lines += ["Network minus the others (paired; the interval tells whether the gain is real):", ""]
        rows = [
            [f"{100 * float(level):g} %" if rician else level, name, shown(s["psnr"], 2), shown(s["ssim"])]
            for level, methods in levels.items()
            for name, s in methods["network minus others"].items()
        ]
        lines += table([found["level_unit"], "against", "PSNR (dB)", "SSIM"], rows)
    if found["tuned"]:
        lines += [f"Parameters, chosen on {found['tuned_on']}: `{json.dumps(found['tuned'])}`.", ""]
    return [*lines, *trained(found)]


def trained(found: dict[str, Any]) -> list[str]:
    run = found["training"]
    if not run.get("seconds"):
        return []
    device = "a CPU" if run["device"] == "cpu" else run["device"]
    return [
        f"Trained {run['seconds'] / 60:.0f} minutes of {device}, {run['epochs_run'][0]} epochs, kept "
        f"{run['best_epoch'][0]}.",
        "",
    ]


def made(found: dict[str, Any]) -> list[str]:
    """Return the section of one generative bundle."""
    lines = [f"## `{found['bundle']}`, {found['size'][0]}×{found['size'][1]} px", ""]
    if found["bundle"] not in shipped_names():
        lines += [made_by_training(found["bundle"]), ""]
    for one in found["distances"]:
        rows = [[title, *map(ranged, values.values())] for title, values in one["sets"].items()]
        names = [f"{kind} ({one['features']})" for kind in next(iter(one["sets"].values()))]
        lines += table([f"sets of {one['n']} slices", *names], rows)
        lines += [f"Times the floor, slices of unseen patients: {times_floor(one)}.", ""]
    if "reconstruction" in found:
        lines += through_latent(found)
    lines += ["Statistics per slice, mean (SD); distance: Wasserstein; floor: of real slices of disjoint patients.", ""]
    rows = [
        [
            r["statistic"],
            f"{r['real'][0]:.3f} ({r['real'][1]:.3f})",
            f"{r['made'][0]:.3f} ({r['made'][1]:.3f})",
            f"{r['distance']:.3f}",
            f"{r['floor']:.3f}",
        ]
        for r in found["statistics"]
    ]
    lines += table(["statistic", "real", "made", "distance", "floor"], rows)
    for name in (n for n in found if n.startswith("memorisation")):
        lines += [checked(name, found[name]), ""]
    if "curve" in found:
        steps = found["curve"][:: max(1, len(found["curve"]) // 8)]
        what = "loss of the reconstruction" if found["task"] == "vae" else "Fréchet distance"
        lines += [f"Learning curve, {what} on validation slices by epoch: "]
        lines[-1] += (
            ", ".join(f"{epoch}: {value:.4g}" for epoch, value in dict([*steps, found["curve"][-1]]).items()) + "."
        )
        first, second = (epoch for epoch, _ in found["curve"][:2])
        if first > second - first:
            lines[-1] += " Earlier validations are left out: their statistics did not fit the averaged weights."
        lines += [""]
    return [*lines, *trained(found)]


def made_by_training(name: str) -> str:
    return f"No weights of `{name}` ship; `tumorscope train {name} --data BraTS -o runs/mine` makes some."


def settled(found: dict[str, Any]) -> list[str]:
    """Return what is known of the same weights with other statistics, which do not ship."""
    (one,) = (d for d in found["distances"] if d["features"] == "EfficientNet-lite0")
    return [
        "The same weights with statistics of batch normalisation taken anew, as training does now, do not ship: "
        "painting the masks of patients they learned from, they come closer to them. "
        f"Times the floor, slices of unseen patients: {times_floor(one)}.",
        "",
        *(line for name in found if name.startswith("memorisation") for line in (checked(name, found[name]), "")),
    ]


def ranged(score: dict[str, Any]) -> str:
    """Return a mean with its range."""
    low, high = score["range"]
    return f"{score['mean']:.4g} ({low:.4g} to {high:.4g})"


def checked(name: str, check: dict[str, Any]) -> str:
    """Return the verdict of a memorisation check in words."""
    low, high = check["interval"]
    verdict = "passed" if check["passed"] else "FAILED"
    return (
        f"{name.capitalize()}: **{verdict}**. {check['copies']} of {check['made']} made slices lie as close to one "
        f"training patient (mirrored or not) as 1 % of {check['held-out slices']} real slices of other patients do "
        f"(95 % interval of the share: {low:.4f} to {high:.4f}); {check['pixels']}."
    )


def through_latent(found: dict[str, Any]) -> list[str]:
    """Return the tables of what a latent keeps: as encoded, and fitted by gradient steps."""
    part = found["reconstruction"]
    columns = ["sequence", *(words for words, _ in QUALITIES.values())]

    def rows(scores: dict[str, Any], *first: str) -> list[list[str]]:
        cells = {n: [shown(s[q], 2 if q == "psnr" else 3) for q in QUALITIES] for n, s in scores.items()}
        return [[*first, name, *row] for name, row in cells.items()]

    lines = [f"Through the latent ({part['compression']:g} times smaller), unseen patients, inside the brain:", ""]
    lines += table(columns, rows(part["scores"]))
    if "refined" in found:
        kinds = {k: v for k, v in found["refined"].items() if k != "steps"}
        some = next(iter(kinds["fitted"]["scores"].values()))["psnr"]
        steps = found["refined"]["steps"]
        lines += [
            f"The same latent, moved by {steps} gradient steps to where the decoder returns the slice best (`--refine "
            f"{steps}`; {kinds['fitted']['seconds']:.1f} s of one core a slice where it was measured), {some['n']} "
            f"slices of {some['patients']} patients. Number and size of the steps were chosen on validation slices "
            "(`--try-steps`). The fit looks at the very slice that is then scored and optimises SSIM and mean error "
            "themselves: it shows what the latent can hold, not what the encoder finds.",
            "",
            *table(["latent", *columns], [row for kind, one in kinds.items() for row in rows(one["scores"], kind)]),
        ]
    return lines


def effect(found: dict[str, Any]) -> list[str]:
    """Return the section on what noise and denoising do to a segmentation."""
    lines = ["## What noise and denoising do to the segmentation", ""]
    rows = []
    for level, kinds in found["levels"].items():
        for kind, scores in kinds.items():
            rows.append([f"{100 * float(level):g} %", kind, *(shown(s) for s in scores.values())])
    regions = list(next(iter(next(iter(found["levels"].values())).values())))
    lines += [f"Dice of `{found['segmenter']}` per patient (both empty: 1); noise in every sequence.", ""]
    lines += table(["noise", "input", *regions], rows)
    rows = [
        [f"{100 * float(level):g} %", *(shown(s) for s in scores.values())]
        for level, scores in found["denoised minus noisy"].items()
    ]
    lines += ["Denoised minus noisy, paired:", ""]
    return [*lines, *table(["noise", *regions], rows)]


def utility(found: dict[str, Any]) -> list[str]:
    """Return the section on the use of synthetic data."""
    plan = found["plan"]
    lines = [
        "## Is synthetic data of use?",
        "",
        f"Recipe `{plan['segmentation']}` with k real patients; the generator (`{plan['generator']}`) saw these alone.",
        "Dice on the fixed test list, all seeds together. Changed values:",
        f"`{json.dumps(plan['segmentation_overrides'])}`,",
        f"`{json.dumps(plan['generator_overrides'])}`; {plan['styles']} styles per mask, {plan['phantoms']} phantoms.",
        "",
    ]
    rows = []
    for k, arms in found["summary"].items():
        for arm, scores in arms.items():
            if isinstance(scores, dict):
                rows.append([k, str(arms["seeds"]), arm, *(shown(scores[r]) for r in ("WT", "TC", "ET"))])
    lines += table(["k", "seeds", "trained on", "WT", "TC", "ET"], rows)
    for k, arms in found["summary"].items():
        gain = arms.get("real+synthetic minus real")
        for region in ("WT", "TC", "ET") if gain else ():
            low, high = gain[region]["ci95"]
            word = "helped" if low > 0 else "hurt" if high < 0 else "made no difference that can be told"
            lines += [f"- k = {k}, {region}: adding synthetic cases {word} ({shown(gain[region])})."]
    seeds = {k: found["summary"].get(str(k), {}).get("seeds", 0) for k in plan["patients"]}
    left = [f"k = {k} with {len(plan['seeds']) - n} further seeds" for k, n in seeds.items() if n < len(plan["seeds"])]
    if left:
        lines += [f"- Planned and not run yet: {', '.join(left)}."]
    return [
        *lines,
        "- The generators of this table keep averaged statistics of batch normalisation, as `synth-from-mask` 1.0;",
        "  training now takes them anew (`GanTask.settle`), so that runs to come are not of the same kind.",
        "- Intervals resample patients, not seeds: where few seeds ran, chance in training is not in them.",
        "- Three regions are looked at, so one interval beyond 0 is weaker evidence than it looks.",
        "",
    ]


def page(results: Path = RESULTS) -> str:
    """Return the page; what was not measured yet is said."""
    stored = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted(results.glob("*.json"))}
    lines = [HEAD, *aims(stored)]
    sections = [(n, restored) for n in RESTORED] + [(n, made) for n in MADE]
    sections += [("denoise-effect", effect), ("utility", utility)]
    for name, section in sections:
        if name in stored:
            lines += section(stored[name])
        if f"{name}-settled" in stored:
            lines += settled(stored[f"{name}-settled"])
    missing = [name for name, _ in sections if name not in stored]
    if missing:
        lines += ["## Not measured yet", "", ", ".join(f"`{name}`" for name in missing) + ".", ""]
        unshipped = [name for name in missing if name in MADE and name not in shipped_names()]
        lines += [line for name in unshipped for line in (made_by_training(name), "")]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    write_text(PAGE, page())


if __name__ == "__main__":
    main()
