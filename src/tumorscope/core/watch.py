"""How far a long job is, told to whoever waits for it; that one may stop it."""

from __future__ import annotations

from collections.abc import Callable

#: Takes what is being done now and the share of the whole job that is done (0 to 1); raises :class:`StoppedError` to
#: end it.
Watch = Callable[[str, float], None]


class StoppedError(Exception):
    """Raised by a :data:`Watch` where the user stopped the job; nothing was written."""


def unwatched(step: str, share: float) -> None:
    """Nobody waits."""


def part_of(watch: Watch, low: float, high: float) -> Watch:
    """Return a watch for a part of the job: its 0 to 1 are ``low`` to ``high`` of the whole."""

    def inner(step: str, share: float) -> None:
        watch(step, low + (high - low) * share)

    return inner
