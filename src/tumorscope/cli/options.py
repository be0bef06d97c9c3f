"""Options that several verbs share, and the parsing of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Fixed, Suppress, arg

from tumorscope.core.errors import UsageError

#: ``--json [FILE]``; ``cli.argv.fill_json`` has turned a bare ``--json`` into ``--json -`` before tyro sees it.
JsonOption = Annotated[
    Path | None,
    arg(
        metavar="[FILE]",
        help="Result as JSON: alone on stdout (words for people go to stderr), or in FILE.",
        help_behavior_hint="",
    ),
]

#: ``--pseudonym-key FILE``.
KeyOption = Annotated[
    Path | None,
    arg(
        metavar="FILE",
        help="Key of the pseudonyms of DICOM, made if it is not there; without it this installation's own.",
        help_behavior_hint="",
    ),
]

#: Recipe values given by their dotted names; the dispatcher fills it, tyro does not show it.
Overrides = Annotated[dict[str, str], Fixed, Suppress]


def parse_spacing(text: str | None) -> tuple[float, float, float] | None:
    """Return the voxel size in mm that ``X,Y,Z`` states, None for None.

    Raises:
        UsageError: if it is not three positive numbers.
    """
    if text is None:
        return None
    try:
        x, y, z = (float(part) for part in text.replace("x", ",").split(","))
        if all(0 < size < float("inf") for size in (x, y, z)):
            return x, y, z
    except ValueError:
        pass
    raise UsageError(
        expected="--spacing X,Y,Z as three positive millimetres", found=f"'{text}'", fix="Write for example 1,1,5"
    )


def parse_duration(text: str | None) -> float | None:
    """Return the seconds that ``90s``, ``25min``, ``2h`` or a bare number of seconds states, None for None.

    Raises:
        UsageError: if it is no positive time.
    """
    if text is None:
        return None
    for unit, seconds in (("min", 60), ("h", 3600), ("s", 1), ("", 1)):
        if text.endswith(unit):
            try:
                found = float(text.removesuffix(unit)) * seconds
            except ValueError:
                break
            if 0 < found < float("inf"):
                return found
            break
    raise UsageError(expected="a time such as 90s, 25min or 2h", found=f"'{text}'", fix="Write for example 25min")
