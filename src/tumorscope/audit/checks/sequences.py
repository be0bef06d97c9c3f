"""Sequences that are missing, or stand in for one another."""

from __future__ import annotations

from collections import Counter

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity
from tumorscope.audit.limits import EXAMPLES

NAME = "sequences"


def check(audited: Audited) -> list[Finding]:
    """Count cases that lack a sequence, and those in which one sequence silently repeats another (LGG's FLAIR)."""
    readable = [s for s in audited.scans if not s.trouble]
    repeated = [s for s in readable if set(s.listed) - set(s.present) or _equal_images(s.hashes)]
    missing = Counter(q for s in readable for q in audited.sequences if q not in s.listed)
    replaced = Counter(q for s in repeated for q in set(s.listed) - set(s.present))
    numbers: dict[str, object] = {"cases": len(readable)}
    numbers |= {f"without {q}": n for q, n in missing.items()}
    numbers |= {f"{q} repeats another sequence": n for q, n in sorted(replaced.items())}
    numbers["cases with a repeated sequence"] = len(repeated)
    if not missing and not repeated:
        found = sorted({q for s in readable for q in s.present}, key=_order)
        return [Finding(NAME, Severity.OK, f"Every case has {', '.join(found) or 'no image'}, each its own.", numbers)]
    said = []
    if repeated:
        which = ", ".join(f"{q} in {n}" for q, n in sorted(replaced.items()))
        said.append(f"{len(repeated)} of {len(readable)} cases repeat one sequence in the place of another ({which}).")
    if missing:
        said.append("Missing: " + ", ".join(f"{q} in {n} of {len(readable)} cases" for q, n in missing.items()) + ".")
    shown = [Example(f"{s.id}: {' '.join(s.notes) or 'two images are equal'}") for s in repeated]
    shown += [
        Example(f"{s.id} has {', '.join(s.listed)} only")
        for s in readable
        if missing and len(s.listed) < len(audited.sequences)
    ]
    fix = (
        "A repeated sequence is left out when reading; make the sequence optional in the recipe, or leave the case out."
    )
    severity = Severity.DEFECT if repeated else Severity.REMARK
    return [Finding(NAME, severity, " ".join(said), numbers, tuple(shown[:EXAMPLES]), fix if repeated else "")]


def _equal_images(hashes: tuple[str, ...]) -> bool:
    return len(set(hashes)) < len(hashes)


def _order(name: str) -> int:
    names = ["T1", "T1CE", "T2", "FLAIR"]
    return names.index(name) if name in names else len(names)
