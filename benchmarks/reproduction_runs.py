"""Stored results: training runs, protocols measured without a model, shipped bundles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Numbers = Mapping[str, Any]
NOT_YET = "not measured yet"


@dataclass(frozen=True)
class Stored:
    """Everything below ``benchmarks/results``; what is absent is None.

    Attributes:
        runs: Run → what ``train_runs.py`` stored.
        protocols: Name → what ``measure_protocols.py`` stored.
        bundles: Shipped bundle → its evaluation.
        comparisons: Name → what ``tumorscope compare --json`` wrote.
    """

    runs: Mapping[str, Numbers]
    protocols: Mapping[str, Numbers]
    bundles: Mapping[str, Numbers]
    comparisons: Mapping[str, Numbers] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Stored:
        """Read every JSON file in ``runs/``, ``protocols/``, ``comparisons/`` and ``folder`` itself."""
        own = {name: r for name, r in _read(folder).items() if "scores" in r and "conditions" in r}
        return cls(_read(folder / "runs"), _read(folder / "protocols"), own, _read(folder / "comparisons"))

    def run(self, name: str) -> Numbers | None:
        """Return one run."""
        return self.runs.get(name)

    def protocol(self, name: str) -> Any:
        """Return one measured protocol, or None."""
        return self.protocols.get(name)

    def finding(self, protocol: str, check: str) -> Any:
        """Return one finding of an audit, or None."""
        return next((f for f in self.protocols.get(protocol, {}).get("findings", ()) if f["check"] == check), None)

    def baseline(self, protocol: str, name: str, metric: str, policy: str) -> Any:
        """Return one score of a baseline, or None."""
        wanted = {"note": name, "metric": metric, "empty_policy": policy}
        rows = self.protocols.get(protocol, {}).get("scores", ())
        return next((s for s in rows if all(s[k] == v for k, v in wanted.items())), None)

    def setting(self, run: Numbers, key: str) -> str:
        """Return a setting of a run by its dotted name, from the recipe as run or the manifest."""
        for source in (run.get("recipe_as_run", {}), run.get("manifest", {})):
            value: Any = source
            for part in key.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                return _text(value)
        return "not recorded"


def _read(folder: Path) -> dict[str, Numbers]:
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items() if v) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    return str(value)


def find_score(run: Numbers, like: Numbers | None, part: str = "test") -> Any:
    """Return the score of a stored run that ``like`` names (metric, unit; region and empty-mask policy if given).

    A list names several that are alike.

    Returns:
        The score as ``evaluate --json`` writes it; None where the run has none.
    """
    if like is None:
        return None
    keys = {"metric": "metric", "unit": "unit", "region": "region", "empty": "empty_policy"}
    wanted = {keys[k]: v if isinstance(v, list) else [v] for k, v in like.items()}
    for score in run.get(part, {}).get("scores", ()):
        if score["mean"] is not None and all(score[k] in v for k, v in wanted.items()):
            return score
    return None


def same_budget(first: Numbers, second: Numbers) -> bool:
    """Whether two runs differ in their data alone: same pictures' size, network, loss, epochs and starting weights."""
    sections = ("preprocess", "network", "loss", "optimizer", "schedule", "training", "augment")
    start = "initial_weights"
    alike = all(first["recipe_as_run"].get(key) == second["recipe_as_run"].get(key) for key in sections)
    return alike and first["manifest"].get(start) == second["manifest"].get(start)


def interval(score: Numbers) -> str:
    """Write a stored score with its interval, n and the groups resampled; one group alone has no interval."""
    groups = score.get("n_groups", score["n"])
    low, high = score["ci95"] if groups != 1 else (None, None)
    between = "no interval" if low is None else f"95 % interval {low:.3f} to {high:.3f}"
    within = "" if groups == score["n"] else f" in {groups} groups"
    return f"{score['mean']:.3f} ({between}, n = {score['n']}{within})"


def intervals_overlap(first: Numbers, second: Numbers) -> bool:
    """Whether the 95 % intervals of two scores overlap, or one has none."""
    ends = [*first["ci95"], *second["ci95"]]
    if any(end is None for end in ends):
        return True
    return bool(first["ci95"][0] <= second["ci95"][1] and second["ci95"][0] <= first["ci95"][1])


def part_of(run: Numbers) -> str:
    """Return the part that a run was scored on: test where it was."""
    return "test" if "test" in run else "val"


def split_unit(run: Numbers) -> str:
    """Return what was kept together in the split of a run."""
    return str(run.get(part_of(run), {}).get("conditions", {}).get("split_unit", "not recorded"))


def changes(run: Numbers) -> str:
    """Return the recipe values that a run changed, as ``train`` takes them."""
    return ", ".join(f"`{key}: {_yaml(value)}`" for key, value in run.get("overrides", {}).items())


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("...\n").strip()
