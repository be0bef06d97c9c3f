"""BraTS of every year: one folder per case, one NIfTI per sequence, names and label values by release."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from pathlib import Path

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import ALIASES, Sequence
from tumorscope.datasets.base import Dataset, absolute, read_volumes

_FILE = re.compile(r"^(?P<case>.+?)[-_](?P<kind>[A-Za-z0-9]+)\.nii(\.gz)?$", re.IGNORECASE)
_SEGMENTATION = {"seg", "segm", "segmentation", "label", "gt"}
_SITE = re.compile(r"^Brats1\d_([A-Za-z0-9]+?)_", re.IGNORECASE)
#: Ids that end in a time point: BraTS 2023 and later (BraTS-GLI-00000-000) and BraTS 2015 (brats_tcia_pat105_0002).
_TIME_POINT = re.compile(r"^(BraTS-[A-Z]+(?:-[A-Z]+)*-\d+|brats_(?:2013|tcia)_pat\d+)[-_]\d+$", re.IGNORECASE)


def _volumes(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if _is_volume(p.name) and p.is_file())


def _is_volume(name: str) -> bool:
    return name.lower().endswith((".nii", ".nii.gz")) and not name.startswith(".")


def _patient(case_id: str) -> str:
    match = _TIME_POINT.match(case_id)
    return match.group(1) if match else case_id


def _candidates(folder: Path) -> tuple[dict[Sequence, list[Path]], list[Path]]:
    """Return the volumes of ``folder`` by sequence, and those that may be the segmentation; others are passed over."""
    images: dict[Sequence, list[Path]] = defaultdict(list)
    labels: list[Path] = []
    others: list[Path] = []
    for path in _volumes(folder):
        match = _FILE.match(path.name)
        kind = match.group("kind").lower() if match else ""
        if kind in _SEGMENTATION:
            labels.append(path)
        elif kind in ALIASES:
            images[ALIASES[kind]].append(path)
        else:
            others.append(path)
    odd = [p for p in others if re.search(r"seg", p.name, re.IGNORECASE)]
    return dict(images), labels or odd[: len(odd) == 1]


def _case_from_folder(folder: Path, grade: str | None, patients: dict[str, tuple[str, ...]]) -> Case | None:
    """Return the case that the volumes of ``folder`` make, or None if they make none."""
    images, labels = _candidates(folder)
    if len(images) < 2:
        return None
    name = absolute(folder).name
    notes = [
        f"Two candidates for {what}: {paths[0].name}, {paths[1].name}."
        for what, paths in (*images.items(), ("the segmentation", labels))
        if len(paths) > 1
    ]
    named = _FILE.match(labels[0].name) if labels else None
    if labels and (named is None or not name.lower().startswith(named.group("case").lower())):
        notes.append(f"The segmentation has an unusual name: {labels[0].name}.")  # BraTS 2020, case 355
    site = _SITE.match(name)
    first: dict[Sequence, Image | Path] = {s: images[s][0] for s in Sequence if s in images}
    return Case(
        id=name,
        patient=patients.get(name, (_patient(name),))[-1],
        aliases=patients.get(name, ()),
        images=first,
        label=labels[0] if labels else None,
        site=site.group(1) if site else None,
        grade=grade,
        notes=notes,
        reader=read,
    )


def read(case: Case, sequences: tuple[Sequence, ...]) -> Case:
    """Read a case of this layout.

    Raises:
        InputError: if two files could be one sequence or the segmentation, or a file cannot be read.
        GeometryError: if a sequence or the label lies on another grid.
        LabelError: if a label value fits no release.
    """
    folders = {p.parent for p in case.images.values() if isinstance(p, Path)}
    for folder in sorted(folders):
        images, labels = _candidates(folder)
        wanted = [(str(s), images[s]) for s in sequences if s in images]
        for what, paths in (*wanted, ("the segmentation", labels)):
            if len(paths) > 1:
                raise InputError(
                    expected=f"one file for {what} in {folder}",
                    found=" and ".join(p.name for p in paths),
                    fix="Remove or rename all but one",
                )
    return read_volumes(case, sequences)


def _name_mapping(root: Path) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return case id → grade (HGG, LGG) and case id → the patient's names from ``name_mapping*.csv`` (BraTS 2019-2020).

    The table gives every patient's name in all releases, here oldest first; the patient is called as in the newest. Its
    name in the TCGA archive, where it has one, comes before these: the LGG set's patients are among them.
    """
    grades: dict[str, str] = {}
    patients: dict[str, tuple[str, ...]] = {}
    for table in sorted(root.rglob("name_mapping*.csv")):
        with table.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
            for row in csv.DictReader(line.replace("\0", "") for line in handle):
                columns = {k: v.strip() for k, v in row.items() if isinstance(k, str) and isinstance(v, str)}
                releases = sorted((k, v) for k, v in columns.items() if re.match(r"BraTS", k, re.IGNORECASE))
                names = [v for _, v in releases if v and v.upper() != "NA"]
                archive = [v for k, v in columns.items() if k.upper().startswith("TCGA") and v and v.upper() != "NA"]
                patients.update(dict.fromkeys(names, (*archive, *names)))
                if columns.get("Grade") in ("HGG", "LGG"):
                    grades.update(dict.fromkeys(names, columns["Grade"]))
    return grades, patients


def _folders(root: Path) -> list[Path]:
    """Return every folder at or below ``root`` that holds volumes; links are followed, each real folder once."""
    seen: set[str] = set()
    found: list[Path] = []
    for folder, below, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below.sort()
        if any(_is_volume(name) for name in files):
            found.append(Path(folder))
    return sorted(found)


def find(root: Path) -> list[Case]:
    """Find every folder at or below ``root`` with at least two sequences; other files are passed over.

    Two files for one sequence are noted here and refused when the case is read, so that other cases go on.
    """
    grades, patients = _name_mapping(root)
    top = absolute(root)
    cases = []
    for folder in _folders(root):
        place = absolute(folder)
        by_folder = [p for p in (top.name, *place.relative_to(top).parts) if p in ("HGG", "LGG")]
        grade = grades.get(place.name) or (by_folder[-1] if by_folder else None)
        case = _case_from_folder(folder, grade, patients)
        if case is not None:
            cases.append(case)
    return cases


DATASET = Dataset(
    name="brats",
    title="BraTS 2013-2024 glioma, one folder per case",
    sequences=tuple(Sequence),
    licence="Research use with citation of the BraTS papers (see the release's own terms)",
    citation=(
        "Menze BH et al. IEEE TMI 2015;34:1993; Bakas S et al. Sci Data 2017;4:170117; Baid U et al. arXiv:2107.02314."
    ),
    find=find,
    commercial=False,
)
