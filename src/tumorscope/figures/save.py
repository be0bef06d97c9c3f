"""Figures → PNG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png_bytes(figure: Figure, dpi: float = 110) -> bytes:
    """Return the figure as PNG; no date or software version inside, so that equal figures give equal bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return stream.getvalue()


def write_figure(figure: Figure, path: str | Path, dpi: float = 110) -> Path:
    """Write the figure as PNG, whole or not at all, and return ``path``.

    Raises:
        OutputError: if the file cannot be written.
    """
    with atomic_path(path) as scratch:
        scratch.write_bytes(png_bytes(figure, dpi))
    return Path(path)
