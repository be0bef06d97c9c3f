"""Errors as sentences: what was expected, what was found, what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from tumorscope.app.session import Session
from tumorscope.core.errors import TumorscopeError

log = logging.getLogger(__name__)


#: The session's own folder, which means nothing to the user.
_FOLDER = re.compile(r"\S*/tumorscope-app-[^/\s]+/[^/\s]+/")
#: Options of the command line, as errors name them → where the app has them.
_OPTIONS = {
    "--sequence": "'They show' under 'Open your own scans':",
    "--spacing X,Y,Z in mm": "the voxel size under 'Open your own scans'",
    "--spacing X,Y,Z": "the voxel size under 'Open your own scans'",
    "with --bundle": "with `tumorscope predict --bundle`",
}
#: What a fault of the program, or of a file nobody thought of, may raise.
_FAULTS = (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)


@contextmanager
def told() -> Iterator[None]:
    """Show what the block raises as a message; a fault of the program goes to the log with its traceback."""
    try:
        yield
    except (TumorscopeError, MemoryError) as error:
        show_error(error)
    except _FAULTS as error:
        log.exception("Unexpected error on a page")
        show_error(error)


@contextmanager
def caught(mine: Session) -> Iterator[None]:
    """As :func:`told`, but leave the error in the session, for the page to show it where it is seen."""
    try:
        yield
    except (TumorscopeError, MemoryError) as error:
        mine.error = error
    except _FAULTS as error:
        log.exception("Unexpected error on a page")
        mine.error = error


def show_sentence(sentence: str) -> None:
    """Draw why something failed, as a summary tells it."""
    st.error(_FOLDER.sub("", sentence))


def show_error(error: Exception) -> None:
    """Draw one error."""
    if isinstance(error, TumorscopeError):
        expected, found, fix = (_FOLDER.sub("", text) for text in (error.expected, error.found, error.fix))
        if error.option in _OPTIONS:
            fix = fix.replace(error.option, _OPTIONS[error.option])
        st.error(f"**Expected** {expected}.\n\n**Found** {found}.\n\n**What to do:** {fix}.")
    elif isinstance(error, MemoryError):
        st.error("**The memory does not suffice** for this scan. Close other programs, or resample the scan first.")
    else:
        st.error(
            f"**Something went wrong in the program** ({type(error).__name__}). Your files are unchanged. "
            "The log of the server tells more; please report it."
        )
