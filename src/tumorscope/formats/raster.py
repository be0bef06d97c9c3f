"""PNG, JPEG and TIFF pictures, 8 and 16 bit (TIFF also float), grey, RGB, palette, with or without alpha.

Array convention: a picture with rows r and columns c becomes ``data[c, r, 0]`` with affine ``diag(-1, -1, 1)`` and
``spacing_known=False``. Resolution tags (dpi) are not used: they say how large to print, not how large a head is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tumorscope.core.errors import InputError, OutputError, TumorscopeError
from tumorscope.core.files import atomic_path
from tumorscope.core.image import Array, Image
from tumorscope.formats.checks import check_file, check_finite, damaged
from tumorscope.formats.picture import RasterInfo, decode_deep_png, decode_pillow
from tumorscope.formats.tiff import decode_tiff

#: Columns right → left, rows anterior → posterior (radiological display), one pixel per unit.
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_channels(path: str | Path, *, keep_rgb: bool = False) -> list[Image]:
    """Read a picture, or the pages of a TIFF as slices, one Image per colour channel.

    Grey of less than 8 bits is stretched to 0-255 as viewers do; a palette is looked up; min-is-white TIFFs are
    inverted; alpha is dropped. An EXIF orientation other than upright is not applied (the result must lie on the
    stored pixels) and a warning says so.

    Args:
        path: A PNG, JPEG or TIFF file, recognised by content.
        keep_rgb: Return three Images for a colour file even if its channels are equal.

    Returns:
        One Image for grey (and for colour whose channels are all equal), else one per channel; each (columns, rows,
        pages), ``header`` a :class:`RasterInfo`.

    Raises:
        InputError: if the file is missing, empty, damaged, cut short, not such a picture, too large, of mixed
            page sizes, or holds NaN or infinity.
    """
    path = check_file(path)
    planes, info = read_planes(path)
    if not keep_rgb and equal_channels(planes):
        planes = planes[..., :1]
    return planes_to_images(planes, info, path)


def read_planes(path: Path) -> tuple[Array, RasterInfo]:
    """Decode ``path`` to an array (pages, rows, columns, channels) as stored, and how it was stored.

    Raises:
        InputError: as :func:`read_channels`.
    """
    with path.open("rb") as stream:
        start = stream.read(26)
    decode = _decoder(start)
    if decode is None:
        raise InputError(
            expected="a PNG, JPEG or TIFF picture", found=f"other content in {path}", fix="Export the picture again"
        )
    try:
        planes, info = decode(path)
    except (TumorscopeError, KeyboardInterrupt):
        raise
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise damaged(path, "picture", error) from error
    check_finite(planes, path)
    if info.orientation != 1:
        warnings.warn(
            f"{path.name}: EXIF orientation {info.orientation} is not applied; pixels stay as stored", stacklevel=1
        )
    return planes, info


def planes_to_images(planes: Array, info: RasterInfo, source: Path) -> list[Image]:
    """Turn an array (pages, rows, columns, channels) into one Image (columns, rows, pages) per channel."""
    return [
        Image(
            np.ascontiguousarray(planes[..., c]).transpose(2, 1, 0),
            AFFINE,
            spacing_known=False,
            source=source,
            header=info,
        )
        for c in range(planes.shape[-1])
    ]


def equal_channels(planes: Array) -> bool:
    """Whether all channels (last axis) of ``planes`` are the same picture."""
    return all(np.array_equal(planes[..., 0], planes[..., c]) for c in range(1, planes.shape[-1]))


def write_png(array: Array, path: str | Path, *, note: str = "") -> Path:
    """Write a label map or picture so that reading it back gives the same values in the same places.

    Args:
        array: (x, y), or (x, y, 3) for 8-bit RGB; bool, uint8 or uint16. x runs along columns, y along rows.
        path: Ends in ``.png``; appears whole or not at all.
        note: Text that is stored in the file as its description.

    Returns:
        ``path``.

    Raises:
        OutputError: if the name has another ending or the file cannot be written.
        ValueError: if shape or type is another.
    """
    from PIL import Image as pillow
    from PIL.PngImagePlugin import PngInfo

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise OutputError(expected="a name ending in .png", found=str(path), fix="Choose such a name")
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    if not grey and not (array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8):
        raise ValueError(f"need (x, y) uint8/uint16 or (x, y, 3) uint8, got {array.shape} {array.dtype}")
    told = PngInfo()
    if note:
        told.add_itxt("Description", note)
    picture = pillow.fromarray(np.ascontiguousarray(array.swapaxes(0, 1)))
    with atomic_path(path) as scratch:
        picture.save(scratch, format="PNG", compress_level=3, pnginfo=told)
    return path


def _decoder(start: bytes) -> Callable[[Path], tuple[Array, RasterInfo]] | None:
    """Choose the decoder by the first 26 bytes of a file."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        deep = start[24:25] == b"\x10" and start[25:26] != b"\x00"
        return decode_deep_png if deep else decode_pillow
    if start.startswith(b"\xff\xd8\xff"):
        return decode_pillow
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return decode_tiff
    return None
