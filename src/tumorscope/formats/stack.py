"""A folder of slices becomes one volume per channel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image
from tumorscope.formats.checks import check_file
from tumorscope.formats.raster import equal_channels, planes_to_images, read_planes


def natural_key(path: str | Path) -> list[tuple[int, int | str]]:
    """Sort key of a file name in which numbers count as numbers: slice 2 comes before slice 10."""
    parts = re.split(r"(\d+)", Path(path).name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def stack_slices(paths: Iterable[str | Path], *, keep_rgb: bool = False) -> list[Image]:
    """Read pictures of one size, sort them by the numbers in their names, and stack them along z.

    Args:
        paths: One file per slice, in any order.
        keep_rgb: Return three Images for colour files even if their channels are equal everywhere.

    Returns:
        One Image (columns, rows, slices) for grey, or one per colour channel. Files whose colour channels are all
        equal count as grey only if they are so in every slice. ``source`` is the slices' folder.

    Raises:
        InputError: if there are none, one cannot be read, or they differ in size, type or number of channels.
    """
    files = [check_file(path) for path in sorted(paths, key=natural_key)]
    if not files:
        raise InputError(expected="slices to stack", found="none", fix="Give a folder with PNG, JPEG or TIFF slices")
    read = [(file, *read_planes(file)) for file in files]
    _check_alike({file: planes for file, planes, _ in read})
    volume = np.concatenate([planes for _, planes, _ in read])
    if not keep_rgb and equal_channels(volume):
        volume = volume[..., :1]
    return planes_to_images(volume, read[0][2], files[0].parent)


def _check_alike(slices: dict[Path, Array]) -> None:
    """Name the first slice that differs from the majority."""

    def describe(planes: Array) -> str:
        pages, rows, columns, channels = planes.shape
        several = f", {pages} pages" if pages > 1 else ""
        return f"{columns}×{rows} pixels, {channels} channel{'s' * (channels > 1)}, {planes.dtype}{several}"

    kinds = {path: describe(planes) for path, planes in slices.items()}
    usual, _ = Counter(kinds.values()).most_common(1)[0]
    for path, kind in kinds.items():
        if kind != usual or slices[path].shape[0] > 1:
            expected = "one page per slice file" if slices[path].shape[0] > 1 else f"slices alike ({usual})"
            raise InputError(
                expected=expected, found=f"{kind} in {path}", fix="Take it out or export it like the others"
            )
