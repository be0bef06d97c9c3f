"""Numbers as the pages on image models print them."""

from __future__ import annotations

from typing import Any


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


def ranged(score: dict[str, Any]) -> str:
    """Return a mean with its range."""
    low, high = score["range"]
    return f"{score['mean']:.4g} ({low:.4g} to {high:.4g})"


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
