"""What ``inspect`` says of DICOM: one record per volume, under pseudonyms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tumorscope.core.orientation import aff2axcodes
from tumorscope.formats.dicom import DicomStudy, scan_dicom
from tumorscope.study.choose import choose_volumes


def dicom_records(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe the DICOM volumes at or below ``path`` by their headers.

    Returns:
        Records as :func:`~tumorscope.formats.describe.describe_file` gives them (no ``dtype``, ``intensity`` and
        ``labels``: voxels are not read), and what was passed over, in sentences.
    """
    records, passed_over = [], []
    for study in scan_dicom(path):
        records += _records(study)
        passed_over += [f"{study.id}: {sentence}" for sentence in study.passed_over]
    return records, passed_over


def _records(study: DicomStudy) -> list[dict[str, Any]]:
    chosen = choose_volumes(study.volumes)
    records = []
    for volume, entry in zip(study.volumes, chosen.record, strict=True):
        what = (
            entry["other"]
            if not entry["sequence"]
            else f"{entry['sequence']} with confidence {entry['confidence']:.2f}"
        )
        notes = [f"{what or 'Unknown'}: {entry['reason']}" + ("" if entry["used"] else " Not used.")]
        records.append(
            {
                "file": f"{study.id}, {volume.name}",
                "kind": "DICOM",
                "role": "scan",
                "sequence": entry["sequence"],
                "confidence": entry["confidence"],
                "used": entry["used"],
                "channels": 1,
                "shape": list(volume.shape),
                "spacing": entry["spacing"],
                "orientation": "".join(aff2axcodes(volume.affine)),
                "affine": volume.affine.tolist(),
                "dtype": None,
                "intensity": None,
                "labels": None,
                "problems": [*notes, *volume.notes, *([volume.unusable] if volume.unusable else [])],
            }
        )
    return records
