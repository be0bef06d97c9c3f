"""What one image file holds: geometry, intensities or label values, the sequence its name tells, what is doubtful."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import LabelError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import BINARY, LabelScheme, detect_scheme
from tumorscope.core.sequence import ALIASES, Sequence
from tumorscope.formats import image_suffix, mark_of, read_channels

#: A map of whole numbers with at most this many distinct values is taken for a label map.
MAX_LABELS = 8
_LABEL_WORDS = {"seg", "segm", "segmentation", "mask", "label", "labels", "gt", "labelmap"}
_PERCENTILE_VOXELS = 1_000_000
_FORMS_AGREE_MM = 0.1


def describe_file(path: str | Path) -> dict[str, Any]:
    """Describe one image file.

    Returns:
        ``file``, ``kind`` ("NIfTI", "PNG", …), ``role`` ("scan" or "label map"), ``sequence`` (from the file name, or
        None), ``channels``, ``shape`` [x, y, z], ``spacing`` [mm] or None, ``orientation`` (three letters; a
        convention where spacing is unknown), ``affine`` or None, ``dtype``, ``intensity`` (min, p01, p99,
        max; percentiles of the voxels that are not 0) for scans, ``labels`` (values, voxels, scheme) for label
        maps, ``problems`` (sentences).

    Raises:
        InputError: if the file cannot be read.
    """
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what they say is among the problems below
        images = _read(path)
    first = images[0]
    counts = _few_values(images)
    named = bool(_LABEL_WORDS & set(_words(path)))
    is_map = counts is not None and len(images) == 1 and (named or len(counts) > 1)
    problems = _header_problems(first)
    if mark := mark_of(path):
        problems.append(f"No original scan: {mark}.")
    record: dict[str, Any] = {
        "file": str(path),
        "kind": getattr(first.header, "kind", "NIfTI"),
        "role": "label map" if is_map else "scan",
        "sequence": None,
        "channels": len(images),
        "shape": [int(n) for n in first.shape],
        "spacing": [round(v, 6) for v in first.spacing] if first.spacing_known else None,
        "orientation": first.orientation,
        "affine": first.affine.tolist() if first.spacing_known else None,
        "dtype": str(first.data.dtype),
        "intensity": None,
        "labels": None,
        "problems": problems,
    }
    if is_map and counts is not None:
        record["labels"] = _labels(counts, path, first.spacing_known, problems)
        return record
    record["sequence"] = _sequence(path, problems)
    record["intensity"] = _intensity(images)
    problems.extend(_scan_problems(record, named))
    return record


def _read(path: Path) -> list[Image]:
    """Read every volume of a NIfTI, every colour channel of a picture."""
    if ".nii" in image_suffix(path):
        from tumorscope.formats.nifti_series import read_nifti_series

        return read_nifti_series(path)
    return read_channels(path)


def _words(path: Path) -> list[str]:
    name = path.name.lower().removesuffix(image_suffix(path))
    return [word for word in re.split(r"[^a-z0-9]+", name) if word]


def sequences_in_name(path: str | Path) -> list[Sequence]:
    """Return the sequences that the file name mentions, in its order, each once.

    Runs of words count before single ones: ``p7_t2_flair.nii`` mentions FLAIR only.
    """
    words, found, at = _words(Path(path)), [], 0
    while at < len(words):
        length = next((n for n in (3, 2, 1) if "".join(words[at : at + n]) in ALIASES), 0)
        if length:
            found.append(Sequence.parse("".join(words[at : at + length])))
        at += max(length, 1)
    return list(dict.fromkeys(found))


def _sequence(path: Path, problems: list[str]) -> str | None:
    found = sequences_in_name(path)
    if len(found) > 1:
        problems.append(f"The file name mentions several sequences ({', '.join(found)}).")
    return found[0].value if len(found) == 1 else None


def _few_values(images: list[Image]) -> dict[int, int] | None:
    """Return value → number of voxels if there are at most MAX_LABELS values, all whole numbers in 0-255."""
    counts: Counter[int] = Counter()
    for image in images:
        for k in range(image.shape[2]):
            values, numbers = np.unique(image.data[..., k], return_counts=True)
            if values[0] < 0 or values[-1] > 255 or len(values) > MAX_LABELS or (values % 1 != 0).any():
                return None
            counts.update({int(v): int(n) for v, n in zip(values, numbers, strict=True)})
            if len(counts) > MAX_LABELS:
                return None
    return dict(sorted(counts.items()))


def _labels(counts: dict[int, int], path: Path, is_volume: bool, problems: list[str]) -> dict[str, Any]:
    """Describe a label map; the scheme is told from values and name, and doubts are said."""
    present = set(counts) - {0}
    scheme: LabelScheme | None = None
    try:
        if present in ({1}, {255}) and not (is_volume and "brats" in path.name.lower()):
            scheme = BINARY
        elif present:
            scheme = detect_scheme(present, path.name)
    except LabelError:
        problems.append(f"The label values {', '.join(map(str, counts))} fit no known scheme.")
    if scheme is not None and 3 in present and 4 not in present and "brats" not in path.name.lower():
        problems.append("Values 1-3 may also be the Decathlon's (1 oedema, 2 core): state the scheme when using it.")
    return {
        "values": list(counts),
        "voxels": {str(value): number for value, number in counts.items()},
        "scheme": scheme.name if scheme else None,
        "scheme_title": scheme.title if scheme else None,
        "scheme_from": "values and file name" if scheme else None,
    }


def _intensity(images: list[Image]) -> dict[str, float]:
    """Return minimum and maximum of all voxels, 1st and 99th percentile of those that are not 0."""
    sample = np.concatenate([_thinned(image.data, _PERCENTILE_VOXELS // len(images)) for image in images])
    sample = sample[sample != 0]
    low, high = np.percentile(sample, [1, 99]) if sample.size else (0.0, 0.0)
    lowest, highest = min(i.data.min() for i in images), max(i.data.max() for i in images)
    return {"min": float(lowest), "p01": float(low), "p99": float(high), "max": float(highest)}


def _thinned(data: Array, size: int) -> Array:
    flat = data.ravel(order="K")
    return flat[:: math.ceil(flat.size / size)]


def _scan_problems(record: dict[str, Any], named_as_label: bool) -> list[str]:
    sentences = []
    intensity = record["intensity"]
    if intensity["min"] == intensity["max"]:
        sentences.append(f"Every voxel has the value {intensity['min']:g}.")
    if named_as_label:
        sentences.append("Named like a label map, but holds other than a few whole numbers.")
    if record["channels"] > 1 and record["kind"] == "NIfTI":
        sentences.append(f"{record['channels']} volumes in one file: what each holds is not in the file.")
    elif record["channels"] > 1:
        sentences.append(f"{record['channels']} different colour channels: their sequences are not in the file.")
    return sentences


def _header_problems(image: Image) -> list[str]:
    """Say what is doubtful about geometry: forms, units, EXIF orientation."""
    header, sentences = image.header, []
    if getattr(header, "orientation", 1) != 1:
        sentences.append(f"EXIF orientation {header.orientation} is not applied; pixels are used as stored.")
    if not hasattr(header, "get_best_affine"):
        return sentences
    qform, sform = header.get_qform(coded=True)[0], header.get_sform(coded=True)[0]
    if qform is None and sform is None:
        sentences.append("Neither sform nor qform is set: the orientation is a default and may be wrong.")
    elif qform is not None and sform is not None:
        corner = np.array([[0, 0, 0, 1], [*(n - 1 for n in image.shape), 1]], dtype=np.float64).T
        apart = float(np.abs((qform - sform) @ corner).max())
        if apart > _FORMS_AGREE_MM:
            sentences.append(f"sform and qform disagree by up to {apart:.1f} mm; the sform is used.")
    unit = header.get_xyzt_units()[0]
    if unit not in ("mm", "unknown"):
        sentences.append(f"The header's unit is {unit}; lengths are taken as millimetres nevertheless.")
    axes = image.affine[:3, :3] / np.array(image.spacing)
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3:
        sentences.append("The grid is sheared: its axes are not perpendicular.")
    return sentences
