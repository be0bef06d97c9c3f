"""The same patient in several parts of the split."""

from __future__ import annotations

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES
from tumorscope.datasets.splits import PARTS

NAME = "patients"


def check(audited: Audited) -> list[Finding]:
    """Count test and validation slices whose patient is also in the training part (S0-22)."""
    if not audited.divided:
        return []
    blocks = audited.blocks
    what = "block" if blocks else "patient"
    parts_of: dict[int, set[str]] = {}
    for person, parts in zip(audited.person.tolist(), audited.case_parts, strict=True):
        parts_of.setdefault(person, set()).update(parts)
    shared = sorted(person for person, parts in parts_of.items() if len(parts) > 1)
    numbers: dict[str, object] = {f"{what}s": len(parts_of), f"{what}s in several parts": len(shared)}
    shares = {}
    owner = audited.person[audited.case]
    for part in ("test", "val"):
        mine = audited.in_part(part)
        leaked = sum("train" in parts_of[int(p)] for p in owner[mine])
        numbers |= {f"{part} slices": len(mine), f"{part} slices whose {what} is in train": leaked}
        shares[part] = (leaked, len(mine))
    if shared:
        part = "test" if shares["test"][0] else "val"
        return [
            Finding(
                NAME,
                Severity.LEAK,
                _headline(what, part, shares[part], len(shared), len(parts_of)),
                numbers,
                tuple(_example(audited, person) for person in shared[:EXAMPLES]),
                f"{audited.split_advice} A recipe does the same with data.unit: patient.",
            )
        ]
    if blocks:
        detail = "Patient numbers are missing in these data; neighbouring file numbers stand for them."
        return [Finding(NAME, Severity.REMARK, f"No block of neighbouring numbers is in two parts. {detail}", numbers)]
    if len(parts_of) == len(audited.scans) == len(audited.case):
        text = "Every picture is a patient of its own here: which of them are of one patient is not known."
        fix = "State the patients if you know them; else trust the checks for copies only."
        return [Finding(NAME, Severity.REMARK, text, numbers, (), fix)]
    return [Finding(NAME, Severity.OK, f"Each of the {len(parts_of)} patients is in one part only.", numbers)]


def _headline(what: str, part: str, share: tuple[int, int], shared: int, everyone: int) -> str:
    leaked, size = share
    what = "block of neighbouring numbers" if what == "block" else what
    many = what.replace("block", "blocks") if what.startswith("block") else f"{what}s"
    called = {"test": "test", "val": "validation"}[part]
    if not leaked:
        return f"{shared} of {everyone} {many} are in several parts of the split."
    return (
        f"{percent(leaked, size)} of the {called} slices ({leaked} of {size}) have their {what} in the training part; "
        f"{shared} of {everyone} {many} are in several parts."
    )


def _example(audited: Audited, person: int) -> Example:
    cases = [i for i, p in enumerate(audited.person.tolist()) if p == person]
    name = audited.scans[cases[0]].patient
    counts = []
    for part in PARTS:
        mine = [i for i in audited.in_part(part) if audited.case[i] in set(cases)]
        if mine:
            counts.append(f"{len(mine)} slice{'s' * (len(mine) > 1)} in {part}")
    ids = ", ".join(audited.scans[i].id for i in cases[:4])
    return Example(f"{name} ({ids}): {', '.join(counts)}")
