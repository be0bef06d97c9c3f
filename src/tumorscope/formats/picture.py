"""Decoding of PNG and JPEG: Pillow, and pypng for what Pillow would cut to 8 bit. Used by ``raster`` and ``tiff``."""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array

if TYPE_CHECKING:
    from PIL import Image as pillow

#: More pixels than this in one file are taken for a decompression bomb (Pillow's own limit).
MAX_PIXELS = 178_956_970
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class RasterInfo:
    """How a picture was stored; kept as ``Image.header``.

    Attributes:
        kind: "PNG", "JPEG" or "TIFF".
        mode: "grey", "RGB", "palette", … as stored.
        channels: Colour channels as stored (3 for an RGB file even if all are equal); alpha is not counted.
        orientation: EXIF orientation tag (1 = upright). It is never applied: pixels stay where they are stored.
    """

    kind: str
    mode: str
    channels: int
    orientation: int = 1


def check_pixels(count: int, path: Path) -> None:
    """Refuse a picture of absurd size before it is decoded.

    Raises:
        InputError: if ``count`` exceeds :data:`MAX_PIXELS`.
    """
    if count > MAX_PIXELS:
        raise InputError(
            expected=f"at most {MAX_PIXELS} pixels in one file",
            found=f"{count} in {path}",
            fix="Check where the file comes from; give MRI slices",
        )


def decode_pillow(path: Path) -> tuple[Array, RasterInfo]:
    """Decode PNG or JPEG to (1, rows, columns, channels) without alpha, and how it was stored.

    Raises:
        InputError: if it is too large or an animation; damage raises whatever Pillow does.
    """
    from PIL import Image as pillow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pillow.DecompressionBombWarning)
        try:
            with pillow.open(path, formats=("PNG", "JPEG")) as picture:
                check_pixels(math.prod(picture.size), path)
                return _unpack(picture, path)
        except pillow.DecompressionBombError as error:
            raise InputError(
                expected=f"at most {MAX_PIXELS} pixels in one file", found=f"more in {path}", fix="Give MRI slices"
            ) from error


def _unpack(picture: pillow.Image, path: Path) -> tuple[Array, RasterInfo]:
    """Decode an open PNG or JPEG."""
    kind = "PNG" if picture.format == "PNG" else "JPEG"
    if kind == "PNG" and getattr(picture, "n_frames", 1) > 1:
        raise InputError(expected="one picture", found=f"an animation in {path}", fix="Give one file per slice")
    orientation = int(picture.getexif().get(_ORIENTATION, 1))
    mode, pixels = unpack_pixels(picture)
    if kind == "PNG" and pixels.dtype == np.int32:  # older Pillow widens 16-bit PNG
        pixels = pixels.astype(np.uint16)
    return pixels[None], RasterInfo(kind, mode, pixels.shape[-1], orientation)


def unpack_pixels(picture: pillow.Image) -> tuple[str, Array]:
    """Return the mode in words and the pixels (rows, columns, channels) of an open Pillow picture, without alpha."""
    names = {"LA": "grey+alpha", "RGBA": "RGBA", "RGB": "RGB", "P": "palette", "PA": "palette"}
    mode: str = picture.mode
    if mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa"):
        picture = picture.convert("RGB")
    pixels = np.asarray(picture)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    colours = 1 if mode in ("LA", "La") else min(pixels.shape[-1], 3)
    pixels = pixels[..., :colours].astype(pixels.dtype.newbyteorder("="), copy=False)
    return names.get(mode, "grey" if colours == 1 else mode), pixels


def decode_deep_png(path: Path) -> tuple[Array, RasterInfo]:
    """Decode 16-bit colour (or grey+alpha) PNG, which Pillow would cut to 8 bit."""
    import png

    with path.open("rb") as stream:
        columns, rows = struct.unpack(">II", stream.read(24)[16:])
        check_pixels(columns * rows, path)
        stream.seek(0)
        columns, rows, lines, details = png.Reader(file=stream).read()
        pixels = np.array([np.asarray(line, dtype=np.uint16) for line in lines])
    pixels = pixels.reshape(rows, columns, details["planes"])
    colours = 1 if details["greyscale"] else 3
    mode = ("grey" if colours == 1 else "RGB") + ("+alpha" if details["alpha"] else "")
    return pixels[None, ..., :colours], RasterInfo("PNG", mode, colours)
