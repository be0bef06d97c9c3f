"""What became of each input of a command that turns files into files: done, or failed while the others go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.watch import StoppedError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileRow:
    """What became of one input.

    Attributes:
        input: File (DICOM: case and sequence).
        status: ``ok`` or ``failed``.
        error: One sentence, where it failed.
        outputs: Files that were written.
        notes: What the user should know.
        seconds: It took.
    """

    input: str
    status: str
    error: str = ""
    outputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The row for people."""
        if self.status == "failed":
            return f"{self.input}: failed. {self.error}"
        return f"{self.input} → {', '.join(self.outputs)} ({self.seconds:.1f} s)"


def exit_code(status: Sequence[str]) -> int:
    """Return the exit code of a command by how each of its inputs ended."""
    failed = sum(one == "failed" for one in status)
    return 0 if status and not failed else 2 if failed == len(status) else 1


@dataclass
class FilesSummary:
    """The outcome of a run.

    Attributes:
        output: Folder of the results.
        files: One row per input.
    """

    output: str
    files: list[FileRow] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 2 nothing done."""
        return exit_code([row.status for row in self.files])


def done_or_failed(name: str, make: Callable[[str], tuple[tuple[str, ...], list[str]]]) -> FileRow:
    """Make what one input gives, called ``name``, and return its row: files and notes, or why there are none.

    Raises:
        StoppedError: if the user stopped it.
    """
    begun = time.perf_counter()
    try:
        written, notes = make(name)
    except TumorscopeError as error:
        return FileRow(name, "failed", str(error), seconds=round(time.perf_counter() - begun, 3))
    except MemoryError:
        return FileRow(name, "failed", "Expected enough memory; found too little. Resample the scan first.")
    except StoppedError:
        raise
    except Exception as error:  # a fault of ours must not stop the other files
        log.exception("Unexpected error in %s", name)
        return FileRow(name, "failed", f"Unexpected {type(error).__name__}: {' '.join(str(error).split())}")
    return FileRow(name, "ok", "", written, tuple(notes), round(time.perf_counter() - begun, 3))


def tell(row: FileRow, say: Callable[[str], Any] | None) -> None:
    """Say a row and its notes."""
    if say:
        say(row.line)
        for note in row.notes:
            say(f"        {note}")


def unique_name(name: str, taken: set[str]) -> str:
    """Return ``name``, or with a number where it is taken; from now on it is."""
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    taken.add(unique)
    return unique
