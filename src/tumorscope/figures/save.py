"""Figures → PNG, PDF or SVG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import UsageError
from tumorscope.core.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png_bytes(figure: Figure, dpi: float = 110) -> bytes:
    """Return the figure as PNG; no date or software version inside, so that equal figures give equal bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return stream.getvalue()


#: Suffix → metadata that would make equal figures differ.
_FORMATS: dict[str, dict[str, None]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}


def check_format(path: str | Path) -> None:
    """Make sure that figures can be written in the format that the name tells.

    Raises:
        UsageError: if not.
    """
    if Path(path).suffix.lower() not in _FORMATS:
        raise UsageError(
            expected=f"a file name that ends in {', '.join(_FORMATS)}", found=f"{path}", fix="Name it figure.png"
        )


def write_figure(figure: Figure, path: str | Path, dpi: float = 110) -> Path:
    """Write the figure as PNG (or PDF or SVG, by its name), whole or not at all, and return ``path``.

    Raises:
        OutputError: if the file cannot be written.
        UsageError: if the name tells another format.
    """
    check_format(path)
    kind = Path(path).suffix.lower()
    with atomic_path(path) as scratch:
        if kind == ".png":
            scratch.write_bytes(png_bytes(figure, dpi))
        else:
            figure.savefig(scratch, format=kind[1:], dpi=dpi, metadata=_FORMATS[kind])
    return Path(path)
