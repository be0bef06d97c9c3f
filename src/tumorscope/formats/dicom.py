"""DICOM studies: which volumes a folder holds, and reading them into the grid the scanner made.

Nothing here puts a name, an id, a date or a file name into a message; studies and patients have pseudonyms.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.image import Array, Image
from tumorscope.core.pseudonym import pseudonym
from tumorscope.core.source import SourceSeries
from tumorscope.formats.dicom_frames import Header, dicom_files, read_header
from tumorscope.formats.dicom_pixels import read_stack
from tumorscope.formats.dicom_tags import SeriesTags
from tumorscope.formats.dicom_volumes import Stack, make_stacks

#: A plane with fewer slices than this in a series of several planes is a localizer.
_FEW = 6


@dataclass(frozen=True, eq=False)
class DicomVolume:
    """One volume of a series.

    Attributes:
        name: "series 5", or "series 5, volume 2"; with the plain words of its description.
        uid: SeriesInstanceUID.
        number: SeriesNumber.
        stack: Its slices.
        tags: How it was made.
        unusable: Why it cannot be read; empty if it can.
    """

    name: str
    uid: str
    number: int | None
    stack: Stack
    tags: SeriesTags
    unusable: str = ""

    @property
    def affine(self) -> Array:
        """Voxel index → RAS+ mm."""
        return self.stack.affine

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices."""
        return self.stack.shape

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd, one sentence each, with the name of the series."""
        return tuple(f"{self.name[0].upper()}{self.name[1:]}: {note}" for note in self.stack.notes)

    def source(self) -> SourceSeries:
        """Return the instances the slices come from."""
        files = tuple(None if f is None else f.file for f in self.stack.frames)
        return SourceSeries(files, tuple(1 if f is None else f.number for f in self.stack.frames))


@dataclass(frozen=True)
class DicomHeader:
    """What :class:`~tumorscope.core.image.Image` carries as ``header`` of a DICOM volume."""

    kind: str = "DICOM"


@dataclass(frozen=True, eq=False)
class DicomStudy:
    """One study of one patient.

    Attributes:
        id: Pseudonym, the same for the same study under one key (:mod:`~tumorscope.core.pseudonym`).
        patient: Pseudonym of the patient.
        volumes: In the order of series numbers.
        passed_over: What is no MRI volume, one sentence each.
        identity: Patient id and study date as they are in the files; for ``--keep-identifiers`` only.
    """

    id: str
    patient: str
    volumes: tuple[DicomVolume, ...]
    passed_over: tuple[str, ...]
    identity: tuple[str, str]


def scan_dicom(root: str | Path, skip: Iterable[Path] = ()) -> list[DicomStudy]:
    """Find the studies at or below ``root`` by their headers, whatever files are called and however they are mixed.

    Args:
        root: A folder, or one file.
        skip: Folders to leave out.

    Returns:
        One entry per StudyInstanceUID, sorted by pseudonym; empty where there is no DICOM.
    """
    studies: dict[str, list[Header]] = defaultdict(list)
    for path in dicom_files(Path(root), tuple(skip)):
        header = read_header(path)
        if header is not None:
            studies[header.study].append(header)
    return sorted((_study(uid, headers) for uid, headers in studies.items()), key=lambda s: s.id)


def read_volume(volume: DicomVolume) -> Image:
    """Read a volume: ``data[c, r, k]`` is column c and row r of slice k, slices along the normal.

    Raises:
        InputError: if its slices make no volume, or cannot be decoded.
    """
    from tumorscope.core.errors import InputError
    from tumorscope.formats.checks import check_finite

    if volume.unusable:
        raise InputError(
            expected=f"evenly spaced slices in {volume.name}",
            found=volume.unusable,
            fix="Export the whole series again",
        )
    data = read_stack(volume.stack)
    check_finite(data, Path(volume.name))
    return Image(data, volume.affine, header=DicomHeader())


def _study(uid: str, headers: list[Header]) -> DicomStudy:
    series: dict[str, list[Header]] = defaultdict(list)
    refused: Counter[str] = Counter()
    for header in headers:
        if header.refused:
            refused[header.refused] += 1
        else:
            series[header.series].append(header)
    volumes: list[DicomVolume] = []
    said = [f"Passed over: {n} file{'s' * (n > 1)} ({what})." for what, n in refused.most_common()]
    ordered = sorted(series.items(), key=lambda item: (item[1][0].number is None, item[1][0].number or 0, item[0]))
    for series_uid, members in ordered:
        found, sentences = _volumes(series_uid, members)
        volumes += found
        said += sentences
    person = next((h.person for h in headers if any(h.person)), ())
    patient = pseudonym(*(p.strip().lower().encode() for p in person)) if person else pseudonym(uid.encode())
    identity = (person[0] if person else "", headers[0].date)
    return DicomStudy(
        f"study-{pseudonym(uid.encode())[:10]}", f"patient-{patient[:10]}", tuple(volumes), tuple(said), identity
    )


def _volumes(uid: str, members: list[Header]) -> tuple[list[DicomVolume], list[str]]:
    """Return the volumes of one series, and what was left out of it."""
    stacks = make_stacks([f for h in members for f in h.frames])
    number = members[0].number
    base = "a series" if number is None else f"series {number}"
    planes = {tuple(s.first.axes.round(1).ravel()) for s in stacks}
    if len(planes) > 1 and max(len(s.frames) for s in stacks) < _FEW:
        return [], [f"Passed over: {base} (a few slices in {len(planes)} planes, as a localizer has)."]
    volumes = []
    for k, stack in enumerate(stacks):
        tags = stack.first.tags
        words = f" ({tags.plain_description})" if tags.plain_description else ""
        several = f", volume {k + 1} of {len(stacks)}" if len(stacks) > 1 else ""
        volumes.append(DicomVolume(f"{base}{words}{several}", uid, number, stack, tags, stack.unusable))
    return volumes, []
