"""Decoding of TIFF: tifffile, and Pillow for the compressions it lacks. Used by :mod:`tumorscope.formats.raster`."""

from __future__ import annotations

import contextlib
import logging
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.image import Array
from tumorscope.formats.checks import damaged
from tumorscope.formats.picture import RasterInfo, check_pixels, unpack_pixels

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE = 0, 1, 2, 3


def decode_tiff(path: Path) -> tuple[Array, RasterInfo]:
    """Decode every page of a TIFF to (pages, rows, columns, channels) without alpha.

    Raises:
        InputError: if pages differ in size or type, the file is cut short, too large, or of a kind neither
            library can decode without loss.
    """
    import tifffile

    with _quiet_tifffile(), tifffile.TiffFile(path) as tif:
        _check_chain(tif, path)
        series = [s for s in tif.series if not s.keyframe.is_reduced] or list(tif.series)
        kinds = {(p.shape, str(p.dtype)) for p in tif.pages if not p.is_reduced}
        if len(series) != 1 or len(kinds) > 1:
            raise _mixed(path, [shape for shape, _ in sorted(kinds)])
        page = series[0].keyframe
        check_pixels(math.prod(series[0].shape) // page.samplesperpixel, path)
        _check_length(series[0], path)
        orientation = page.tags.valueof(274, default=1)
        if page.photometric not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE):
            return _decode_with_pillow(path, page, "unknown colours")
        try:
            stored = series[0].asarray()
        except zlib.error as error:
            raise damaged(path, "TIFF", error) from error
        except Exception as error:  # a codec tifffile lacks, or damage: Pillow decides
            return _decode_with_pillow(path, page, error)
        planes, mode = _to_planes(stored, series[0].axes, page, path)
    return planes, RasterInfo("TIFF", mode, planes.shape[-1], int(orientation))


@contextlib.contextmanager
def _quiet_tifffile() -> Iterator[None]:
    """Keep tifffile from logging what ends as one error here."""
    logger = logging.getLogger("tifffile")

    def drop(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)


def _check_chain(tif: Any, path: Path) -> None:
    """Refuse a file whose list of pages breaks off: tifffile would give the first pages as if they were all."""
    layout, stream, size = tif.tiff, tif.filehandle, path.stat().st_size
    at, seen = layout.offsetsize, {0}
    while at + layout.offsetsize <= size:
        stream.seek(at)
        (page,) = struct.unpack(layout.offsetformat, stream.read(layout.offsetsize))
        if page == 0:
            return
        if page in seen or page + layout.tagnosize > size:
            break
        seen.add(page)
        stream.seek(page)
        (tags,) = struct.unpack(layout.tagnoformat, stream.read(layout.tagnosize))
        at = page + layout.tagnosize + tags * layout.tagsize
    raise damaged(path, "TIFF", "its list of pages breaks off")


def _check_length(series: Any, path: Path) -> None:
    """Refuse a file that ends before the pixels its directory points at."""
    size = path.stat().st_size
    for page in series.pages:
        if page is None:
            continue
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if len(page.dataoffsets) != len(page.databytecounts) or not ends or max(ends) > size:
            raise damaged(path, "TIFF", "it ends before its pixels do")


def _to_planes(stored: Array, axes: str, page: Any, path: Path) -> tuple[Array, str]:
    """Order ``stored`` as (pages, rows, columns, channels), look up palettes, drop alpha."""
    names = [a for a, n in zip(axes, stored.shape, strict=True) if n > 1 or a in "YXSC"]
    stored = stored.reshape([n for a, n in zip(axes, stored.shape, strict=True) if n > 1 or a in "YXSC"])
    channel = [a for a in names if a in "SC" and stored.shape[names.index(a)] > 1]
    slices = [a for a in names if a not in "YXSC"]
    if len(channel) > 1 or len(slices) > 1 or stored.dtype.kind not in "biuf":
        raise InputError(
            expected="one stack of grey or colour pictures",
            found=f"axes {axes} of shape {stored.shape} ({stored.dtype}) in {path}",
            fix="Export one stack per file",
        )
    order = [names.index(a) for a in (*slices, "Y", "X", *channel)]
    spare = [i for i in range(stored.ndim) if i not in order]
    planes = stored.transpose([*spare, *order]).reshape([stored.shape[i] for i in order])
    planes = planes if slices else planes[None]
    planes = planes if channel else planes[..., None]
    if planes.dtype == np.bool_:
        planes = planes.astype(np.uint8) * np.uint8(255)
    return _colours(planes, page)


def _colours(planes: Array, page: Any) -> tuple[Array, str]:
    """Apply photometric interpretation and extra samples."""
    if planes.dtype == np.float16:
        planes = planes.astype(np.float32)
    if page.photometric == _PALETTE:
        table = np.asarray(page.colormap)  # (3, 2^bits), 16 bit by the standard, 8 bit in some files
        table = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
        return table[:, planes[..., 0]].transpose(1, 2, 3, 0), "palette"
    if page.photometric == _MIN_IS_WHITE and planes.dtype.kind == "u":
        planes = np.iinfo(planes.dtype).max - planes
    if page.photometric == _RGB:
        return planes[..., :3], "RGB" if planes.shape[-1] == 3 else "RGBA"
    alpha = sum(1 for sample in page.extrasamples if sample in (1, 2))
    kept = max(planes.shape[-1] - alpha, 1)
    return planes[..., :kept], ("grey" if kept == 1 else f"{kept} channels") + ("+alpha" if alpha else "")


def _decode_with_pillow(path: Path, page: Any, reason: object) -> tuple[Array, RasterInfo]:
    """Decode through libtiff; refuse what Pillow would cut to 8 bit or turn."""
    from PIL import Image as pillow

    compression = getattr(page.compression, "name", str(page.compression))
    bits = page.bitspersample
    lossy = bits > 32 or (bits > 8 and (page.samplesperpixel > 1 or page.photometric == _MIN_IS_WHITE))
    if lossy or page.tags.valueof(274, default=1) != 1:
        raise InputError(
            expected="a TIFF that can be read without loss",
            found=f"{bits}-bit {'colour' if page.samplesperpixel > 1 else 'grey'} "
            f"(or turned) pixels with {compression} compression in {path}",
            fix="Save it uncompressed or as PNG",
        )
    try:
        with pillow.open(path, formats=("TIFF",)) as picture:
            pages = []
            for k in range(getattr(picture, "n_frames", 1)):
                picture.seek(k)
                pages.append(unpack_pixels(picture))
    except TumorscopeError:
        raise
    except Exception as error:
        raise damaged(path, "TIFF", f"{compression} compression: {error}; {reason}") from error
    shapes = [pixels.shape for _, pixels in pages]
    if len(set(shapes)) > 1:
        raise _mixed(path, shapes)
    planes = np.stack([pixels for _, pixels in pages])
    if planes.dtype == np.int32 and page.dtype is not None and page.dtype.kind in "iu":  # Pillow widens to 32 bit
        planes = planes.astype(page.dtype)
    return planes, RasterInfo("TIFF", pages[0][0], planes.shape[-1])


def _mixed(path: Path, shapes: list[Any]) -> InputError:
    kinds = ", ".join(str(tuple(s)) for s in dict.fromkeys(map(tuple, shapes)))
    return InputError(
        expected="pages of one size and type",
        found=f"{kinds or 'no picture'} in {path}",
        fix="Export one file per page",
    )
