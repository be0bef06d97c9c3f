"""``papers.yaml``, read with every key checked: an unquoted comma inside ``{…}`` would else make a key unseen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PAPER = {
    "system",
    "named",
    "claim",
    "protocol",
    "leaks",
    "audit",
    "headline",
    "runs",
    "claims",
    "pairs",
    "note",
    "other_reading",
}
CLAIM = {"id", "part", "quantity", "value", "like"}
LIKE = {"metric", "region", "unit", "empty"}
PAIR = {"id", "dice", "iou", "classes", "class_dice"}
COMPARISON = {"title", "asks", "runs"}
TRAP = {"prints", "check", "of", "full_copy"}
REFERENCE = {"name", "source", "data", "part", "WT", "TC", "ET", "mean", "tumor", "note", "cited"}


def load_papers(path: Path) -> dict[str, Any]:
    """Read what the papers print.

    Raises:
        ValueError: naming the entry, if it has a key that nothing reads.
    """
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    _known("the file", content, {"papers", "traps", "references", "comparisons"})
    for name, paper in content["papers"].items():
        _known(name, paper, PAPER)
        _known(f"{name}.runs", paper["runs"], {"paper", "ours"})
        for claim in paper["claims"]:
            _known(claim["id"], claim, CLAIM)
            _known(f"{claim['id']}.like", claim.get("like") or {}, LIKE)
        for pair in paper["pairs"]:
            _known(pair["id"], pair, PAIR)
        _known(f"{name}.other_reading", paper.get("other_reading", {}).get("like", {}), LIKE)
    for name, comparison in content["comparisons"].items():
        _known(name, comparison, COMPARISON)
    for name, trap in content["traps"].items():
        _known(name, trap, TRAP)
    for reference in content["references"]:
        _known(reference["name"], reference, REFERENCE)
    return content


def _known(where: str, entry: Mapping[str, Any], keys: set[str]) -> None:
    unknown = sorted(map(str, set(entry) - keys))
    if unknown:
        raise ValueError(
            f"papers.yaml, {where}: unknown keys {', '.join(unknown)}; known are {', '.join(sorted(keys))}"
        )
