"""What every reader asks of a file before and after decoding it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image


def check_file(path: str | Path) -> Path:
    """Return ``path`` if it is a file that holds something and may be read.

    Raises:
        InputError: if it is missing, a folder, empty or not readable.
    """
    path = Path(path)
    try:
        if path.is_dir():
            found, fix = f"the folder {path}", "Name one file inside it"
        elif not path.exists():
            found, fix = f"nothing at {path}", "Check the path"
        elif path.stat().st_size == 0:
            found, fix = f"the empty file {path} (0 bytes)", "Copy or download it again"
        else:
            with path.open("rb"):
                return path
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        found, fix = f"{path}, which cannot be opened ({reason})", "Check the path and your rights"
    raise InputError(expected="an image file", found=found, fix=fix)


def check_finite(data: Array, path: Path) -> None:
    """Make sure that every voxel read from ``path`` is a finite number.

    Raises:
        InputError: saying how many are NaN or infinite. Nothing is repaired in silence.
    """
    if data.dtype.kind != "f":
        return
    bad = data.size - int(np.count_nonzero(np.isfinite(data)))
    if bad:
        raise InputError(
            expected="finite voxel values",
            found=f"{bad} of {data.size} voxels that are NaN or infinite in {path}",
            fix="Replace them (usually by 0) or export the scan again",
        )


def check_content(image: Image) -> None:
    """Make sure that ``image`` shows something, for callers that need a scan (a label map may be constant).

    Raises:
        InputError: if every voxel has the same value.
    """
    low, high = image.data.min(), image.data.max()
    if low == high:
        raise InputError(
            expected="a scan with more than one intensity",
            found=f"the value {low:g} in every voxel of {image.source or 'the image'}",
            fix="Export the scan again",
        )


def damaged(path: Path, kind: str, reason: object) -> InputError:
    """Return the error for a file whose content cannot be decoded as ``kind``; ``reason`` is the decoder's."""
    text = " ".join(str(reason).split()).rstrip(".")
    detail = f" ({text})" if text else ""
    return InputError(
        expected=f"a readable {kind} file",
        found=f"damaged or foreign content in {path}{detail}",
        fix="Copy, download or export it again",
    )
