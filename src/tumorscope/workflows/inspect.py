"""Say what is in a file or folder: geometry, intensities, label values, sequences, and what is wrong with it."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats import FORMATS, image_suffix, is_image_file, natural_key
from tumorscope.formats.describe import MAX_LABELS, describe_file
from tumorscope.formats.dicom_frames import looks_like_dicom
from tumorscope.formats.zipped import is_zip, unpack
from tumorscope.workflows.inspect_dicom import dicom_records


def inspect_path(path: str | Path, *, limit: int = 40) -> dict[str, Any]:
    """Describe one file, or the image files in and below a folder.

    Args:
        path: A file, or a folder (hidden files and folders are passed over).
        limit: At most this many files of a folder are opened, spread evenly over its sub-folders; a note says so.

    Returns:
        JSON-friendly: ``path``, ``found``, ``inspected``, ``failed`` (numbers of files), ``note``, ``other_files``
        (ending → number), ``files`` (see :func:`~tumorscope.formats.describe.describe_file`; a file that cannot be
        read has only ``file``, ``kind`` and ``problems``), ``problems`` (between files).

    Raises:
        InputError: if a single file cannot be read, or the folder holds no image file.
    """
    path = Path(path)
    if is_zip(path):
        unpacked = unpack(path)
        inside = str(unpacked.folder)
        return dict(_renamed(inspect_path(inside, limit=limit), inside, str(path)))
    volumes, passed_over = dicom_records(path) if path.is_dir() or looks_like_dicom(path) else ([], [])
    if not path.is_dir() and not (volumes or passed_over):
        return _result(path, 1, [describe_file(path)], Counter(), None)
    images, others = _list_files(path) if path.is_dir() else ([], Counter())
    if volumes or passed_over:
        records = [*volumes, *(_inspect_or_report(file) for file in _sample(images, limit))]
        result = _result(path, len(volumes) + len(images), records, Counter(), None)
        return {**result, "problems": [*result["problems"], *passed_over]}
    if not images:
        seen = ", ".join(f"{n} {suffix}" for suffix, n in others.most_common(5)) or "nothing"
        raise InputError(
            expected=f"image files ({', '.join(FORMATS)})", found=f"{seen} in {path}", fix="Name another folder"
        )
    chosen = _sample(images, limit)
    note = None
    if len(chosen) < len(images):
        note = f"{len(chosen)} of {len(images)} files were opened, spread over the folder; the others may differ."
    return _result(path, len(images), [_inspect_or_report(file) for file in chosen], others, note)


def render(result: dict[str, Any]) -> str:
    """Return what :func:`inspect_path` found as plain text for a terminal; files alike share one line."""
    records = result["files"]
    if result["found"] == 1 and not result["failed"]:
        lines = [_block(records[0])]
    else:
        counts = f"{result['found']} image files, {result['inspected']} opened, {result['failed']} unreadable"
        lines = [f"{result['path']}: {counts}", *_grouped(records, result["path"])]
    if result["other_files"]:
        lines.append("other files: " + ", ".join(f"{n} {s}" for s, n in result["other_files"].items()))
    lines.extend(f"! {sentence}" for sentence in result["problems"])
    if any(record.get("intensity") for record in records):
        lines.append("Intensities are the 1st to 99th percentile of the voxels that are not 0.")
    if result["note"]:
        lines.append(result["note"])
    return "\n".join(lines)


def _grouped(records: list[dict[str, Any]], root: str) -> list[str]:
    """Return one line per file, or per group of files of one folder that differ in content only."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        alone = "shape" not in record or record["sequence"] or record["spacing"]
        name = Path(record["file"])
        groups[(name if alone else name.parent, _facts(record), *record["problems"])].append(record)
    lines = []
    for (_, facts, *problems), group in groups.items():
        names = [r["file"] if r["kind"] == "DICOM" else os.path.relpath(r["file"], root) for r in group]
        title = names[0] if len(names) == 1 else f"{names[0]} … {Path(names[-1]).name} ({len(names)} files)"
        contents = ", ".join(part for part in (facts, _contents(group)) if part)
        lines.append(f"{title}: {contents}" if contents else title)
        lines.extend(f"  ! {sentence}" for sentence in problems)
    return lines


def _facts(record: dict[str, Any]) -> str:
    if "shape" not in record:
        return ""
    where = f"{_spacing(record)}, {record['orientation']}" if record["spacing"] else _spacing(record)
    parts = (record["sequence"] or record["role"], _shape(record), where, record["dtype"])
    return ", ".join(part for part in parts if part)


def _contents(group: list[dict[str, Any]]) -> str:
    """Return the label values or the intensity range of files alike."""
    maps = [record["labels"] for record in group if record.get("labels")]
    if maps:
        values = sorted({value for labels in maps for value in labels["values"]})
        schemes = sorted({labels["scheme"] for labels in maps if labels["scheme"]})
        meaning = ", ".join(schemes) or ("nothing labelled" if values == [0] else "no known scheme")
        return f"labels {', '.join(map(str, values))} ({meaning})"
    ranges = [record["intensity"] for record in group if record.get("intensity")]
    if not ranges:
        return ""
    return f"intensity {min(r['p01'] for r in ranges):.4g} to {max(r['p99'] for r in ranges):.4g}"


def _shape(record: dict[str, Any]) -> str:
    several = f", {record['channels']} channels" if record["channels"] > 1 else ""
    return "×".join(map(str, record["shape"])) + several


def _spacing(record: dict[str, Any]) -> str:
    if record["spacing"] is None:
        return "spacing unknown"
    return "×".join(f"{v:.3g}" for v in record["spacing"]) + " mm"


def _block(record: dict[str, Any]) -> str:
    """Return one aligned block for one file."""
    source = "the header or the image" if record["kind"] == "DICOM" else "the file name"
    told = f"{record['sequence']} (from {source})" if record["sequence"] else f"not told by {source}"
    rows = {
        "file": record["file"],
        "kind": f"{record['kind']}, {record['role']}",
        "sequence": told if record["role"] == "scan" else "",
        "shape": _shape(record),
        "spacing": _spacing(record),
        "orientation": record["orientation"] + ("" if record["spacing"] else " (assumed: the format does not say)"),
        "type": record["dtype"] or "",
        "content": _contents([record]),
        "scheme": (record["labels"] or {}).get("scheme_title") or "",
    }
    lines = [f"{name:12} {value}" for name, value in rows.items() if value]
    return "\n".join([*lines, *(f"! {sentence}" for sentence in record["problems"])])


def _renamed(found: Any, old: str, new: str) -> Any:
    """Say the zip file's name for the temporary folder it was unpacked to."""
    if isinstance(found, dict):
        return {key: _renamed(value, old, new) for key, value in found.items()}
    if isinstance(found, list):
        return [_renamed(value, old, new) for value in found]
    return found.replace(old, new) if isinstance(found, str) else found


def _inspect_or_report(path: Path) -> dict[str, Any]:
    try:
        return describe_file(path)
    except InputError as error:
        return {"file": str(path), "kind": image_suffix(path), "problems": [str(error)]}


def _list_files(folder: Path) -> tuple[list[Path], Counter[str]]:
    images: list[Path] = []
    others: Counter[str] = Counter()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted((n for n in folders if not n.startswith((".", "__MACOSX"))), key=natural_key)
        for name in sorted((n for n in names if not n.startswith(".")), key=natural_key):
            if is_image_file(name):
                images.append(Path(parent, name))
            else:
                others[Path(name).suffix.lower() or "without ending"] += 1
    return images, others


def _sample(files: list[Path], limit: int) -> list[Path]:
    """Choose at most ``limit`` files: whole folders where these are small (cases), else a few of each."""
    if len(files) <= limit:
        return files
    groups: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        groups[file.parent].append(file)
    size = math.ceil(median(map(len, groups.values())))
    each = size if size <= max(limit // 4, 1) else max(limit // min(len(groups), 10), 1)
    chosen = [f for group in _evenly(list(groups.values()), max(limit // each, 1)) for f in _evenly(group, each)]
    return chosen[:limit]


def _evenly(items: list[Any], number: int) -> list[Any]:
    number = min(number, len(items))
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, number)]


def _result(
    path: Path, found: int, records: list[dict[str, Any]], others: Counter[str], note: str | None
) -> dict[str, Any]:
    return {
        "path": str(path),
        "found": found,
        "inspected": len(records),
        "failed": sum("shape" not in record for record in records),
        "note": note,
        "other_files": dict(others.most_common()),
        "files": records,
        "problems": _problems_between(records),
    }


def _problems_between(records: list[dict[str, Any]]) -> list[str]:
    """Find, among the NIfTI files of one folder, two candidates for a sequence and differing grids."""
    folders: dict[Path, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        if record["kind"] == "NIfTI":
            folders[Path(record["file"]).parent].append(record)
    sentences = []
    for folder, group in folders.items():
        names: dict[str, list[str]] = defaultdict(list)
        for record in group:
            if record["sequence"]:
                names[record["sequence"]].append(Path(record["file"]).name)
        if len(names) < 2 and len(group) > MAX_LABELS:
            continue  # not the folder of one case
        for sequence, candidates in names.items():
            if len(candidates) > 1:
                sentences.append(f"{len(candidates)} candidates for {sequence} in {folder}: {', '.join(candidates)}.")
        if len(names) > 1:
            sentences.extend(_other_grids(folder, group))
    return sentences


def _other_grids(folder: Path, group: list[dict[str, Any]]) -> list[str]:
    """Name the files of one case that do not lie on the grid of its first."""

    def grid(record: dict[str, Any]) -> Image:
        no_voxels = np.broadcast_to(np.uint8(0), record["shape"])
        return Image(no_voxels, np.array(record["affine"] or np.eye(4)))

    first, *rest = group
    odd = [Path(record["file"]).name for record in rest if not grid(record).same_grid(grid(first))]
    if not odd:
        return []
    return [f"Not on the grid of {Path(first['file']).name} in {folder}: {', '.join(odd)}."]
