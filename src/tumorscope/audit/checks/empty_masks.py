"""How many label slices and cases are empty."""

from __future__ import annotations

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES
from tumorscope.datasets.splits import PARTS

NAME = "empty-masks"


def check(audited: Audited) -> list[Finding]:
    """Count slices with and without tumour, per part (S0-20, S0-41), and cases without any."""
    labelled = audited.labelled
    if not labelled.any():
        return []
    empty = labelled & (audited.foreground == 0)
    numbers: dict[str, object] = {"slices": int(labelled.sum()), "empty slices": int(empty.sum())}
    for code, part in enumerate(PARTS if audited.divided else ()):
        mine = labelled & (audited.part == code)
        numbers |= {
            f"{part} with tumour": int((mine & ~empty).sum()),
            f"{part} empty": int((mine & empty).sum()),
        }
    filled = np.zeros(len(audited.scans), np.int64)
    np.add.at(filled, audited.case, audited.foreground)
    bare = [s for s, n in zip(audited.scans, filled, strict=True) if s.labelled and not n]
    numbers["cases without any tumour"] = len(bare)
    shown = tuple(Example(f"{s.id}: nothing is marked") for s in bare[:EXAMPLES])
    n_empty, n = int(empty.sum()), int(labelled.sum())
    if not n_empty:
        return [Finding(NAME, Severity.OK, f"Every one of the {n} labelled slices shows tumour.", numbers)]
    text = f"{percent(n_empty, n)} of the labelled slices ({n_empty} of {n}) are empty"
    if bare:
        text += f", and {len(bare)} of {len(audited.scans)} cases altogether"
    fix = "Say with every score how empty masks count, and give the score of tumour slices beside it."
    note = (
        f"Counted per slice with 'both empty = 1', marking nothing scores a mean Dice of {n_empty / n:.3f}."
        if audited.sliced or audited.unit == "slice"
        else "Scores per volume are not touched by empty slices."
    )
    return [Finding(NAME, Severity.REMARK, f"{text}.", numbers, shown, fix if audited.sliced or bare else "", (note,))]
