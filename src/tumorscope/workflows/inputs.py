"""INPUT of a command → cases: a file, one case's sequences, slices of one patient, a folder of cases, DICOM, zip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import folder as own_data
from tumorscope.datasets.folder_info import FolderInfo
from tumorscope.datasets.names import is_label, sequence_of, stem
from tumorscope.formats import image_suffix, is_image_file, known_suffix, mark_of, natural_key
from tumorscope.formats.dicom_frames import looks_like_dicom
from tumorscope.formats.zipped import is_zip
from tumorscope.workflows.dicom_inputs import dicom_inputs, zip_inputs
from tumorscope.workflows.found import RESULT_MARK, Found
from tumorscope.workflows.nifti_inputs import case_by_look, case_of_series, volumes_in
from tumorscope.workflows.pictures import PictureReader, picture_case

Spacing = tuple[float, float, float]


def find_inputs(
    path: str | Path,
    sequence: Sequence | None = None,
    skip: Path | None = None,
    *,
    any_grid: bool = False,
    keep_identifiers: bool = False,
) -> list[Found]:
    """Find the cases of one INPUT; voxels are read only where neither names nor tags tell the sequence.

    Args:
        path: A file or folder: NIfTI, DICOM, pictures, or a zip file of any.
        sequence: What files hold whose name tells no sequence.
        skip: Folder to leave out (where results go).
        any_grid: Sequences of a case may lie on different grids.
        keep_identifiers: Call DICOM cases by patient id and date instead of a pseudonym.

    Returns:
        At least one entry, sorted by name; faults are entries too.
    """
    path = Path(path)
    inner = partial(_find, sequence=sequence, skip=skip, keep_identifiers=keep_identifiers)
    found = zip_inputs(path, inner) if is_zip(path) else inner(path)
    return [replace(one, case=_relaxed(one.case)) for one in found] if any_grid else found


def _relaxed(case: Case | None) -> Case | None:
    if case is None or case.reader is not own_data.read:
        return case
    return replace(case, reader=partial(own_data.read, one_grid=False))


def _find(path: Path, sequence: Sequence | None, skip: Path | None, keep_identifiers: bool) -> list[Found]:
    dicom = partial(dicom_inputs, path, sequence, (skip,) if skip else (), keep_identifiers=keep_identifiers)
    if not path.is_dir():
        found = dicom() if path.is_file() and looks_like_dicom(path) else []
        return found or [_try(stem(path), path, partial(_case_of_file, path, sequence))]
    if (path / RESULT_MARK).is_file():
        error = InputError(
            expected=f"scans in {path}", found="results of an earlier run", fix="Give the folder the scans are in"
        )
        return [Found(path.resolve().name, path, error=error)]
    studies = dicom()
    if not studies:
        return _without_dicom(path, sequence, skip)
    others = _without_dicom(path, sequence, skip)  # pictures beside DICOM are previews
    return [*studies, *(one for one in others if one.case is not None and not is_picture(one.case))]


def _without_dicom(path: Path, sequence: Sequence | None, skip: Path | None) -> list[Found]:
    if _images(path):
        return [_try(path.resolve().name, path, partial(_case_of_folder, path, sequence))]
    if (path / "images").is_dir():
        return _flat(path, sequence)
    folders = [f for f in _folders(path) if not _below(f, skip) and not (f / RESULT_MARK).exists()]
    names = [f.resolve().name for f in folders]
    found = []
    for folder, name in zip(folders, names, strict=True):
        unique = name if names.count(name) == 1 else "_".join(folder.relative_to(path).parts)
        found.append(_try(unique, folder, partial(_case_of_folder, folder, sequence)))
    return found or [Found(path.resolve().name, path, error=_nothing_in(path))]


def without_scans(path: str | Path, skip: Path | None = None) -> list[str]:
    """Return the names of the folders directly in ``path`` in which no scan lies, at any depth.

    Args:
        path: An INPUT; only of a folder of cases is anything told.
        skip: Folder to leave out (where results go).
    """
    top = Path(path)
    if not top.is_dir() or _images(top) or (top / "images").is_dir():
        return []
    folders = sorted((p for p in top.iterdir() if p.is_dir() and not p.name.startswith(".")), key=natural_key)
    return [f.name for f in folders if not _below(f, skip) and not any(map(_may_be_scan, f.rglob("*")))]


def _may_be_scan(path: Path) -> bool:
    return path.is_file() and (is_image_file(path) or looks_like_dicom(path))


def with_spacing(case: Case, spacing: Spacing) -> Case:
    """Give the voxels of a read case this size in mm where none is known; says so where it is known already."""
    images: dict[Sequence, Image | Path] = {}
    notes = list(case.notes)
    for sequence, image in case.images.items():
        assert isinstance(image, Image)
        if image.spacing_known:
            images[sequence] = image
            note = f"--spacing was not used: the files carry {', '.join(f'{v:g}' for v in image.spacing)} mm."
            notes += [] if note in notes else [note]
            continue
        affine = image.affine.copy()
        affine[:3, :3] = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0) * np.asarray(spacing)
        images[sequence] = replace(image, affine=affine, spacing_known=True)
    if not notes or not notes[-1].startswith("--spacing"):
        notes.append(f"Spacing {', '.join(f'{v:g}' for v in spacing)} mm was stated by the user.")
    return replace(case, images=images, label=None, notes=notes)


def is_picture(case: Case) -> bool:
    """Whether a case comes from pictures (PNG, JPEG, TIFF) rather than volumes."""
    if isinstance(case.reader, PictureReader):
        return True
    if case.sources:
        return False
    sources = [x.source if isinstance(x, Image) else x for x in case.images.values()]
    return all(s is not None and (s.is_dir() or not image_suffix(s).startswith(".nii")) for s in sources)


def files_of(case: Case) -> dict[str, tuple[Path, ...]]:
    """Return sequence → files that a case (read or not) comes from."""
    if isinstance(case.reader, PictureReader):
        return case.reader.files
    if case.sources:
        return {str(s): source.paths for s, source in case.sources.items()}
    sources = {str(s): x.source if isinstance(x, Image) else x for s, x in case.images.items()}
    files = {s: (p,) for s, p in sources.items() if p is not None and p.is_file()}
    folders = {s: p for s, p in sources.items() if p is not None and p.is_dir()}
    return {**files, **{s: tuple(f for f in _images(p) if not is_label(f)) for s, p in folders.items()}}


def marks_of(files: Mapping[str, Iterable[Path]], used: Iterable[str]) -> list[str]:
    """Say which of the images that were used this program made or changed; ``files`` as :func:`files_of` gives them."""
    told = {s: next(filter(None, map(mark_of, files.get(s, ()))), "") for s in map(str, used)}
    return [f"{sequence} is no original scan: {mark}." for sequence, mark in told.items() if mark]


def _try(name: str, path: Path, make: Callable[[], Case]) -> Found:
    try:
        return Found(name, path, case=make())
    except TumorscopeError as error:
        return Found(name, path, error=error)


def _case_of_file(path: Path, sequence: Sequence | None) -> Case:
    from tumorscope.formats.checks import check_file

    check_file(path)
    name = stem(path)
    if not known_suffix(path).startswith(".nii"):
        return picture_case(name, [path], sequence)
    if volumes_in(path) > 1:
        return case_of_series(name, path)
    shown = sequence or sequence_of(path)
    if shown is None:
        return case_by_look(name, [path])
    return Case(name, name, {shown: path}, reader=own_data.read)


def _case_of_folder(folder: Path, sequence: Sequence | None) -> Case:
    files = _images(folder)
    scans = [p for p in files if not is_label(p)]
    volumes = [p for p in scans if image_suffix(p).startswith(".nii")]
    name = folder.resolve().name
    if not scans:
        raise InputError(expected=f"scans in {folder}", found="label maps only", fix="Give the folder with the scans")
    if volumes:
        case = own_data.case_from_folder(folder, FolderInfo(sequence=sequence))
        if case is not None:
            return case
        return case_of_series(name, volumes[0]) if _is_series(volumes) else case_by_look(name, volumes)
    return picture_case(name, scans, sequence)


def _is_series(volumes: list[Path]) -> bool:
    return len(volumes) == 1 and volumes_in(volumes[0]) > 1


def _flat(root: Path, sequence: Sequence | None) -> list[Found]:
    """Find the cases of a folder with ``images/`` (see :mod:`tumorscope.datasets.folder`)."""
    try:
        if sequence is not None:
            files = [p for p in _images(root / "images") if not is_label(p)]
            return [_try(stem(p), p, partial(_case_of_file, p, sequence)) for p in files]
        cases = own_data.find(root)
    except TumorscopeError as error:
        return [Found(root.resolve().name, root, error=error)]
    found = [Found(case.id, root / "images", case=case) for case in cases]
    return found or [Found(root.resolve().name, root, error=_nothing_in(root))]


def _images(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if is_image_file(p) and not p.is_dir()), key=natural_key)


def _folders(root: Path) -> Iterator[Path]:
    """Yield every folder below ``root`` that holds images itself; folders inside such a folder are passed over."""
    for child in sorted((p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")), key=natural_key):
        if _images(child):
            yield child
        else:
            yield from _folders(child)


def _below(folder: Path, top: Path | None) -> bool:
    return top is not None and folder.resolve().is_relative_to(top.resolve())


def _nothing_in(path: Path) -> InputError:
    return InputError(
        expected=f"scans (DICOM, NIfTI, PNG, JPEG, TIFF) in {path}",
        found="none",
        fix="Give a file or a folder that holds scans",
    )
