"""A small phantom patient that is always at hand: made where it is first asked for, never shipped as files."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tumorscope.datasets.phantom.store import write_phantom


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tumorscope-phantom-")  # removed when the process ends


@cache
def small_phantom() -> Path:
    """Return the folder of the default phantom with voxels of 2 mm; its making takes seconds, once per process.

    Raises:
        OutputError: if it cannot be written into the system's temporary folder.
    """
    return write_phantom(_scratch().name, spacing=2.0)
