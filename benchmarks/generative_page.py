"""Write docs/generative.md from benchmarks/results/generative/*.json; no number there is typed by hand.

python benchmarks/generative_page.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from generative_aims import aims
from generative_made import made, made_by_training, settled
from generative_tables import shown, table, trained

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
which `restoration.py`, `generation.py`, `memorisation.py`, `denoise_effect.py` and `utility.py` measure. Read
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
  patients; distances (FID, KID, precision, recall) have no such interval: beside them stands the range over draws.
- Every model was trained once, with one seed: chance in training is in no figure but those on the use of synthetic
  data.
- Every image is divided by the 99th percentile of its brain; this is the peak of PSNR and the range of SSIM
  (Gaussian window of standard deviation 1.5). SSIM, MS-SSIM, PSNR and NMSE are taken inside the brain only.
- Noise is Rician, its standard deviation per channel in percent of that percentile. It is added to scans that are not
  free of noise themselves. It is scored twice: where it fills the background too, which tells how strong it is, and
  where the background is exactly 0, as in a noisy scan whose skull was removed afterwards.
- K-space is **simulated** from magnitude images without skull, with a smooth random phase, one coil, no noise; random
  Cartesian lines, the central ones always. Scanner data are harder.
- "Input" is what there is without a method: the noisy image, zero-filling, cubic interpolation of thick slices.
- Methods without a network were tuned on validation patients, per size and level, by PSNR, and are told the noise
  level; the network is not.
- "FID (EfficientNet-lite0)" and KID use the pooled features of that network, trained on ImageNet. They are not
  comparable with the FID of papers (Inception). The floor is the distance of real slices of disjoint training patients,
  same n: mean and range over random halvings of them. FID is biased upwards at such n, which draws its ratios to 1; KID
  is not. What a generator that only repeats its training slices would score stands in the last line.
- Precision is the share of made slices that lie among the real ones in these features, recall the share of real ones
  that lie among the made (Kynkäänniemi 2019, k = 3). A model that makes few kinds of slices well has a low recall.
- Memorisation: a slice looks like a copy where it is closer to one training slice (mirrored or not), and closer to it
  than to those of any other patient, than 99 % of real slices of other patients are: both together. The check fails if
  made slices do so more often than those real ones (Fisher's exact test, one-sided, 5 %). It is no proof that nothing
  was learned by heart: what it is able to see is measured on changed training slices.
- Memorisation of `synth-from-mask` is checked twice: painting masks and outlines of the patients it learned from, to
  whom the result is bound to be close, and those of patients it never saw. That of `vae-t1c-flair` is checked on slices
  from noise, which hardly look like a brain: that they are no copies says little.
- The critic of `gan-t1c-flair` sees images through EfficientNet-lite1, a sister of the network that measures: this
  flatters its FID. Distances in the latents of `vae-t1c-flair`, which knows nothing of ImageNet, stand beside it.
"""


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
    for size, chosen in ((size, chosen) for size, chosen in found["tuned"].items() if chosen):
        lines += [f"Parameters, {size}, chosen on {found['tuned_on']}: `{json.dumps(chosen)}`.", ""]
    return [*lines, *trained(found)]


def effect(found: dict[str, Any]) -> list[str]:
    """Return the section on what noise and denoising do to a segmentation."""
    lines = ["## What noise and denoising do to the segmentation", ""]
    rows = []
    for level, kinds in found["levels"].items():
        for kind, scores in kinds.items():
            rows.append([f"{100 * float(level):g} %", kind, *(shown(s) for s in scores.values())])
    regions = list(next(iter(next(iter(found["levels"].values())).values())))
    count = next(iter(next(iter(found["levels"].values())).values()))[regions[0]]["patients"]
    lines += [
        f"Dice of `{found['segmenter']}` on the volumes of {count} test patients, mean over patients (both empty: 1); "
        f"noise in every sequence, inside the brain only; denoised with `{found['denoiser']}`.",
        "",
    ]
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
    done = found["summary"]
    some = next(iter(done.values()))["real"]["WT"]
    share = "; ".join(f"of {k}, {k - max(1, round(0.2 * k))} train" for k in plan["patients"])
    lines = [
        "## Is synthetic data of use?",
        "",
        f"Recipe `{plan['segmentation']}` with k real patients, one fifth of whom validate ({share}); the generator",
        f"(`{plan['generator']}`) saw these alone. Dice of volumes, fixed test list ({some['patients']} patients),",
        "mean over patients and seeds (both empty: 1). A seed draws other patients, and trains generator and",
        "segmentation anew; intervals (95 %) resample seeds and patients. Changed values:",
        f"`{json.dumps(plan['segmentation_overrides'])}`,",
        f"`{json.dumps(plan['generator_overrides'])}`; {plan['styles']} styles per mask, {plan['phantoms']} phantoms.",
        "",
    ]
    rows = []
    for k, arms in done.items():
        for arm, scores in arms.items():
            if isinstance(scores, dict):
                rows.append([k, str(arms["seeds"]), arm, *(shown(scores[r]) for r in ("WT", "TC", "ET"))])
    lines += table(["k", "seeds", "trained on", "WT", "TC", "ET"], rows)
    for k, arms in done.items():
        for region, gain in arms["real+synthetic minus real"].items():
            low, high = gain["ci95"]
            word = "helped" if low > 0 else "hurt" if high < 0 else "made no difference that can be told"
            each = ", ".join(f"{one:+.3f}" for one in gain["per seed"])
            lines += [
                f"- k = {k}, {region}: adding synthetic cases {word} ({shown(gain)}; seed by seed {each}; "
                f"median patient {gain['median patient']:+.3f})."
            ]
    seeds = {k: done.get(str(k), {}).get("seeds", 0) for k in plan["patients"]}
    left = [f"k = {k} with {len(plan['seeds']) - n} further seeds" for k, n in seeds.items() if n < len(plan["seeds"])]
    if left:
        lines += [f"- Planned and not run yet: {', '.join(left)}."]
    return [
        *lines,
        "- The generators of this table keep averaged statistics of batch normalisation, as `synth-from-mask` 1.0;",
        "  training now takes them anew (`GanTask.settle`), so that runs to come are not of the same kind.",
        "- Three seeds are few: resampling them tells little of how other seeds would fall.",
        f"- {3 * len(done)} differences are looked at, so one interval beyond 0 is weaker evidence than it looks.",
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
