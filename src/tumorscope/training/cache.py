"""Preprocessed cases on disk, read through memory maps."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError, UsageError
from tumorscope.core.files import atomic_path, content_hash, ensure_folder, write_text
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.datasets.hashing import case_hashes
from tumorscope.transforms.prepare import Preprocess, prepare, prepare_label

log = logging.getLogger(__name__)
#: Stored where nobody labelled (:attr:`~tumorscope.core.case.Case.ignore_value`).
IGNORED = 255
#: Changes whenever what is stored changes, so that older caches are not read.
_LAYOUT = 2


@dataclass(frozen=True)
class CachedCase:
    """One preprocessed case.

    Attributes:
        id: Case id.
        patient: Patient.
        hashes: Content hashes (see :func:`~tumorscope.datasets.hashing.case_hashes`).
        file: Stem of its two arrays.
        foreground: Pixels of tumour per slice.
        values: Label values that occur.
        missing: Sequences that were filled with zeros.
    """

    id: str
    patient: str
    hashes: list[str]
    file: str
    foreground: list[int]
    values: list[int]
    missing: list[str]


class Cache:
    """A folder with, per case, float16 ``(Z, C, H, W)`` images and uint8 ``(Z, H, W)`` labels.

    Args:
        folder: Its place.
        cases: What it holds, by id.
        sparse: Whether :data:`IGNORED` marks pixels that nobody labelled.
    """

    def __init__(self, folder: Path, cases: dict[str, CachedCase], sparse: bool = False) -> None:
        self.folder, self.cases, self.sparse = folder, cases, sparse

    def images(self, case_id: str) -> Array:
        """Return the memory-mapped images of a case, float16 (Z, C, H, W)."""
        return np.asarray(np.load(self.folder / f"{self.cases[case_id].file}-x.npy", mmap_mode="r"))

    def labels(self, case_id: str) -> Array:
        """Return the memory-mapped labels of a case, uint8 (Z, H, W)."""
        return np.asarray(np.load(self.folder / f"{self.cases[case_id].file}-y.npy", mmap_mode="r"))

    def tumour(self, labels: Array) -> Array:
        """Return where cached labels are tumour: neither background nor without a label."""
        return (labels > 0) & (labels != IGNORED) if self.sparse else labels > 0


def _image(case: Case, sequence: object) -> Image:
    image = case.images[sequence]  # type: ignore[index]
    assert isinstance(image, Image), "the case is loaded"
    return image


def build_cache(
    cases: Sequence[Case],
    spec: Preprocess,
    scheme: LabelScheme,
    folder: Path,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Cache:
    """Preprocess ``cases`` once; cases already in the folder under the same settings are kept.

    Args:
        cases: Labelled cases.
        spec: Preprocessing; ``context``, ``slices`` and ``patch`` are applied when batches are made, not here.
        scheme: What the stored label values mean.
        folder: Parent of the caches; each setting gets its own subfolder.
        progress: Called with (done, total, case id).

    Raises:
        TumorscopeError: naming the case, if one cannot be read or prepared, or has no label.
    """
    applied_later = {"context", "slices", "patch"} | ({"size"} if spec.patch else set())
    settings = ({"volumes": True} if spec.patch else {}) | spec.model_dump(mode="json", exclude=applied_later)
    settings |= {
        "scheme": scheme.name,
        "values": scheme.values,
        "layout": _LAYOUT,
    }
    key = content_hash(json.dumps(settings, sort_keys=True).encode())
    place = ensure_folder(folder / key)
    write_text(place / "settings.json", json.dumps(settings, indent=1))
    found: dict[str, CachedCase] = {}
    for done, case in enumerate(cases):
        progress(done, len(cases), case.id)
        try:
            found[case.id] = _cached(case, spec, scheme, place)
        except TumorscopeError as error:
            where = "" if case.id in str(error) else f" (case {case.id})"
            raise error.replace(found=f"{error.found}{where}") from error
    progress(len(cases), len(cases), "")
    return Cache(place, found, any(case.ignore_value is not None for case in cases))


def _cached(case: Case, spec: Preprocess, scheme: LabelScheme, place: Path) -> CachedCase:
    stem = content_hash(fingerprint(case).encode())
    record = place / f"{stem}.json"
    if all(p.is_file() for p in (record, place / f"{stem}-x.npy", place / f"{stem}-y.npy")):
        return CachedCase(**json.loads(record.read_text(encoding="utf-8")))
    loaded = case.loaded()
    if not isinstance(loaded.label, Image) or loaded.scheme is None:
        raise InputError(
            expected="a label for every training case",
            found=f"none for {case.id}",
            fix="Leave the case out or label it",
        )
    prepared = prepare({s: _image(loaded, s) for s in loaded.sequences}, spec)
    labels = prepare_label(loaded.label.with_data(_converted(loaded, scheme)), prepared)
    tumour = (labels > 0) & ((labels != IGNORED) | (case.ignore_value is None))
    for name, array in (("x", prepared.array.astype(np.float16)), ("y", labels)):
        with atomic_path(place / f"{stem}-{name}.npy") as scratch:
            np.save(scratch, array)
    entry = CachedCase(
        id=case.id,
        patient=case.patient,
        hashes=case_hashes(loaded),
        file=stem,
        foreground=tumour.sum(axis=(1, 2)).tolist(),
        values=np.unique(labels).tolist(),
        missing=[str(s) for s in prepared.missing],
    )
    write_text(record, json.dumps(asdict(entry)))
    return entry


def _converted(case: Case, scheme: LabelScheme) -> Array:
    """Return a loaded case's label values in ``scheme``, with :data:`IGNORED` where nobody labelled.

    Raises:
        UsageError: if 255 is to be learned and to be ignored.
    """
    assert isinstance(case.label, Image) and case.scheme is not None, "the case is loaded and labelled"
    if case.ignore_value is None:
        return case.scheme.convert(case.label.data, scheme)
    if IGNORED in scheme.values:
        raise UsageError(
            expected=f"classes other than {IGNORED} where labels are sparse (data.ignore_value)",
            found=scheme.listing,
            fix="Give the class another value",
        )
    ignored = case.label.data == case.ignore_value
    converted = case.scheme.convert(np.where(ignored, 0, case.label.data), scheme)
    return np.where(ignored, np.uint8(IGNORED), converted)


def fingerprint(case: Case) -> str:
    """Return what tells whether a case changed: which files are what, their paths, sizes and times."""
    sources = {str(s): p for s, p in (*case.images.items(), ("label", case.label)) if isinstance(p, Path)}
    files = sorted({f for p in sources.values() for f in (p.iterdir() if p.is_dir() else [p])})
    ignored = "" if case.ignore_value is None else f"{case.ignore_value} ignored"
    if not files:
        return "-".join([case.id, *case_hashes(case.loaded()), *([ignored] if ignored else [])])
    return f"{case.id}{sources}{ignored}" + "".join(f"{f}{f.stat().st_size}{f.stat().st_mtime_ns}" for f in files)
