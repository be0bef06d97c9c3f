"""The outcome of an audit, for machines and for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tumorscope.audit import CHECKS
from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Finding, Severity

_MARKS = {Severity.LEAK: "LEAK", Severity.DEFECT: "DEFECT", Severity.REMARK: "remark", Severity.OK: "ok"}


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes:
        conditions: Data set, folder, split, numbers of cases, what was left out, seconds.
        findings: Worst first.
    """

    conditions: Mapping[str, Any]
    findings: tuple[Finding, ...]
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def leaks(self) -> list[Finding]:
        """Findings that make test results too good."""
        return [f for f in self.findings if f.severity is Severity.LEAK]

    @property
    def verdict(self) -> str:
        """The outcome in plain words."""
        return verdict(self.findings)

    def exit_code(self, *, strict: bool) -> int:
        """Return 1 for leaks when ``strict``, else 0."""
        return 1 if strict and self.leaks else 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        worst = min((list(Severity).index(f.severity) for f in self.findings), default=len(Severity) - 1)
        return {
            "verdict": self.verdict,
            "severity": list(Severity)[worst].value,
            "leaks": len(self.leaks),
            "conditions": dict(self.conditions),
            "findings": [f.to_json() for f in self.findings],
        }

    def render(self) -> str:
        """Return the outcome as text: the verdict, then one block per finding."""
        lines = [self.verdict, ""]
        lines += [f"{key}: {value}" for key, value in self.conditions.items() if value is not None]
        for finding in self.findings:
            lines += ["", f"[{_MARKS[finding.severity]}] {finding.check}: {finding.headline}"]
            lines += [f"    e.g. {example.text}" for example in finding.examples[:3]]
            lines += [f"    {sentence}" for sentence in finding.details] if finding.severity is not Severity.OK else []
            lines += [f"    To do: {finding.fix}"] if finding.fix else []
        return "\n".join(lines)


def verdict(findings: Sequence[Finding]) -> str:
    """Put findings into plain words: what is wrong comes first."""
    by = {severity: [f for f in findings if f.severity is severity] for severity in Severity}
    if by[Severity.LEAK]:
        said = " ".join(f.headline for f in by[Severity.LEAK][:3])
        more = len(by[Severity.LEAK]) - 3
        rest = f" And {more} more leak{'s' * (more > 1)}." if more > 0 else ""
        together = all(f.check == "other-data" for f in by[Severity.LEAK])
        return f"NOT usable {'together with what it was compared with' if together else 'as it is'}: {said}{rest}"
    if by[Severity.DEFECT]:
        said = " ".join(f.headline for f in by[Severity.DEFECT][:3])
        return f"Usable with care, no leak found, but {len(by[Severity.DEFECT])} defect(s): {said}"
    if by[Severity.REMARK]:
        return (
            f"Usable: no leak and no defect found; {len(by[Severity.REMARK])} remark(s) to know before reading scores."
        )
    return "Usable: nothing wrong was found."


def run_checks(
    audited: Audited, *, leave_out: Sequence[str] = (), echo: Callable[[str], None] = lambda line: None
) -> tuple[Finding, ...]:
    """Run every check of the registry and sort what they find, worst first.

    Args:
        audited: The scanned data.
        leave_out: Checks not to run.
        echo: Receives the name of each check before it runs.
    """
    findings: list[Finding] = []
    for name in CHECKS:
        if name not in leave_out:
            echo(f"checking {name}")
            findings += CHECKS.load(name)(audited)
    order = list(Severity)
    return tuple(sorted(findings, key=lambda f: order.index(f.severity)))
