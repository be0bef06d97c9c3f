"""Read every case once and keep what the checks need."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tumorscope.audit.case_scan import CaseScan, SliceScan, Trouble
from tumorscope.audit.picture_hash import hash_picture, shrunk
from tumorscope.audit.store import load_scan, save_scan, scan_key
from tumorscope.baselines.mask_crop import MaskCrop
from tumorscope.baselines.slice_set import SIDE
from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, LabelError, TumorscopeError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.hashing import case_hashes
from tumorscope.formats import mark_of
from tumorscope.transforms.grid import to_model_orientation

log = logging.getLogger(__name__)
Progress = Callable[[int, int, str], None]

#: Which sequence slices are described by: the first of these that a case has.
PREFERRED = (Sequence.FLAIR, Sequence.T1CE, Sequence.T2, Sequence.T1)


def scan_cases(
    cases: Iterable[Case],
    *,
    thorough: bool = True,
    store: Path | None = None,
    progress: Progress = lambda done, total, name: None,
) -> list[CaseScan]:
    """Scan cases; one that cannot be read is kept with its error.

    Args:
        cases: With or without labels.
        thorough: Read all sequences; else only the label and the one sequence that slices are described by.
        store: Folder that keeps scans, so that unchanged files are not read again.
        progress: Called with (done, total, case id).
    """
    listed = list(cases)
    scans = []
    for done, case in enumerate(listed):
        progress(done, len(listed), case.id)
        key = scan_key(case, _wanted(case, thorough)) if store else ""
        found = load_scan(store / f"{key}.npz", case) if store and key else None
        if found is None:
            found = scan_case(case, thorough=thorough)
            if store and key and not found.trouble:
                save_scan(store / f"{key}.npz", found)
        scans.append(found)
    progress(len(listed), len(listed), "")
    return scans


def scan_case(case: Case, *, thorough: bool = True) -> CaseScan:
    """Read one case and describe its slices."""
    try:
        loaded = case.loaded(_wanted(case, thorough))
    except TumorscopeError as error:
        return _unreadable(case, error)
    picture = next((s for s in PREFERRED if s in loaded.images), None)
    values: tuple[int, ...] = ()
    slices = SliceScan.none()
    image = loaded.images[picture] if picture else loaded.label
    if isinstance(image, Image):
        values, slices = _slices(image, loaded.label if isinstance(loaded.label, Image) else None, case.ignore_value)
    return _described(
        case,
        present=tuple(map(str, loaded.sequences if thorough else case.sequences)),
        picture=str(picture or ""),
        notes=tuple(loaded.notes),
        scheme=loaded.scheme.name if loaded.scheme and loaded.label is not None else "",
        values=values,
        grid=_grid(image) if isinstance(image, Image) else ("", "", ""),
        marks=_marks(loaded),
        hashes=tuple(case_hashes(loaded)),
        slices=slices,
    )


def _marks(loaded: Case) -> tuple[str, ...]:
    """Return what the files of a case say of themselves where they are no original scans."""
    sources = [i.source for i in loaded.images.values() if isinstance(i, Image) and i.source is not None]
    return tuple(dict.fromkeys(filter(None, map(mark_of, sources))))


def _wanted(case: Case, thorough: bool) -> tuple[Sequence, ...]:
    """Return the sequences to read."""
    picture = next((s for s in PREFERRED if s in case.images), None)
    return case.sequences if thorough or picture is None else (picture,)


def _described(case: Case, **found: object) -> CaseScan:
    return CaseScan(
        id=case.id,
        patient=case.patient,
        unit=case.unit,
        names=tuple(sorted(case.names)),
        site=case.site,
        tumor_type=case.tumor_type,
        release_part=case.release_part,
        listed=tuple(map(str, case.sequences)),
        **found,  # type: ignore[arg-type]
    )


def _unreadable(case: Case, error: TumorscopeError) -> CaseScan:
    kinds: tuple[tuple[type[TumorscopeError], Trouble], ...] = ((GeometryError, "geometry"), (LabelError, "labels"))
    trouble = next((name for kind, name in kinds if isinstance(error, kind)), "file")
    values: tuple[int, ...] = ()
    if trouble == "labels" and isinstance(case.label, Path) and case.label.is_file():
        from tumorscope.formats import read_image

        values = tuple(int(v) for v in np.unique(read_image(case.label).data) if v)
    log.debug("%s: %s", case.id, error)
    return _described(
        case, values=values, trouble=trouble, message=str(error), notes=tuple(case.notes), present=(), scheme=""
    )


def _grid(image: Image) -> tuple[str, str, str]:
    spacing = "×".join(f"{v:.3g}" for v in image.spacing) + " mm" if image.spacing_known else "spacing unknown"
    return "×".join(map(str, image.shape)), spacing, image.orientation


def _slices(image: Image, label: Image | None, ignored: int | None) -> tuple[tuple[int, ...], SliceScan]:
    """Describe the axial slices of an image and its label map; ``ignored`` marks pixels that nobody labelled."""
    volume = to_model_orientation(image).transpose(2, 1, 0)  # (slices, rows, columns)
    top = max(float(np.percentile(volume[:, ::4, ::4], 99.5)), 1e-6)
    hashed = [hash_picture(picture) for picture in volume]
    frames = [shrunk(np.ascontiguousarray(picture, dtype=np.float32), SIDE) for picture in volume]
    masks: list[MaskCrop] = []
    values: tuple[int, ...] = ()
    counts = np.zeros((len(volume), 0), np.int64)
    if label is not None:
        labels = to_model_orientation(label).transpose(2, 1, 0)
        masks = [MaskCrop.of(one if ignored is None else np.where(one == ignored, 0, one)) for one in labels]
        values = tuple(sorted({int(v) for mask in masks for v in np.unique(mask.labels)} - {0}))
        counts = np.array([[np.count_nonzero(m.labels == v) for v in values] for m in masks], np.int64)
        counts = counts.reshape(len(masks), len(values))
    return values, SliceScan(
        pixels=np.array([pixel_hash(picture) for picture in volume], np.uint64),
        bits=np.stack([h.bits for h in hashed]),
        small=np.stack([h.small for h in hashed]),
        usable=np.array([h.usable for h in hashed]),
        frame=np.stack([np.clip(f * (255 / top), 0, 255).astype(np.uint8) for f in frames]),
        masks=masks,
        counts=counts,
    )


def pixel_hash(picture: Array) -> int:
    """Hash the sorted pixel values of a picture (H, W): the same for its mirror images and rotations; 0 if constant."""
    pixels = np.ascontiguousarray(picture)
    if pixels.min() == pixels.max():
        return 0
    if pixels.dtype == np.uint8:
        content = np.bincount(pixels.ravel(), minlength=256).tobytes()
    else:
        content = np.sort(pixels.astype(np.float32), axis=None).tobytes()
    shape = "×".join(map(str, sorted(pixels.shape)))
    return int.from_bytes(hashlib.blake2b(shape.encode() + content, digest_size=8).digest(), "little")
