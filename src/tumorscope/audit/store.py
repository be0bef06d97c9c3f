"""Scans on disk, so that files that did not change are read once."""

from __future__ import annotations

import json
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.audit.case_scan import CaseScan, SliceScan
from tumorscope.baselines.mask_crop import MaskCrop
from tumorscope.core.case import Case
from tumorscope.core.files import atomic_path, content_hash
from tumorscope.core.sequence import Sequence

#: Changes whenever what a scan holds changes, so that older ones are not read.
_LAYOUT = 3


def scan_key(case: Case, read: tuple[Sequence, ...]) -> str:
    """Return a name that changes with the case's files and the sequences ``read`` of it; "" where it has no files."""
    sources = [p for p in (*case.images.values(), case.label) if isinstance(p, Path)]
    files = sorted({f for p in sources if p.exists() for f in (p.iterdir() if p.is_dir() else [p])})
    if not files:
        return ""
    states = [f"{f}{f.stat().st_size}{f.stat().st_mtime_ns}" for f in files]
    what = f"{_LAYOUT} {' '.join(read)} {case.ignore_value} {case.id}"
    return content_hash(what.encode(), "".join(states).encode())


def save_scan(path: Path, scan: CaseScan) -> None:
    """Write a scan to ``path`` (.npz)."""
    words = {f.name: getattr(scan, f.name) for f in fields(scan) if f.name != "slices"}
    slices = scan.slices
    masks = slices.masks
    arrays: dict[str, Any] = {
        name: getattr(slices, name) for name in ("pixels", "bits", "small", "usable", "frame", "counts")
    }
    arrays["boxes"] = np.array([[*m.shape, *m.corner, *m.labels.shape] for m in masks], np.int64).reshape(-1, 6)
    arrays["labels"] = np.concatenate([m.labels.ravel() for m in masks]) if masks else np.zeros(0, np.uint8)
    arrays["words"] = np.frombuffer(json.dumps(words).encode(), np.uint8)
    with atomic_path(path) as scratch:
        np.savez_compressed(scratch, **arrays)


def load_scan(path: Path, case: Case) -> CaseScan | None:
    """Read the scan of ``case``, or return None where there is none that can be read.

    What discovery says of a case (patient, part, names) is taken from ``case``.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    words = json.loads(arrays.pop("words").tobytes())
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in words.items()}
    slices = SliceScan(masks=_masks(arrays.pop("boxes"), arrays.pop("labels")), **arrays)
    scan = CaseScan(**values, slices=slices)
    return replace(
        scan,
        patient=case.patient,
        unit=case.unit,
        names=tuple(sorted(case.names)),
        site=case.site,
        tumor_type=case.tumor_type,
        release_part=case.release_part,
    )


def _masks(boxes: Any, labels: Any) -> list[MaskCrop]:
    masks, start = [], 0
    for height, width, row, column, rows, columns in boxes.tolist():
        stop = start + rows * columns
        masks.append(MaskCrop((height, width), (row, column), labels[start:stop].reshape(rows, columns)))
        start = stop
    return masks
