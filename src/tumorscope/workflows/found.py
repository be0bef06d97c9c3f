"""One case of an INPUT, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tumorscope.core.case import Case
from tumorscope.core.errors import TumorscopeError

#: A folder with this file holds results of this program and is never an input.
RESULT_MARK = "measurements.json"


@dataclass(frozen=True)
class Found:
    """One case of an INPUT, or why there is none.

    Attributes:
        id: Name of the case.
        path: File or folder it was found at.
        case: Not read yet.
        error: Set where ``case`` is None.
    """

    id: str
    path: Path
    case: Case | None = None
    error: TumorscopeError | None = None


def unique(found: list[Found]) -> list[Found]:
    """Number the cases of several inputs that share a name."""
    seen: dict[str, int] = {}
    named = []
    for one in found:
        seen[one.id] = seen.get(one.id, 0) + 1
        named.append(one if seen[one.id] == 1 else replace(one, id=f"{one.id}-{seen[one.id]}"))
    return named
