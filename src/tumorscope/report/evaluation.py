"""The result of an evaluation, for machines and for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tumorscope.metrics import CaseScore, EmptyPolicy, Score, TumourFree, render_scores


@dataclass(frozen=True)
class Evaluation:
    """Scores and everything that must stand beside them.

    Attributes:
        scores: One per unit, region, empty-mask policy and metric.
        cases: Per-case scores.
        conditions: Data set, split, bundle, version, overlap.
        policies: Empty-mask policies, that of the case rows first.
        failed: Case id → why it has no score.
        tumour_free: False alarms on slices without tumour, one per region.
    """

    scores: list[Score]
    cases: list[CaseScore]
    conditions: dict[str, Any]
    policies: tuple[EmptyPolicy, ...]
    failed: dict[str, str] = field(default_factory=dict)
    tumour_free: list[TumourFree] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 if every case was scored, else 1."""
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        metrics = list(dict.fromkeys(s.metric for s in self.scores))
        return {
            "scores": [s.to_json() for s in self.scores],
            "cases": [c.row(self.policies[0], metrics, slices=False) for c in self.cases],
            "tumour_free_slices": [t.to_json() for t in self.tumour_free],
            "conditions": {**self.conditions, "failed": self.failed},
        }

    def render(self) -> str:
        """Return the table for people."""
        lines = [f"{key.replace('_', ' ')}: {value}" for key, value in self.conditions.items()]
        lines += [f"not scored: {case}: {reason}" for case, reason in self.failed.items()]
        lines += ["", render_scores(self.scores)]
        if self.tumour_free:
            lines += ["", "False alarms on tumour-free slices (every slice along z whose reference lacks the region):"]
            lines += [f"  {one.line}" for one in self.tumour_free]
        return "\n".join(lines)
