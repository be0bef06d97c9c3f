"""The number in a picture's name."""

from __future__ import annotations

import re


def picture_number(case_id: str) -> int | None:
    """Return the number a name begins with, else the one it ends with: 179 of "0179-20611fb4", 7 of "p_7"; or None."""
    match = re.match(r"(\d+)(?![0-9a-zA-Z])", case_id) or re.search(r"(\d+)$", case_id)
    return int(match.group(1)) if match else None
