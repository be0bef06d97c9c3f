"""What one check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tumorscope.metrics.score import Score


class Severity(StrEnum):
    """How bad a finding is.

    Attributes:
        LEAK: Test results would be too good: the test part is known to training.
        DEFECT: Something in the data is wrong and should be repaired or left out.
        REMARK: Nothing is wrong, but who reads a score must know it.
        OK: Looked for and not found.
    """

    LEAK = "leak"
    DEFECT = "defect"
    REMARK = "remark"
    OK = "ok"


#: A slice: data set ("" for the audited one), case id, position along z.
Place = tuple[str, str, int]


@dataclass(frozen=True)
class Example:
    """One case in point.

    Attributes:
        text: In words.
        places: Slices to show beside it.
    """

    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: Name of the check.
        severity: How bad it is.
        headline: One sentence with the number that matters.
        numbers: Everything counted, by name.
        examples: A few cases in point.
        fix: What to do; "" where there is nothing to do.
        details: More sentences: thresholds, how it was measured.
        scores: Scores, where the check computes any.
    """

    check: str
    severity: Severity
    headline: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    fix: str = ""
    details: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "check": self.check,
            "severity": self.severity.value,
            "headline": self.headline,
            "numbers": dict(self.numbers),
            "examples": [{"text": e.text, "slices": [list(p) for p in e.places]} for e in self.examples],
            "fix": self.fix,
            "details": list(self.details),
            "scores": [s.to_json() for s in self.scores],
        }


def percent(part: int, whole: int) -> str:
    """Return a share for people: "0 %", "0.3 %", "12 %"; "-" of nothing."""
    if whole == 0:
        return "-"
    share = 100 * part / whole
    if part and share < 0.095:
        return "< 0.1 %"
    return (
        f"{share:.1f} %" if 0 < share < 9.95 else f"{share:.0f} %" if part in (0, whole) or share < 99.5 else "> 99 %"
    )
