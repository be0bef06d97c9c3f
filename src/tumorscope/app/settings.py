"""What the server was started with; the same for every session."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Options of ``tumorscope app`` that the pages need.

    Attributes:
        data: Folder of cases to offer.
        runs: Folder of training runs and stored evaluations to offer.
        forget_after: Seconds after a browser has left until its files are deleted.
    """

    data: Path | None = None
    runs: Path | None = None
    forget_after: float = 120.0

    def words(self) -> list[str]:
        """Return the command line that :func:`settings` reads."""
        found = [f"--forget-after={self.forget_after:g}"]
        found += [] if self.data is None else [f"--data={self.data}"]
        return found + ([] if self.runs is None else [f"--runs={self.runs}"])


def settings(words: Sequence[str] | None = None) -> Settings:
    """Read what :meth:`Settings.words` wrote; default: this process's command line."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--forget-after", type=float, default=Settings.forget_after)
    found, _ = parser.parse_known_args(sys.argv[1:] if words is None else list(words))
    return Settings(found.data, found.runs, found.forget_after)
