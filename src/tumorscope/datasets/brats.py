"""BraTS of every year: one folder per case, one NIfTI per sequence, names and label values by release."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.sequence import ALIASES, Sequence
from tumorscope.datasets.base import Dataset, read_volumes

_FILE = re.compile(r"^(?P<case>.+?)[-_](?P<kind>[A-Za-z0-9]+)\.nii(\.gz)?$")
_SEGMENTATION = {"seg", "segm", "segmentation", "label", "gt"}


def _is_volume(path: Path) -> bool:
    return path.name.endswith((".nii", ".nii.gz")) and not path.name.startswith(".")


def _patient(case_id: str) -> str:
    """Return the patient of a case id: BraTS 2023+ ids end in a time point (``BraTS-GLI-00000-000``)."""
    match = re.match(r"^(BraTS-[A-Z]+-\d+)-\d+$", case_id)
    return match.group(1) if match else case_id


def _site(case_id: str) -> str | None:
    match = re.match(r"^Brats1\d_([A-Za-z0-9]+?)_", case_id)
    return match.group(1) if match else None


def _read_folder(folder: Path) -> Case | None:
    """Return the case that the volumes of ``folder`` make, or None if they make none."""
    images: dict[Sequence, Image | Path] = {}
    label: Path | None = None
    leftovers: list[Path] = []
    notes: list[str] = []
    for path in sorted(p for p in folder.iterdir() if _is_volume(p)):
        match = _FILE.match(path.name)
        kind = match.group("kind").lower() if match else ""
        if kind in _SEGMENTATION:
            label = path
        elif kind in ALIASES and ALIASES[kind] not in images:
            images[ALIASES[kind]] = path
        else:
            leftovers.append(path)
    if len(images) < 2:
        return None
    segmentations = [p for p in leftovers if re.search(r"seg", p.name, re.IGNORECASE)]
    if label is None and len(segmentations) == 1:  # BraTS 2020, case 355: W39_1998.09.19_Segm.nii
        label = segmentations[0]
        notes.append(f"The segmentation has an unusual name: {label.name}.")
    return Case(
        id=folder.resolve().name,
        patient=_patient(folder.resolve().name),
        images=images,
        label=label,
        site=_site(folder.resolve().name),
        notes=notes,
        reader=read_volumes,
    )


def _grades(root: Path) -> dict[str, str]:
    """Return case id → HGG / LGG from ``name_mapping.csv`` (BraTS 2019-2020), where there is one."""
    grades: dict[str, str] = {}
    for table in root.rglob("name_mapping*.csv"):
        with table.open(newline="", encoding="utf-8-sig") as handle:
            for row in csv.DictReader(handle):
                grade = row.get("Grade", "")
                if grade in ("HGG", "LGG"):
                    grades.update({v: grade for k, v in row.items() if k != "Grade" and v})
    return grades


def find(root: Path) -> list[Case]:
    """Find every folder at or below ``root`` with at least two sequences; other files are passed over."""
    walk = os.walk(root, followlinks=True)
    folders = sorted(Path(folder) for folder, _, files in walk if any(_is_volume(Path(f)) for f in files))
    grades = _grades(root)
    cases = []
    for folder in folders:
        case = _read_folder(folder)
        if case is not None:
            by_folder = {"HGG", "LGG"} & set(folder.resolve().parts)
            case.grade = grades.get(case.id) or (by_folder.pop() if by_folder else None)
            cases.append(case)
    return cases


DATASET = Dataset(
    name="brats",
    title="BraTS 2013-2024 glioma, one folder per case",
    sequences=tuple(Sequence),
    licence="Research use with citation of the BraTS papers (see the release's own terms)",
    citation="Menze BH et al. IEEE TMI 2015;34:1993; Bakas S et al. Sci Data 2017;4:170117; Baid U et al. arXiv:2107.02314.",
    find=find,
    commercial=False,
)
