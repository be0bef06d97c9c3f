"""How far long work has come, for people."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds between two lines.
_EVERY = 5


def countdown(echo: Callable[[str], None], what: str = "") -> Callable[[int, int, str], None]:
    """Return a function of (done, total, name) that says every few seconds how much is done and left.

    Args:
        echo: Receives the lines.
        what: In front of each.
    """
    begun = time.monotonic()
    last = [begun]

    def tell(done: int, total: int, name: str) -> None:
        now = time.monotonic()
        if name and done and now - last[0] > _EVERY:
            last[0] = now
            echo(f"{what}{done}/{total}, {(now - begun) / done * (total - done):.0f} s left")

    return tell
