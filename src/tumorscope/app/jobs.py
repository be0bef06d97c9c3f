"""Long work in a thread of its own: how far it is, how long it still takes, and stopping it."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.watch import StoppedError, Watch

log = logging.getLogger(__name__)
#: Shares below this tell too little for an estimate.
_LEAST = 0.08


class Job:
    """Work that runs beside the page.

    Args:
        work: Does it; is given a watch to tell its progress to.

    Attributes:
        step: What is being done.
        share: How much of it is done, 0 to 1.
        result: What ``work`` returned, when done.
        error: Why it failed, if it did.
    """

    def __init__(self, work: Callable[[Watch], Any]) -> None:
        self.step, self.share = "starting", 0.0
        self.result: Any = None
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    @property
    def seconds_left(self) -> float | None:
        """About how long it still takes; None while that cannot be told."""
        passed = time.monotonic() - self._begun
        return None if self.share < _LEAST else passed * (1 - self.share) / self.share

    def stop(self) -> None:
        """Ask it to end at its next step."""
        self._stop.set()

    def join(self, seconds: float | None = None) -> None:
        """Wait for its end."""
        self._thread.join(seconds)

    def watch(self, step: str, share: float) -> None:
        """Take note of progress; called by the work.

        Raises:
            StoppedError: if it was asked to end.
        """
        if self._stop.is_set():
            raise StoppedError
        self.step, self.share = step, max(0.0, min(1.0, share))

    def _run(self, work: Callable[[Watch], Any]) -> None:
        try:
            self.result = work(self.watch)
        except StoppedError:
            pass
        except TumorscopeError as error:
            self.error = error
        except Exception as error:
            log.exception("Unexpected error in a job of the app")
            self.error = error
        finally:
            gc.collect()  # figures are cycles of references and hold their pictures until collected
