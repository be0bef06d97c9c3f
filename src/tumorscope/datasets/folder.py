"""A user's own data: one folder per case, or a folder of pictures beside a folder of masks.

One folder per case, any depth below the root::

    root/case7/scan_T1CE.nii.gz        sequence at the end of the name, in any usual spelling (t1c, T1Gd, flair, t2f, …)
    root/case7/scan_FLAIR.nii.gz       .nii, .nii.gz, .png, .tif, .jpg
    root/case7/scan_seg.nii.gz         reference, optional: _seg, _label or _mask

Flat, one file per case (or per case and sequence, with the sequence at the end of the name)::

    root/images/0001.png
    root/labels/0001.png               or masks/; equal stems, or with _seg, _label or _mask; optional
    root/dataset.json

``dataset.json`` is optional where the names tell the sequence. All its keys are optional:

``sequence``
    What files hold whose name tells no sequence: ``"T1CE"``; for colour pictures one name per channel, as
    ``["T1", "FLAIR", "T1CE"]``. In the flat layout it holds for all files, whatever their names.
``classes``
    Value → name of the label map, as ``{"1": "core", "2": "oedema"}``.
``scheme``
    Instead of ``classes``: a known label scheme, as ``"brats-2023"``.
``patient``
    Regular expression whose first group is the patient in a case's name, as ``"^(P[0-9]+)_"``. Without it every case
    counts as another patient; state it where a patient has several, or splits will leak.

Without ``classes`` and ``scheme`` a label map of 0 and 1, or 0 and 255, is binary; 1-4 are read as BraTS labels (see
:func:`~tumorscope.core.labels.detect_scheme`); anything else is an error. 255 counts as 1 wherever there is one class.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, LabelScheme, detect_scheme
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset, read_volumes
from tumorscope.datasets.folder_info import FolderInfo, read_info
from tumorscope.datasets.names import is_label, sequence_of, stem


def find(root: Path) -> list[Case]:
    """Find the cases of either layout at or below ``root``.

    Raises:
        InputError: if ``dataset.json`` is invalid, a sequence cannot be known, or a sequence or reference of a case
            has two candidates.
    """
    info = read_info(root)
    if (root / "images").is_dir():
        return _find_flat(root, info)
    found = {folder: case_from_folder(folder, info) for folder in _image_folders(root)}
    cases = {folder: case for folder, case in found.items() if case is not None}
    names = [case.id for case in cases.values()]
    for folder, case in cases.items():
        if names.count(case.id) > 1:
            case.id = "_".join(folder.relative_to(root).parts)
            case.patient = info.patient_of(case.id)
    return list(cases.values())


def case_from_folder(folder: Path, info: FolderInfo | None = None) -> Case | None:
    """Return the case whose files lie in ``folder``, or None if no file there is of a known sequence.

    Raises:
        InputError: if a sequence or the reference has two candidates.
    """
    info = info or FolderInfo()
    candidates: dict[Sequence | None, list[Path]] = defaultdict(list)
    labels: list[Path] = []
    for path in _images(folder):
        if is_label(path):
            labels.append(path)
        else:
            candidates[sequence_of(path)].append(path)
    unnamed = candidates.pop(None, [])
    if not labels:  # BraTS 2020, case 355: W39_1998.09.19_Segm.nii
        labels = [p for p in unnamed if "seg" in p.name.lower()]
        unnamed = [p for p in unnamed if p not in labels]
    images: dict[Sequence, Image | Path] = {}
    for sequence, paths in candidates.items():
        if sequence is not None:
            images[sequence] = _the_one(paths, str(sequence), folder)
    if not images and len(unnamed) == 1 and info.sequences:
        images = dict.fromkeys(info.sequences, unnamed.pop())
    if not images:
        return None
    name = folder.resolve().name
    notes = [f"{p.name} was passed over: its name tells no sequence." for p in unnamed]
    label = _the_one(labels, "the reference (seg, label, mask)", folder) if labels else None
    return Case(name, info.patient_of(name), images, label, info.label_scheme, notes=notes, reader=read)


def _the_one(paths: list[Path], what: str, folder: Path) -> Path:
    if len(paths) > 1:
        raise InputError(
            expected=f"one file for {what} in {folder}",
            found=f"{len(paths)}: {', '.join(p.name for p in paths[:4])}",
            fix="Keep one per case folder, or rename the others",
        )
    return paths[0]


def _images(folder: Path) -> list[Path]:
    from tumorscope.formats import is_image_file, natural_key

    return sorted((p for p in folder.iterdir() if is_image_file(p) and not p.is_dir()), key=natural_key)


def _image_folders(root: Path) -> list[Path]:
    from tumorscope.formats import is_image_file

    return sorted({p.parent for p in root.rglob("*") if is_image_file(p) and not p.is_dir()})


def _find_flat(root: Path, info: FolderInfo) -> list[Case]:
    """Pair ``images/`` with ``labels/`` or ``masks/``."""
    references = {stem(p): p for name in ("labels", "masks") if (root / name).is_dir() for p in _images(root / name)}
    grouped: dict[str, dict[Sequence, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in _images(root / "images"):
        if info.sequences:
            name, sequences = stem(path), info.sequences
        else:
            name, sequences = _split_name(path)
        for sequence in sequences:
            grouped[name][sequence].append(path)
    cases = []
    for name, found in grouped.items():
        images: dict[Sequence, Image | Path] = {s: _the_one(p, f"{s} of {name}", root) for s, p in found.items()}
        names = [name, *(stem(p) for p in images.values() if isinstance(p, Path))]
        wanted = [n + ending for n in names for ending in ("", "_seg", "_label", "_mask")]
        label = next((references[n] for n in wanted if n in references), None)
        cases.append(Case(name, info.patient_of(name), images, label, info.label_scheme, reader=read))
    return cases


def _split_name(path: Path) -> tuple[str, tuple[Sequence, ...]]:
    """Return the case and the sequence that ``<case>_<sequence>.png`` names."""
    match = re.match(r"^(.+)[-_]([A-Za-z0-9]+)$", stem(path))
    sequence = sequence_of(path) if match and sequence_of(f"x_{match.group(2)}.png") else None
    if match is None or sequence is None:
        raise InputError(
            expected='the sequence in the file name, or "sequence" in dataset.json',
            found=f"neither for {path}",
            fix='Write dataset.json with {"sequence": "T1CE"} (or FLAIR, T1, T2) beside the folder images',
        )
    return match.group(1), (sequence,)


def read(case: Case, sequences: tuple[Sequence, ...], *, one_grid: bool = True) -> Case:
    """Read a case of this layout; ``one_grid=False`` lets sequences lie on different grids.

    Raises:
        InputError: if a file cannot be read, has other channels than stated, or holds no label map.
        GeometryError: if a sequence or the label lies on another grid.
        LabelError: if a label value has no class.
    """
    images: dict[Sequence, Image | Path] = {s: _read_sequence(case, s) for s in sequences}
    label, scheme, notes = case.label, case.scheme, list(case.notes)
    if isinstance(label, Path):
        label, scheme, note = _read_label(label, scheme, case.ignore_value)
        notes += note
    loaded = replace(case, images=images, label=label, scheme=scheme, notes=notes)
    return read_volumes(loaded, sequences, one_grid=one_grid)


def _read_sequence(case: Case, sequence: Sequence) -> Image:
    """Read one sequence; sequences that share a file are its channels, in the order of ``case.images``."""
    from tumorscope.formats import read_channels, read_image

    source = case.images[sequence]
    if isinstance(source, Image):
        return source
    sharing = [s for s, other in case.images.items() if other == source]
    if len(sharing) == 1:
        return read_image(source)
    channels = read_channels(source)
    if len(channels) != len(sharing):
        raise InputError(
            expected=f"{len(sharing)} channels ({', '.join(sharing)})",
            found=f"{len(channels)} in {source}",
            fix='Correct "sequence" in dataset.json',
        )
    return channels[sharing.index(sequence)]


def _read_label(path: Path, scheme: LabelScheme | None, ignored: int | None) -> tuple[Image, LabelScheme, list[str]]:
    from tumorscope.formats import read_image

    label = read_image(path)
    values = {float(v) for v in np.unique(label.data) if v != ignored} - {0.0}
    notes: list[str] = []
    if scheme is None:
        binary = values == {255.0} or (values <= {1.0} and "brats" not in path.name.lower())
        scheme = BINARY if binary else detect_scheme(map(int, values), hint=path.name)
        notes.append(f"Label values were read as: {scheme.title}.")
    if values == {255.0} and scheme.values == (1,):
        label, values = label.with_data((label.data > 0).astype(np.uint8)), {1.0}
    scheme.check((v for v in values if v == round(v)), where=str(path))
    return label, scheme, notes


DATASET = Dataset(
    name="folder",
    title="your own data: one folder per case, or images/ beside labels/ (see dataset.json)",
    sequences=tuple(Sequence),
    licence="Your own data's: state it before you pass the weights on",
    commercial=False,
    citation="None",
    find=find,
)
