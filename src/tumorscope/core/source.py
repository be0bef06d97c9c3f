"""Where an image came from, for outputs that must refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceSeries:
    """The DICOM instances that one image was read from.

    Attributes:
        files: The instance that holds slice k of ``Image.data[:, :, k]``; None where a missing slice was filled in.
            A multi-frame file is named once per slice.
        frames: Frame number (from 1) of slice k in its file; 1 in single-frame files.
    """

    files: tuple[Path | None, ...]
    frames: tuple[int, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every instance once, in the order of the slices."""
        return tuple(dict.fromkeys(p for p in self.files if p is not None))
