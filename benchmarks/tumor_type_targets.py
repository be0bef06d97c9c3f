"""What the tumour-type classifier was meant to reach, what it reaches, and what the figures say of the reason."""

from __future__ import annotations

from typing import Any

from scipy.stats import binomtest

#: (what, protocol, score, limit, whether it is a lower limit)
TARGETS = (
    ("accuracy, Testing folder (the paper's claim, S3-24)", "testing", "accuracy", 0.9939, True),
    ("accuracy, Testing without near copies in Training", "testing-without-copies", "accuracy", 0.97, True),
    ("accuracy, grouped split", "grouped", "accuracy", 0.96, True),
    ("ECE, grouped split", "grouped", "ece", 0.02, False),
)
#: Milliseconds per slice after load.
MOST_MS = 20


def share(value: float, n: int) -> str:
    """Return a share of n pictures with its 95 % Wilson interval."""
    low, high = binomtest(round(value * n), n).proportion_ci(method="wilson")
    return f"{value:.2f} ({low:.2f}–{high:.2f})"


def targets(found: dict[str, Any]) -> list[str]:
    """Return the table of targets, and why some are missed."""
    rows = {r["protocol"]: r for r in found["models"] if r["model"] == "tumor-type"}
    lines = [
        "## What was meant, and what is reached",
        "",
        "| what | meant | reached (95 % interval) | |",
        "|---|---|---|---|",
    ]
    for what, protocol, metric, limit, lower in TARGETS:
        s = next(s for s in rows[protocol]["scores"] if (s["metric"], s["region"]) == (metric, "all"))
        low, high = s["ci95"]
        met = s["mean"] >= limit if lower else s["mean"] <= limit
        inside = low <= limit <= high
        verdict = ("reached" if met else "missed") + (", but the interval holds the limit" if inside else "")
        sign = "≥" if lower else "≤"
        lines.append(f"| {what} | {sign} {limit:g} | {s['mean']:.3f} ({low:.3f}–{high:.3f}) | {verdict} |")
    engine = found["latency"]["openvino"]
    verdict = "reached" if engine["median ms"] <= MOST_MS else "missed"
    lines.append(f"| ms per slice on a CPU, after load | ≤ {MOST_MS} | {engine['median ms']:.1f} | {verdict} |")
    return [*lines, "", *_reasons(found, rows), ""]


def _reasons(found: dict[str, Any], rows: dict[str, Any]) -> list[str]:
    grouped, testing, names = rows["grouped"], rows["testing"], found["names"]
    glioma, meningioma = grouped["confusion"][names.index("glioma")], grouped["confusion"][names.index("meningioma")]
    of_glioma, of_meningioma = glioma[names.index("meningioma")], meningioma[names.index("pituitary")]
    wrong = sum(sum(row) - row[k] for k, row in enumerate(grouped["confusion"]))
    missed = sum(sum(row) - row[k] for k, row in enumerate(testing["confusion"]))
    of_testing = sum(testing["confusion"][names.index("meningioma")]) - testing["confusion"][1][1]
    fit, score = grouped["validation"], {s["metric"]: s["mean"] for s in grouped["scores"] if s["region"] == "all"}
    look_up = next(
        s["mean"]
        for r in found["baselines"]
        if (r["model"], r["protocol"]) == ("nearest-neighbour-features", "testing")
        for s in r["scores"]
        if s["metric"] == "accuracy"
    )
    engine = found["latency"]["openvino"]
    return [
        f"- Grouped split: {of_glioma} of {sum(glioma)} gliomas are called meningioma and {of_meningioma} of "
        f"{sum(meningioma)} meningiomas pituitary",
        f"  adenoma: {of_glioma + of_meningioma} of the {wrong} errors. Each tumour type is tested on one block of "
        "patients, gliomas on a batch",
        f"  of which none trains (below). On the validation pictures the accuracy is {fit['validation accuracy']:.3f}: "
        "their gliomas are of the batch that trains.",
        f"- ECE: the temperature gives {fit['ece after']:.3f} on the validation pictures; on the test blocks the model "
        f"is too sure ({score['ece']:.3f}).",
        f"  Silence does not mend it: {grouped['accuracy of answers given']:.3f} of the answers it gives are right, "
        f"{score['accuracy']:.3f} of all. Its probabilities hold for pictures like",
        "  those it was trained on, not for another source.",
        f"- Testing folder: {missed} pictures are wrong, {of_testing} of them meningiomas. A look-up of the nearest "
        f"training picture reaches {look_up:.3f}",
        "  there: the folder measures copies more than types.",
        f"- Speed: the fastest of {engine['rounds']} rounds; the slowest, beside other work on the same cores, "
        f"{engine['median ms of the slowest round']:.1f} ms.",
    ]
