"""Where a verb's words and its JSON go."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from tumorscope.cli.argv import STDOUT
from tumorscope.cli.failures import NOTHING, ReaderLeftError, expected_error, one_line
from tumorscope.core.errors import OutputError
from tumorscope.core.files import write_text

if TYPE_CHECKING:
    from rich.console import Console


#: Seconds between two looks at a long job.
_REDRAW_S = 0.5
#: Back to the start of the line, and empty it.
_WIPE = "\r\x1b[2K"


class Output:
    """Words for people, JSON for machines.

    Args:
        target: None (no JSON), ``Path("-")`` (JSON on ``stream``) or the file to write.
        stream: The real stdout.
    """

    def __init__(self, target: Path | None, stream: TextIO) -> None:
        self.target, self.stream = target, stream
        self._console: Console | None = None
        self._drawn = 0.0

    @property
    def on_stdout(self) -> bool:
        """Whether stdout is reserved for JSON."""
        return self.target is not None and str(self.target) == STDOUT

    @property
    def console(self) -> Console:
        """A rich console on stdout, or on stderr when stdout is reserved for JSON."""
        if self._console is None:
            self._console = _console(sys.stderr if self.on_stdout else self.stream)
        return self._console

    def say(self, *things: Any) -> None:
        """Show text or a rich renderable to people; square brackets in text are text."""
        self.wipe()
        self.console.print(*things, markup=False, highlight=False, soft_wrap=all(isinstance(t, str) for t in things))

    def watch(self, step: str, share: float) -> None:
        """Show on a terminal what a long job does and how far it is, on one line that what is said next replaces."""
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._drawn > _REDRAW_S:
            self._drawn = now
            sys.stderr.write(f"{_WIPE}{share:4.0%}  {step}"[: shutil.get_terminal_size().columns])
            sys.stderr.flush()

    def wipe(self) -> None:
        """Take the line of :meth:`watch` away."""
        if self._drawn:
            self._drawn = 0.0
            sys.stderr.write(_WIPE)
            sys.stderr.flush()

    def give(self, data: Any) -> None:
        """Write ``data`` as JSON where ``--json`` asked for it, else do nothing.

        Raises:
            OutputError: if the file cannot be written.
        """
        self.wipe()
        if self.target is None:
            return
        text = json_text(data)
        if self.on_stdout:
            write(self.stream, text)
        else:
            write_text(self.target, text)


@contextlib.contextmanager
def output(target: Path | None) -> Iterator[Output]:
    """Yield an :class:`Output`.

    When stdout is for JSON, what the workflow itself prints goes to stderr, and an error that ends the block is
    also given as ``{"error": {...}}``.

    Raises:
        OutputError: before any work, if ``target`` is a folder or lies where nothing can be written.
    """
    out = Output(target, sys.stdout)
    if target is not None and not out.on_stdout:
        _check(target)
    try:
        if not out.on_stdout:
            yield out
            return
        with contextlib.redirect_stdout(sys.stderr):
            try:
                yield out
            except ReaderLeftError:
                raise
            except Exception as error:
                out.give({"error": _error_data(error)})
                raise
    finally:
        out.wipe()


def write(stream: TextIO, text: str) -> None:
    """Write ``text`` to a standard stream at once.

    Raises:
        ReaderLeftError: if nobody reads it any more.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError as error:
        raise ReaderLeftError from error


def json_text(data: Any) -> str:
    """Return ``data`` as indented, strictly valid JSON: NaN and infinity become null."""
    return json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Reduce ``value`` to dicts, lists, strings, numbers, booleans and None.

    Dataclasses become dicts, arrays lists, enum members their values, paths and anything else text.
    """
    if value is None or (isinstance(value, bool | str | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def _error_data(error: Exception) -> dict[str, Any]:
    known = expected_error(error)
    if known is None:
        return {"message": f"{type(error).__name__}: {one_line(error)}", "exit_code": NOTHING}
    parts = {"expected": known.expected, "found": known.found, "fix": known.fix}
    return {"message": str(known), **parts, "exit_code": known.exit_code}


def _check(target: Path) -> None:
    folder = target.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    problem = ""
    if target.is_dir():
        problem = f"a folder at {target}"
    elif not folder.is_dir():
        problem = f"a file at {folder} where a folder is needed"
    elif not os.access(folder, os.W_OK):
        problem = f"{folder} without write permission"
    if problem:
        raise OutputError(expected="a file name after --json", found=problem, fix="Name another file")


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    class Quiet(Console):
        """A console that tells ``main`` of a broken pipe instead of ending the process itself."""

        def on_broken_pipe(self) -> NoReturn:
            raise ReaderLeftError

    width = None if stream.isatty() or "COLUMNS" in os.environ else 120
    return Quiet(file=stream, width=width, highlight=False)
