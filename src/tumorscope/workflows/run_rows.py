"""What a comparison says about each of its runs."""

from __future__ import annotations

from typing import Any

from tumorscope.workflows.candidates import Candidate


def run_row(candidate: Candidate) -> dict[str, Any]:
    """Return its name, where it is from and what it is."""
    row: dict[str, Any] = {"name": candidate.name, "source": candidate.source}
    conditions = candidate.evaluation["conditions"]
    if candidate.bundle is None:
        return {**row, "kind": "stored evaluation", "bundle": conditions.get("bundle")}
    manifest = candidate.bundle.manifest
    split = manifest.training.split
    return {
        **row,
        "kind": "bundle",
        "bundle": manifest.name,
        "title": manifest.title,
        "network": manifest.network,
        "trained_on": manifest.training.dataset,
        "training_split_unit": split.get("unit"),
        "training_split_hash": split.get("hash"),
        "runtime": conditions.get("runtime"),
        "test_time_augmentation": conditions.get("test_time_augmentation"),
    }
