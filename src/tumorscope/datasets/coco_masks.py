"""COCO annotations → masks: polygons, run-length codes (plain and compressed), and boxes where there is neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array


def is_rectangle(segmentation: Any) -> bool:
    """Whether every polygon of a COCO ``segmentation`` has four corners (five points if closed) along the axes."""
    polygons = segmentation if isinstance(segmentation, list) else []
    return bool(polygons) and all(_is_box(polygon) for polygon in polygons)


def _is_box(polygon: Any) -> bool:
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    corners = np.unique(points, axis=0)
    return len(corners) == 4 and all(len(np.unique(corners[:, axis])) == 2 for axis in (0, 1))


def draw(annotations: Iterable[Mapping[str, Any]], size: tuple[int, int], where: str = "the picture") -> Array:
    """Unite the annotations of one picture.

    A pixel belongs to a polygon if its centre does; pixel (0, 0) covers 0-1 in both directions, as in COCO.

    Args:
        annotations: COCO annotations.
        size: Width and height of the picture.
        where: Names the picture in errors.

    Returns:
        uint8 (width, height), 0 and 1.

    Raises:
        InputError: if an annotation has neither a segmentation nor a box that can be read.
    """
    mask = np.zeros(size, dtype=bool)
    for annotation in annotations:
        try:
            mask |= _one(annotation, size)
        except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
            raise InputError(
                expected="a COCO segmentation (polygons or run lengths) or bbox",
                found=f"{error} in annotation {annotation.get('id', '?')} of {where}",
                fix="Download the annotations again",
            ) from error
    return mask.astype(np.uint8)


def _one(annotation: Mapping[str, Any], size: tuple[int, int]) -> Array:
    segmentation = annotation.get("segmentation")
    if segmentation and isinstance(segmentation, Mapping):
        return _run_lengths(segmentation, size)
    if segmentation:
        polygons = [_polygon(np.asarray(p, np.float64).reshape(-1, 2), size) for p in segmentation]
        return np.asarray(np.logical_or.reduce(polygons))
    x, y, width, height = (float(v) for v in annotation["bbox"])
    return _polygon(np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), size)


def _polygon(points: Array, size: tuple[int, int]) -> Array:
    """Fill a polygon by the even-odd rule; ``points`` is (N, 2) in pixels."""
    if len(points) < 3 or not np.isfinite(points).all():
        raise ValueError(f"a polygon of {len(points)} points")
    inside = np.zeros(size, dtype=bool)
    x, y = np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        rows = (y >= min(y1, y2)) & (y < max(y1, y2))
        crossing = x1 + (y[rows] - y1) * (x2 - x1) / (y2 - y1)
        inside[:, rows] ^= x[:, None] < crossing[None, :]
    return inside


def _run_lengths(code: Mapping[str, Any], size: tuple[int, int]) -> Array:
    """Decode COCO's run lengths, which go down the columns, zeros first."""
    counts = code["counts"]
    runs = _unpack(counts) if isinstance(counts, str) else [int(c) for c in counts]
    height, width = (int(v) for v in code["size"])
    if (width, height) != size or sum(runs) != width * height or min(runs, default=0) < 0:
        raise ValueError(f"run lengths of {width}×{height} and {sum(runs)} pixels for a {size[0]}×{size[1]} picture")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height)


def _unpack(text: str) -> list[int]:
    """Read COCO's compressed counts: 5 bits a character from code 48 on, each count less the one two before it."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        digit = ord(character) - 48
        value |= (digit & 0x1F) << shift
        shift += 5
        if digit & 0x20:
            continue
        if digit & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("run lengths that end in the middle of a number")
    return runs
