"""What goes wrong, as one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import traceback as tracebacks
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import OutputError, TumorscopeError

#: The command line itself was wrong.
USAGE = 64
#: Nothing was done.
NOTHING = 2
#: Stopped by Ctrl-C (128 + SIGINT).
STOPPED = 130
#: The reader of our stdout went away (128 + SIGPIPE).
PIPE = 141


class ReaderLeftError(BaseException):
    """Nobody reads our stdout any more (``tumorscope info | head -1``); the command ends quietly.

    No ``Exception``: a case that is being worked on must not take it for a fault of its own.
    """


@dataclass
class Outcome:
    """The exit code of a command that is running or over."""

    code: int = 0


@contextlib.contextmanager
def guarded(*, traceback: bool) -> Iterator[Outcome]:
    """Run the block; set the outcome's code from whatever it raises and say why in one line on stderr.

    Args:
        traceback: Also print the Python traceback.
    """
    outcome = Outcome()
    with _own_warnings_only(), _own_log(traceback):
        try:
            yield outcome
        except SystemExit as leaving:
            outcome.code = _code_of(leaving)
        except KeyboardInterrupt:
            outcome.code = STOPPED
            _complain("stopped by the user; files already finished are whole and stay.")
        except (ReaderLeftError, BrokenPipeError):
            outcome.code = PIPE
            _silence_stdout()
        except Exception as error:
            if traceback:
                tracebacks.print_exc()
            outcome.code = _report(error, traceback)


def _code_of(leaving: SystemExit) -> int:
    """Map the argument parser's own exit (0 after help, 2 after a mistake) to ours."""
    if leaving.code in (None, 0):
        return 0
    return USAGE if leaving.code == 2 else NOTHING


def _report(error: Exception, traceback: bool) -> int:
    known = expected_error(error)
    if known is not None:
        _complain(one_line(known))
        return known.exit_code
    message = f"unexpected {type(error).__name__}: {one_line(error)}".rstrip(": ")
    _complain(message if traceback else f"{message} (run with --traceback to see it)")
    return NOTHING


def expected_error(error: Exception) -> TumorscopeError | None:
    """Return ``error`` as a sentence for users if it is one they can act on, else None."""
    if isinstance(error, TumorscopeError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OutputError(expected="free disk space", found="none left", fix="Free space and run again")
    if isinstance(error, MemoryError):
        return OutputError(expected="enough memory", found="none left", fix="Close programs or use a larger machine")
    return None


def one_line(error: Exception) -> str:
    """Return the message of ``error`` without line breaks."""
    return " ".join(str(error).split())


def _complain(sentence: str) -> None:
    with contextlib.suppress(OSError):
        print(f"tumorscope: {sentence}", file=sys.stderr, flush=True)


def _silence_stdout() -> None:
    """Let what is still to come on stdout go nowhere, so that the interpreter's last flush does not complain."""
    with contextlib.suppress(OSError, ValueError):
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, sys.stdout.fileno())
        os.close(quiet)


@contextlib.contextmanager
def _own_warnings_only() -> Iterator[None]:
    """Show warnings of this package as one line each, drop those of libraries."""
    home = str(Path(__file__).parents[1])

    def show(message: Warning | str, category: type[Warning], filename: str, *_: object, **__: object) -> None:
        if filename.startswith(home) and issubclass(category, UserWarning):
            _complain(f"note: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _own_log(traceback: bool) -> Iterator[None]:
    """Show what this package logs from warnings upwards as one line each, with tracebacks only on request."""

    class Lines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            if traceback:
                return super().format(record)
            hidden = " (run with --traceback to see it)" if record.exc_info else ""
            return f"tumorscope: note: {' '.join(record.getMessage().split())}{hidden}"

    log = logging.getLogger("tumorscope")
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(Lines())
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
