"""INPUT of a command → cases: a file, the sequences of one case, slices of one patient, or a folder of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from tumorscope.formats import image_suffix, is_image_file, natural_key
from tumorscope.workflows.pictures import PictureReader, picture_case

Spacing = tuple[float, float, float]
#: A folder with this file holds results of this program and is never an input.
RESULT_MARK = "measurements.json"


@dataclass(frozen=True)
class Found:
    """One case of an INPUT, or why there is none.

    Attributes:
        id: Name of the case.
        path: File or folder it was found at.
        case: Not read yet.
        error: Set where ``case`` is None.
    """

    id: str
    path: Path
    case: Case | None = None
    error: TumorscopeError | None = None


def find_inputs(path: str | Path, sequence: Sequence | None = None, skip: Path | None = None) -> list[Found]:
    """Find the cases of one INPUT without reading voxels.

    Args:
        path: A file or folder.
        sequence: What files hold whose name tells no sequence.
        skip: Folder to leave out (where results go).

    Returns:
        At least one entry, sorted by name; faults are entries too.
    """
    path = Path(path)
    if not path.is_dir():
        return [_try(stem(path), path, partial(_case_of_file, path, sequence))]
    if (path / RESULT_MARK).is_file():
        error = InputError(
            expected=f"scans in {path}", found="results of an earlier run", fix="Give the folder the scans are in"
        )
        return [Found(path.resolve().name, path, error=error)]
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
    sources = [x.source if isinstance(x, Image) else x for x in case.images.values()]
    return all(s is not None and (s.is_dir() or not image_suffix(s).startswith(".nii")) for s in sources)


def files_of(case: Case) -> dict[str, tuple[Path, ...]]:
    """Return sequence → files that a case (read or not) comes from."""
    if isinstance(case.reader, PictureReader):
        return case.reader.files
    sources = {str(s): x.source if isinstance(x, Image) else x for s, x in case.images.items()}
    files = {s: (p,) for s, p in sources.items() if p is not None and p.is_file()}
    folders = {s: p for s, p in sources.items() if p is not None and p.is_dir()}
    return {**files, **{s: tuple(f for f in _images(p) if not is_label(f)) for s, p in folders.items()}}


def _try(name: str, path: Path, make: Callable[[], Case]) -> Found:
    try:
        return Found(name, path, case=make())
    except TumorscopeError as error:
        return Found(name, path, error=error)


def _case_of_file(path: Path, sequence: Sequence | None) -> Case:
    from tumorscope.formats.checks import check_file

    check_file(path)
    name = stem(path)
    if not image_suffix(path).startswith(".nii"):
        return picture_case(name, [path], sequence)
    shown = sequence or sequence_of(path)
    if shown is None:
        raise InputError(
            expected="to know which sequence the volume shows",
            found=f"a name that does not tell: {path}",
            fix="State it with --sequence T1, T1CE, T2 or FLAIR",
        )
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
        if case is None:
            raise InputError(
                expected="file names that tell the sequence (…_T1CE.nii.gz, …_FLAIR.nii.gz)",
                found=f"{', '.join(p.name for p in scans[:4])} in {folder}",
                fix="Rename the files, or state a single file's sequence with --sequence",
            )
        return case
    return picture_case(name, scans, sequence)


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
        expected=f"scans (NIfTI, PNG, JPEG, TIFF) in {path}",
        found="none",
        fix="Give a file or a folder that holds scans (DICOM series: convert them with dcm2niix)",
    )
