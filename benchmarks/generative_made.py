"""The sections of docs/generative.md on models that make images."""

from __future__ import annotations

from typing import Any

from generative_aims import times_floor
from generative_tables import ranged, shown, table, trained

from tumorscope.bundles.bundle import shipped_names
from tumorscope.metrics.image_quality import QUALITIES

#: Where a memorisation check keeps what it is able to see.
CONTROLS = "changed training slices taken for copies"


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
        lines += checked(name, found[name])
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
        *(line for name in found if name.startswith("memorisation") for line in checked(name, found[name])),
    ]


def checked(name: str, check: dict[str, Any]) -> list[str]:
    """Return the verdict of a memorisation check in words, the distances it rests on, and what it is able to see."""
    verdict = "passed" if check["passed"] else "FAILED"
    seen = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in check[CONTROLS].items())
    rows = [[title, *(f"{q:.3f}" for q in values)] for title, values in check["quantiles"].items()]
    return [
        f"{name.capitalize()}: **{verdict}**. {check['copies']} of {check['made']} made slices look like copies of a "
        f"training slice, and {check['copies by chance']} of {check['held-out slices']} real slices of other patients "
        f"(so many more by chance: p {check['p']:.2g}; {check['training slices']} training slices; {check['pixels']}). "
        f"Changed training slices that the check takes for copies: {seen}.",
        "",
        *table(["to the nearest training slice", "1 % quantile", "10 %", "50 %"], rows),
    ]


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
