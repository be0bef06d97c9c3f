"""A DICOM study → a Case under a pseudonym."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.formats.dicom import DicomStudy, DicomVolume, read_volume
from tumorscope.study.choose import choose_volumes


def dicom_case(study: DicomStudy, *, sequence: Sequence | None = None, keep_identifiers: bool = False) -> Case:
    """Return the case that a DICOM study makes; voxels are read when the case is loaded.

    Its id and patient are pseudonyms (keyed hashes of unique identifiers), its notes hold no free text of the files.

    Args:
        study: As found.
        sequence: What it shows, where it holds one volume only and nothing tells.
        keep_identifiers: Call the case by patient id and study date instead.

    Raises:
        InputError: if none of its volumes is one of the four sequences.
    """
    chosen = choose_volumes(study.volumes)
    volumes, notes = chosen.volumes, [*chosen.notes, *study.passed_over]
    if sequence is not None and not volumes:
        readable = [v for v in study.volumes if not v.unusable]
        volumes = {sequence: readable[0]} if len(readable) == 1 else {}
        notes = [f"{sequence} was stated by the user.", *study.passed_over] if volumes else notes
    if not volumes:
        raise _nothing(study, notes)
    name, patient = study.id, study.patient
    if keep_identifiers and study.identity[0]:
        name, patient = "_".join(part for part in study.identity if part), study.identity[0]
    sources = {s: v.source() for s, v in volumes.items()}
    images: dict[Sequence, Image | Path] = {s: sources[s].paths[0] for s in volumes}
    return Case(name, patient, images, notes=notes, reader=DicomReader(volumes), sources=sources, series=chosen.record)


class DicomReader:
    """Reads the volumes of one study; ``volumes``: sequence → volume."""

    def __init__(self, volumes: dict[Sequence, DicomVolume]) -> None:
        self.volumes = volumes

    def __call__(self, case: Case, sequences: tuple[Sequence, ...]) -> Case:
        """Return ``case`` with the images of ``sequences``, each in its own grid.

        Raises:
            InputError: if a file is damaged or cannot be decoded.
        """
        images: dict[Sequence, Image | Path] = {s: read_volume(self.volumes[s]) for s in sequences}
        return replace(case, images=images, reader=None)


def _nothing(study: DicomStudy, notes: list[str]) -> InputError:
    seen: list[Any] = [n.removeprefix("Passed over: ").rstrip(".") for n in (*study.passed_over, *notes)]
    found = "; ".join(dict.fromkeys(seen)) or "no volume"
    return InputError(
        expected="T1, T1CE, T2 or FLAIR in the DICOM study",
        found=found,
        fix="Give the study's structural MRI series, or state a single series with --sequence",
        option="--sequence",
    )
