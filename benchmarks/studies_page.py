"""Write the figures of docs/studies.md from benchmarks/results/studies.json and sequences.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tumorscope.core.files import write_text

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "studies.md"
MARK = "<!-- figures: written by benchmarks/studies_page.py -->"


def figures(results: Path = HERE / "results") -> str:
    """Return the page's last part."""
    told = json.loads((results / "sequences.json").read_text(encoding="utf-8"))
    lines = [
        "Sequence by the image alone, BraTS patients the classifier never saw (right of n):",
        "",
        "| images looked at together | held-out folds | fixed test list |",
        "|---|---|---|",
    ]
    for k, name in enumerate(told["held_out"], 1):
        a, b = told["held_out"][name], told["test_list"][name]
        lines.append(f"| {k} | {a['right']} of {a['n']} | {b['right']} of {b['n']} |")
    path = results / "studies.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for part in (_flags, _registration, _brains):
        lines += part(found)
    return "\n".join(lines) + "\n"


def _flags(found: dict[str, Any]) -> list[str]:
    if "flags" not in found:
        return []
    f = found["flags"]
    normal = f["normal_studies"] + f["normal_phantoms"]
    lines = [
        "",
        f"Input flag on {f['normal_studies']} normal BraTS studies ({f['of_the_test_list']} of the test list) and "
        f"{f['normal_phantoms']} phantoms, each with four sequences and with T1CE and FLAIR only: "
        f"{len(f['false_alarms'])} false alarms in {2 * normal}. On spoilt studies:",
        "",
        "| spoilt | flagged |",
        "|---|---|",
    ]
    return lines + [f"| {name} | {c['flagged']} of {c['n']} |" for name, c in f["caught"].items()]


def _registration(found: dict[str, Any]) -> list[str]:
    if "registration" not in found:
        return []
    r = found["registration"]
    return [
        "",
        f"Registration of T1, T2 and FLAIR to T1CE after known moves ({r['n']} pairs, up to 12° about and 15 mm "
        f"along each axis): median error {r['median_mm']} mm and {r['median_deg']}°, worst {r['worst_mm']} mm and "
        f"{r['worst_deg']}°; {r['cpu_seconds']} s of processor time each.",
    ]


def _brains(found: dict[str, Any]) -> list[str]:
    if "brain_mask_dice" not in found:
        return []
    b = found["brain_mask_dice"]
    return [
        "",
        f"Brain mask in T1 and T1CE of re-skulled heads ({b['n']} scans, phantom and BraTS brains): mean Dice "
        f"{b['mean']}, worst {b['worst']}.",
    ]


if __name__ == "__main__":
    start = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    write_text(PAGE, f"{start}{MARK}\n{figures()}")
