"""Kaggle "LGG MRI Segmentation" (TCGA-LGG, Buda et al. 2019): TIFF slices with FLAIR-abnormality masks.

Folders ``TCGA_<site>_<patient>_<date>`` hold slices ``<folder>_<n>.tif`` (RGB = T1 pre-contrast, FLAIR, T1
post-contrast) and ``<folder>_<n>_mask.tif``. Where a sequence was not acquired the public files silently repeat FLAIR
in its channel; such a channel is left out here and said so.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset

#: What the three colour channels of a slice hold.
CHANNELS = (Sequence.T1, Sequence.FLAIR, Sequence.T1CE)
_FOLDER = re.compile(r"TCGA_([A-Z0-9]{2})_([A-Z0-9]{4})_(\d{8})$")
_SLICE = re.compile(r"_(\d+)\.(tif|tiff|png|jpg|jpeg)$", re.IGNORECASE)
#: A channel closer to FLAIR than this (mean absolute difference over mean FLAIR) is a repeated FLAIR.
_SAME = 0.02


def _slices(folder: Path, masks: bool) -> dict[int, Path]:
    found = {}
    for path in folder.iterdir():
        stem_is_mask = path.stem.endswith("_mask")
        match = _SLICE.search(path.name.replace("_mask", "") if stem_is_mask else path.name)
        if match and stem_is_mask == masks:
            found[int(match.group(1))] = path
    return dict(sorted(found.items()))


def _grades(root: Path) -> dict[str, str]:
    """Return patient → "G2" / "G3" from ``data.csv`` (1 and 2 in its grade column), where it lies beside the folders."""
    table = next(iter([*root.glob("data.csv"), *root.glob("*/data.csv")]), None)
    if table is None:
        return {}
    with table.open(newline="", encoding="utf-8-sig") as handle:
        rows = csv.DictReader(handle)
        names = {"1": "G2", "2": "G3"}
        return {
            r["Patient"]: names[r["neoplasm_histologic_grade"]]
            for r in rows
            if r.get("neoplasm_histologic_grade") in names
        }


def find(root: Path) -> list[Case]:
    """Find every patient folder at most three levels below ``root``."""
    folders = [p for pattern in ("", "*/", "*/*/") for p in root.glob(f"{pattern}TCGA_*") if p.is_dir()]
    if _FOLDER.search(root.resolve().name):
        folders.append(root)
    grades = _grades(root)
    cases = []
    for folder in folders:
        match = _FOLDER.search(folder.resolve().name)
        if not match or not _slices(folder, masks=False):
            continue
        patient = f"TCGA_{match.group(1)}_{match.group(2)}"
        cases.append(
            Case(
                id=folder.resolve().name,
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
    slices, masks = _slices(folder, masks=False), _slices(folder, masks=True)
    if masks and set(slices) != set(masks):
        odd = sorted(set(slices) ^ set(masks))
        raise InputError(
            expected=f"one mask per slice in {folder}",
            found=f"slices {odd[:5]} without their pair",
            fix="Download it again",
        )
    channels = stack_slices(list(slices.values()))
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
