"""Numbers as the pages on image models print them."""

from __future__ import annotations

from typing import Any

from tumorscope.recipes.recipe import read_recipe


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
    (epochs,) = run["epochs_run"]
    planned = read_recipe(found["bundle"]).training.epochs
    stopped = "" if epochs == planned else f" (stopped before the recipe's {planned})"
    minutes = f"{run['seconds'] / 60:.0f} minutes of {device}"
    return [f"Trained {minutes}, {epochs} epochs{stopped}, kept {run['best_epoch'][0]}.", ""]
