"""What both workers of the throughput benchmark share: stand still in a training loop until told to go on.

The other side writes ``go N`` (run N steps, then answer with their seconds) or ``stop``. Standard library only, because
one of the workers runs in an environment of its own.
"""

from __future__ import annotations

import json
import sys
import time


class Stop(Exception):
    """The other side has seen enough."""


class Gate:
    """Call :meth:`step` where a step begins."""

    def __init__(self) -> None:
        self.left, self.begun = 0, None

    def step(self) -> None:
        """Let a step begin, or answer and wait.

        Raises:
            Stop: when told to.
        """
        if self.left == 0:
            if self.begun is not None:
                answer(seconds=time.perf_counter() - self.begun)
            words = sys.stdin.readline().split()
            if not words or words[0] == "stop":
                raise Stop
            self.left, self.begun = int(words[1]), time.perf_counter()
        self.left -= 1


def answer(**values: object) -> None:
    """Write one line to the other side."""
    print("@" + json.dumps(values), flush=True)
