"""The voxels of a DICOM volume: decoded, rescaled, MONOCHROME1 turned round, missing slices interpolated."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.formats.dicom_frames import Frame
from tumorscope.formats.dicom_volumes import Stack


def read_stack(stack: Stack) -> Array:
    """Return the voxels (columns, rows, slices) of a stack.

    Whole numbers stay integers where no slice is rescaled; else float32.

    Raises:
        InputError: if a file is damaged, or compressed in a way no installed decoder reads.
    """
    planes: list[Array | None] = [None] * len(stack.frames)
    dark_is_high = False
    for k, plane, inverted in _planes(stack):
        planes[k] = plane
        dark_is_high = dark_is_high or inverted
    known = [p for p in planes if p is not None]
    if len({p.shape for p in known}) > 1:
        raise _damaged("slices of different size")
    dtype = np.result_type(*known)
    volume: Array = np.empty((*known[0].shape[::-1], len(planes)), dtype=dtype, order="F")
    for k, found in enumerate(planes):
        if found is not None:
            volume[:, :, k] = found.T
    _interpolate(volume, [k for k, p in enumerate(planes) if p is None])
    if dark_is_high:
        low, high = volume.min(), volume.max()
        np.subtract(high, volume, out=volume)
        volume += low
    return volume


def _planes(stack: Stack) -> Iterator[tuple[int, Array, bool]]:
    """Yield slice number, pixels (rows, columns) and whether high values are dark; each file is opened once."""
    slices: dict[Path, list[tuple[int, Frame]]] = {}
    for k, frame in enumerate(stack.frames):
        if frame is not None:
            slices.setdefault(frame.file, []).append((k, frame))
    for file, wanted in slices.items():
        ds, pixels = _decode(file)
        inverted = str(ds.get("PhotometricInterpretation") or "") == "MONOCHROME1"
        for k, frame in wanted:
            plane = pixels if pixels.ndim == 2 else pixels[frame.number - 1]
            yield k, _rescaled(plane, ds, frame), inverted


def _decode(file: Path) -> tuple[Any, Array]:
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(file, force=True)
            name = ds.file_meta.TransferSyntaxUID.name if ds.file_meta.get("TransferSyntaxUID") else ""
            if not name:
                ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        except Exception as error:
            raise _damaged(type(error).__name__) from error
        try:
            return ds, _used_bits(np.asarray(ds.pixel_array), ds)
        except MemoryError:
            raise
        except Exception as error:  # every codec has its own exceptions
            raise _damaged(f"{name}: {type(error).__name__}") from error


def _used_bits(pixels: Array, ds: Any) -> Array:
    """Clear what old files keep above the stored bits (overlays); nothing to do where all bits are stored."""
    stored, allocated = int(ds.BitsStored), int(ds.BitsAllocated)
    if stored >= allocated or pixels.dtype.kind not in "iu":
        return pixels
    if pixels.dtype.kind == "u":
        return np.asarray(pixels & pixels.dtype.type((1 << stored) - 1))
    shift = pixels.dtype.itemsize * 8 - stored
    return np.asarray((pixels << shift) >> shift)


def _rescaled(plane: Array, ds: Any, frame: Frame) -> Array:
    """Apply slope and intercept of the slice; padding becomes the lowest value of the slice."""
    slope, intercept = _slope(ds, frame)
    padding = ds.get("PixelPaddingValue")
    if isinstance(padding, int) and (plane == padding).any() and not (plane == padding).all():
        plane = np.where(plane == padding, plane[plane != padding].min(), plane)
    if (slope, intercept) == (1.0, 0.0):
        return plane
    return np.asarray(plane.astype(np.float64) * slope + intercept, dtype=np.float32)


def _slope(ds: Any, frame: Frame) -> tuple[float, float]:
    found: Any = ds
    for groups in (
        *(ds.get("PerFrameFunctionalGroupsSequence") or ())[frame.number - 1 : frame.number],
        *(ds.get("SharedFunctionalGroupsSequence") or ()),
    ):
        if groups.get("PixelValueTransformationSequence"):
            found = groups.PixelValueTransformationSequence[0]
            break
    slope, intercept = found.get("RescaleSlope"), found.get("RescaleIntercept")
    return float(1 if slope in (None, "") else slope), float(0 if intercept in (None, "") else intercept)


def _interpolate(volume: Array, missing: list[int]) -> None:
    """Fill slices linearly from the nearest ones that are there; works in place."""
    there = [k for k in range(volume.shape[2]) if k not in set(missing)]
    for k in missing:
        below, above = max(n for n in there if n < k), min(n for n in there if n > k)
        weight = (k - below) / (above - below)
        mixed = volume[:, :, below] * (1 - weight) + volume[:, :, above] * weight
        volume[:, :, k] = np.rint(mixed) if volume.dtype.kind in "iu" else mixed


def _damaged(detail: str) -> InputError:
    return InputError(
        expected="DICOM images that can be decoded",
        found=f"damaged or unsupported pixels ({detail})",
        fix="Export the series again, uncompressed if need be",
    )
