"""Images that this program made or changed, among the scans."""

from __future__ import annotations

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity
from tumorscope.audit.limits import EXAMPLES

NAME = "made-images"


def check(audited: Audited) -> list[Finding]:
    """Report cases with files marked as synthetic or processed; none may be validated or tested on (docs/ethics.md)."""
    made = [(scan, parts) for scan, parts in zip(audited.scans, audited.case_parts, strict=True) if scan.marks]
    if not made:
        return []
    scored = sum(bool(parts & {"val", "test"}) for _, parts in made)
    text = f"{len(made)} of {len(audited.scans)} cases hold images that are no original scans"
    text += f", {scored} of them in validation or test" if scored else ""
    shown = tuple(Example(f"{scan.id}: {scan.marks[0]}") for scan, _ in made[:EXAMPLES])
    fix = "Keep such cases in training parts only, and say in every publication that they were there."
    numbers = {"cases with made images": len(made), "in validation or test": scored}
    severity = Severity.DEFECT if scored else Severity.REMARK
    return [Finding(NAME, severity, f"{text}.", numbers, shown, fix)]
