"""Masks that are boxes, not outlines."""

from __future__ import annotations

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES

NAME = "rectangles"
#: From this share on the set's masks are boxes.
_MOST = 0.5


def check(audited: Audited) -> list[Finding]:
    """Count label slices whose marked pixels fill an upright rectangle of at least 3 × 3 pixels."""
    filled = boxes = 0
    places = []
    for i, (case, z) in enumerate(zip(audited.case.tolist(), audited.z.tolist(), strict=True)):
        scan = audited.scans[case]
        mask = scan.slices.masks[z] if scan.labelled else None
        if mask is None or min(mask.labels.shape) < 3:
            continue
        filled += 1
        if mask.is_rectangle:
            boxes += 1
            places.append(i)
    numbers = {"marked slices": filled, "rectangles": boxes}
    if not filled:
        return []
    text = f"{percent(boxes, filled)} of the marked slices ({boxes} of {filled}) are marked by a filled rectangle"
    if boxes >= _MOST * filled:
        shown = tuple(
            Example(audited.slice_name(i), (audited.place(i),))
            for i in places[:: max(1, len(places) // EXAMPLES)][:EXAMPLES]
        )
        fix = "Do not call a Dice against boxes a segmentation score: it measures localisation of a box."
        return [Finding(NAME, Severity.DEFECT, f"{text}, not by an outline of the tumour.", numbers, shown, fix)]
    if boxes > 0.01 * filled:
        return [Finding(NAME, Severity.REMARK, f"{text}.", numbers)]
    return [Finding(NAME, Severity.OK, "Masks are outlines, not rectangles.", numbers)]
