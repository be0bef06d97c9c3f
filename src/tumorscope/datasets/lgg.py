"""Kaggle "LGG MRI Segmentation" (TCGA-LGG, Buda et al. 2019): TIFF slices with FLAIR-abnormality masks.

Folders ``TCGA_<site>_<patient>_<date>`` hold slices ``<folder>_<n>.tif`` (RGB = T1 pre-contrast, FLAIR, T1
post-contrast) and ``<folder>_<n>_mask.tif``. Where a sequence was not acquired the public files silently repeat FLAIR
in its channel; such a channel is left out here and said so.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset, absolute

#: What the three colour channels of a slice hold.
CHANNELS = (Sequence.T1, Sequence.FLAIR, Sequence.T1CE)
_FOLDER = re.compile(r"TCGA_([A-Z0-9]{2})_([A-Z0-9]{4})_(\d{8})$")
_SLICE = re.compile(r"_(\d+)\.(tif|tiff|png|jpg|jpeg)$", re.IGNORECASE)
#: ``data.csv``'s codes of the histological grade.
_GRADES = {"1": "G2", "2": "G3"}
#: A channel closer to FLAIR than this (mean absolute difference over mean FLAIR) is a repeated FLAIR.
_SAME = 0.02


def _slices(folder: Path, masks: bool) -> dict[int, list[Path]]:
    """Return slice number → its files, in order; there should be one each."""
    found: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        stem_is_mask = path.stem.endswith("_mask")
        match = _SLICE.search(path.name.replace("_mask", "") if stem_is_mask else path.name)
        if match and stem_is_mask == masks and not path.name.startswith("."):
            found[int(match.group(1))].append(path)
    return dict(sorted(found.items()))


def _single(files: dict[int, list[Path]]) -> dict[int, Path]:
    for paths in files.values():
        if len(paths) > 1:
            raise InputError(
                expected=f"one file per slice in {paths[0].parent}",
                found=", ".join(p.name for p in paths),
                fix="Keep one of them",
            )
    return {number: paths[0] for number, paths in files.items()}


def _grades(root: Path) -> dict[str, str]:
    """Return patient → "G2" / "G3" from ``data.csv`` (1 and 2 in its grade column) beside the patients' folders."""
    grades: dict[str, str] = {}
    for table in (*root.glob("data.csv"), *root.glob("*/data.csv"), *root.glob("*/*/data.csv")):
        with table.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
            for row in csv.DictReader(handle):
                grade = _GRADES.get(row.get("neoplasm_histologic_grade") or "")
                if grade and row.get("Patient"):
                    grades[row["Patient"]] = grade
    return grades


def find(root: Path) -> list[Case]:
    """Find every patient folder at most three levels below ``root``.

    Kaggle's archive holds the whole set twice, as ``kaggle_3m`` and ``lgg-mri-segmentation/kaggle_3m``; of equal copies
    the first is taken and noted.
    """
    folders = [p for pattern in ("", "*/", "*/*/") for p in sorted(root.glob(f"{pattern}TCGA_*")) if p.is_dir()]
    grades = _grades(root)
    cases: list[Case] = []
    listings: dict[str, list[tuple[str, int]]] = {}
    for folder in folders or [root]:
        name = absolute(folder).name
        match = _FOLDER.search(name)
        if not match or not _slices(folder, masks=False):
            continue
        listing = sorted((p.name, p.stat().st_size) for p in folder.iterdir())
        if listings.setdefault(name, listing) == listing and any(c.id == name for c in cases):
            next(c for c in cases if c.id == name).notes.append(
                f"The same files lie in {folder}; they were passed over."
            )
            continue
        patient = f"TCGA_{match.group(1)}_{match.group(2)}"
        cases.append(
            Case(
                id=name,
                patient=patient,
                images=dict.fromkeys(CHANNELS, folder),
                label=folder if _slices(folder, masks=True) else None,
                scheme=BINARY,
                site=match.group(1),
                grade=grades.get(patient),
                reader=read,
            )
        )
    return cases


def read(case: Case, sequences: tuple[Sequence, ...]) -> Case:
    """Read the slices of one patient; a channel that repeats FLAIR is left out with a note.

    Raises:
        InputError: if slices and masks do not pair up, or a file cannot be read.
    """
    from tumorscope.formats import stack_slices

    folder = case.images[Sequence.FLAIR]
    assert isinstance(folder, Path)
    slices, masks = _single(_slices(folder, masks=False)), _single(_slices(folder, masks=True))
    if masks and set(slices) != set(masks):
        odd = sorted(set(slices) ^ set(masks))
        raise InputError(
            expected=f"one mask per slice in {folder}",
            found=f"slices {odd[:5]} without their pair",
            fix="Download it again",
        )
    channels = stack_slices(list(slices.values()))
    if len(channels) not in (1, 3):
        raise InputError(
            expected=f"three colour channels (T1, FLAIR, T1CE) or one (FLAIR) in {folder}",
            found=f"{len(channels)}",
            fix="Download it again",
        )
    images, repeated = name_channels(channels * 3 if len(channels) == 1 else channels)
    notes = [*case.notes, *repeated]
    label = _mask_image(stack_slices(list(masks.values()))[0]) if masks else None
    kept: dict[Sequence, Image | Path] = {s: images[s] for s in sequences if s in images}
    return replace(case, images=kept, label=label, notes=notes, reader=None)


def name_channels(channels: list[Image]) -> tuple[dict[Sequence, Image], list[str]]:
    """Name three colour channels as this data set does.

    Returns:
        The sequences without those that repeat FLAIR, and one sentence per channel left out.
    """
    images = dict(zip(CHANNELS, channels, strict=True))
    flair = images[Sequence.FLAIR].data.astype(np.float32)
    notes = []
    for sequence in (Sequence.T1, Sequence.T1CE):
        difference = np.abs(images[sequence].data - flair).mean() / max(float(flair.mean()), 1e-6)
        if difference < _SAME:
            del images[sequence]
            notes.append(f"The {sequence} channel repeats FLAIR: treated as missing.")
    return images, notes


def _mask_image(image: Image) -> Image:
    """Return 0/1 labels from a mask stored as 0/1 or 0/255."""
    return image.with_data((image.data.astype(np.float32) > float(image.data.max()) / 2).astype(np.uint8))


DATASET = Dataset(
    name="lgg",
    title="Kaggle LGG MRI Segmentation (TCGA-LGG), FLAIR abnormality",
    sequences=CHANNELS,
    licence="CC BY-NC-SA 4.0",
    citation="Buda M, Saha A, Mazurowski MA. Comput Biol Med 2019;109:218-225.",
    find=find,
    sliced=True,
    commercial=False,
)
