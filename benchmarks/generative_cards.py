"""Put what was measured into manifest and card of the shipped bundles that repair or make images.

python benchmarks/generative_cards.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generative_aims import SIZE, ratio
from image_sets import RESULTS

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.card import render_card
from tumorscope.core.files import write_text
from tumorscope.recipes.recipe import read_recipe

#: Bundle → version of the weights.
VERSIONS = {
    "denoise": "1.1",
    "reconstruct": "1.0",
    "thin-slices": "1.0",
    "vae-t1c-flair": "1.1",
    "gan-t1c-flair": "1.0",
    "synth-from-mask": "1.0",
}
#: Bundle → level at which it is shown, what it repairs, and the method it is shown beside.
REPAIRED = {
    "denoise": ("0.06", "6 % noise", "non-local means"),
    "reconstruct": ("4", "acceleration 4", "input"),
    "thin-slices": ("5", "5 slices per slice", "input"),
}
ON = "fixed test list"


def row(metric: str, region: str, score: dict[str, Any], on: str) -> dict[str, Any]:
    """Return one line of a card."""
    kept = {"mean": score["mean"], "ci95": score.get("ci95", [None, None]), "n": score["n"]}
    return {"metric": metric, "region": region, "unit": "slice", **kept, "on": on}


def repaired(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    level, words, beside = REPAIRED[found["bundle"]]
    named = "the input" if beside == "input" else f"tuned {beside}"
    for size, levels in found["sizes"].items():
        for quality, unit in (("psnr", "PSNR in dB"), ("ssim", "SSIM")):
            on = f"{ON}, {levels[level]['network'][quality]['patients']} patients, {size}"
            yield row(f"{unit}, inside the brain", words, levels[level]["network"][quality], on)
            yield row(f"{unit}, more than {named}", words, levels[level]["network minus others"][beside][quality], on)


def made(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "reconstruction" in found:
        kinds = {"as encoded": found["reconstruction"]}
        if "refined" in found:
            kinds[f"fitted in {found['refined']['steps']} steps"] = found["refined"]["fitted"]
        for kind, through in kinds.items():
            for sequence, scores in through["scores"].items():
                on = f"{ON}, {scores['ssim']['patients']} patients, {SIZE}"
                yield row(f"SSIM through the latent, {kind}", sequence, scores["ssim"], on)
    (one,) = (d for d in found["distances"] if d["features"] == "EfficientNet-lite0")
    for kind in ("FID", "KID"):
        score = {"mean": round(ratio(one, kind), 4), "n": one["n"]}
        yield row(f"{kind} (EfficientNet-lite0), times the floor", "slices from noise or masks", score, f"{ON}, {SIZE}")
    for kind in (n for n in found if n.startswith("memorisation")):
        check = found[kind]
        copies = {"mean": round(check["copies"] / check["made"], 4), "n": check["made"]}
        what = f"share that looks like a training slice ({'passed' if check['passed'] else 'FAILED'})"
        yield row(what, f"made slices{kind.removeprefix('memorisation')}", copies, "training patients")


def main() -> None:
    """Write both files of every bundle whose results are there."""
    for name, version in VERSIONS.items():
        found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        bundle = Bundle.load(name)
        if found["training"]["seconds"] != bundle.manifest.training.manifest["seconds"]:
            raise SystemExit(f"the results of {name} are of other weights than those that ship: measure them")
        scores = list((repaired if name in REPAIRED else made)(found))
        changed = {"version": version, "scores": scores, "limits": list(read_recipe(name).limits)}
        manifest = bundle.manifest.model_copy(update=changed)
        text = json.dumps(manifest.model_dump(mode="json"), indent=1)
        write_text(bundle.folder / "bundle.json", text + "\n")
        write_text(bundle.folder / "card.md", render_card(manifest))


if __name__ == "__main__":
    main()
