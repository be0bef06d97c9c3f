"""Cases whose files do not share a grid, and grids that differ between cases."""

from __future__ import annotations

from collections import Counter

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity
from tumorscope.audit.limits import EXAMPLES

NAME = "geometry"


def check(audited: Audited) -> list[Finding]:
    """Report cases whose sequences or label lie on different grids, then how grids vary between cases."""
    broken = [s for s in audited.scans if s.trouble == "geometry"]
    readable = [s for s in audited.scans if s.grid[0]]
    planes = Counter("×".join(s.grid[0].split("×")[:2]) for s in readable)
    spacings = Counter(s.grid[1] for s in readable)
    numbers: dict[str, object] = {"cases with files on different grids": len(broken)}
    numbers |= {f"in plane {name}": n for name, n in planes.most_common(8)}
    numbers |= dict(spacings.most_common(8))
    numbers |= {f"orientation {name}": n for name, n in Counter(s.grid[2] for s in readable).most_common(8)}
    if broken:
        text = f"{len(broken)} of {len(audited.scans)} cases have files that do not lie on one grid."
        shown = tuple(Example(f"{s.id}: {s.message}") for s in broken[:EXAMPLES])
        fix = "Register and resample the sequences and the label of each of these cases to one grid."
        return [Finding(NAME, Severity.DEFECT, text, numbers, shown, fix)]
    if len(planes) > 1 or len(spacings) > 1:
        most = f"{planes.most_common(1)[0][0]} pixels, {spacings.most_common(1)[0][0]}"
        text = f"Grids differ between cases: {len(planes)} in-plane sizes, {len(spacings)} spacings (most: {most})."
        return [Finding(NAME, Severity.REMARK, text, numbers)]
    size = next(iter(planes), "-")
    spacing = next(iter(spacings), "-")
    text = f"The files of each case share a grid; all cases have {size} pixels in plane, {spacing}."
    return [Finding(NAME, Severity.OK, text, numbers)]
