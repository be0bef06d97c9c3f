"""What the models that repair or make images were meant to reach, and what they reach."""

from __future__ import annotations

from typing import Any

#: What, what was meant, what was found, whether that is enough (None: not measured).
Row = tuple[str, str, str, bool | None]
#: Noise from this level on, least gain in dB, least gain in SSIM at R = 4, least SSIM, most times the floor.
NOISE, GAIN_DB, GAIN_SSIM, SSIM, FLOOR = 0.06, 3.0, 0.08, 0.85, 3.0
SIZE = "128 px"


def aims(stored: dict[str, Any]) -> list[str]:
    """Return the table of aims; rows whose results are not there are left out."""
    rows = [*_restored(stored), *_made(stored), *_useful(stored)]
    if not rows:
        return []
    return [
        "## What was meant, and what is reached",
        "",
        f"On patients never seen, at {SIZE}; 95 % intervals and the rest of the figures below.",
        "",
        "| what | meant | reached | |",
        "|---|---|---|---|",
        *(f"| {what} | {meant} | {found} | {_verdict(met)} |" for what, meant, found, met in rows),
        "",
    ]


def _verdict(met: bool | None) -> str:
    if met is None:
        return "open"
    return "reached" if met else "**missed**"


def _restored(stored: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for title, levels in stored.get("denoise", {}).get("sizes", {}).items():
        if title.startswith(SIZE):
            rows += _denoised(levels, title.removeprefix(SIZE))
    at_four = stored.get("reconstruct", {}).get("sizes", {}).get(SIZE, {}).get("4")
    if at_four:
        gain = at_four["network minus others"]["input"]["ssim"]
        what = "`reconstruct`: gain over zero-filling at acceleration 4"
        rows.append((what, f"≥ {GAIN_SSIM:g} SSIM", _shown(gain), gain["mean"] >= GAIN_SSIM))
    return rows


def _denoised(levels: dict[str, Any], condition: str) -> list[Row]:
    gains = {float(level): methods["network minus others"] for level, methods in levels.items()}
    noisy = {level: gain["input"]["psnr"]["mean"] for level, gain in gains.items() if level >= NOISE}
    rows: list[Row] = []
    if noisy:
        found = ", ".join(f"{value:.2f} dB at {100 * level:g} %" for level, value in noisy.items())
        what = f"`denoise`: gain over the noisy image from {100 * NOISE:g} % noise on{condition}"
        rows.append((what, f"≥ {GAIN_DB:g} dB PSNR", found, min(noisy.values()) >= GAIN_DB))
    tuned = {level: gain["non-local means"]["psnr"] for level, gain in gains.items() if "non-local means" in gain}
    if tuned:
        level, least = min(tuned.items(), key=lambda item: item[1]["ci95"][0])
        found = f"least at {100 * level:g} %: {_shown(least, 2)} dB"
        what = f"`denoise`: better than tuned non-local means at every level{condition}"
        rows.append((what, "interval above 0", found, least["ci95"][0] > 0))
    return rows


def _made(stored: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    vae = stored.get("vae-t1c-flair", {})
    kinds = {"as encoded": vae.get("reconstruction")}
    if "refined" in vae:
        kinds[f"fitted to the slice itself in {vae['refined']['steps']} steps"] = vae["refined"]["fitted"]
    for kind, through in kinds.items():
        if not through:
            continue
        ssim = {sequence: scores["ssim"] for sequence, scores in through["scores"].items()}
        what = f"`vae-t1c-flair`: SSIM inside the brain, {through['compression']:g} times smaller latent, {kind}"
        found = ", ".join(f"{sequence} {_shown(score)}" for sequence, score in ssim.items())
        found += f"; {next(iter(ssim.values()))['n']} slices"
        rows.append((what, f"≥ {SSIM:g}", found, min(score["mean"] for score in ssim.values()) >= SSIM))
    if stored.get("gan-t1c-flair") or rows:
        rows.append(_from_noise(stored.get("gan-t1c-flair")))
    checks = {
        f"`{name}`{kind.removeprefix('memorisation')}": check["passed"]
        for name, found in stored.items()
        for kind, check in found.items()
        if kind.startswith("memorisation") and name == found["bundle"]
    }
    if checks:
        found = "; ".join(f"{name} {'passed' if passed else 'failed'}" for name, passed in checks.items())
        rows.append(("memorisation, every measured model that makes images", "passed", found, all(checks.values())))
    return rows


def _from_noise(gan: dict[str, Any] | None) -> Row:
    what, meant = (
        "`gan-t1c-flair`: FID (EfficientNet-lite0) to unseen patients, against the floor",
        f"≤ {FLOOR:g} times",
    )
    if gan is None:
        return what, meant, "not measured", None
    (one,) = (d for d in gan["distances"] if d["features"] == "EfficientNet-lite0")
    return what, meant, times_floor(one), ratio(one) <= FLOOR


def unseen(distances: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return mean and range of one measure of made slices against unseen patients'."""
    return dict(distances["sets"]["made vs unseen patients"][kind])


def floor(distances: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return mean and range of the same measure of real slices of two groups of patients."""
    (found,) = (values[kind] for name, values in distances["sets"].items() if name.endswith("(floor)"))
    return dict(found)


def ratio(distances: dict[str, Any], kind: str = "FID") -> float:
    """Return how many times as far made slices lie from unseen patients' as real slices of two groups do."""
    return float(unseen(distances, kind)["mean"]) / float(floor(distances, kind)["mean"])


def times_floor(distances: dict[str, Any]) -> str:
    """Return both ratios to the floor in words, with what they would be at both ends of the floor's range."""
    words = []
    for kind, digits in (("FID", 2), ("KID", 1)):
        made, (low, high) = float(unseen(distances, kind)["mean"]), floor(distances, kind)["range"]
        ends = f"{made / high:.{digits}f} to {made / low:.{digits}f}"
        words.append(f"{kind} {ratio(distances, kind):.{digits}f} ({ends} over the floor's draws)")
    return ", ".join(words)


def _useful(stored: dict[str, Any]) -> list[Row]:
    gain = stored.get("utility", {}).get("summary", {}).get("5", {}).get("real+synthetic minus real")
    if not gain:
        return []
    found = ", ".join(f"{region} {_shown(score)}" for region, score in gain.items() if isinstance(score, dict))
    met = all(score["ci95"][0] > 0 for score in gain.values() if isinstance(score, dict))
    return [("Dice gained by adding synthetic cases to 5 real patients", "intervals above 0", found, met)]


def _shown(score: dict[str, Any], digits: int = 3) -> str:
    low, high = score["ci95"]
    return f"{score['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
