"""Names for patients, studies and instances that tell nothing and stay the same under one key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.core.pseudonym import pseudonym

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: What a segmentation needs of its source: geometry and references. Nothing else leaves the file.
_KEPT = (
    "SOPClassUID",
    "Modality",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceThickness",
    "SpacingBetweenSlices",
    "InstanceNumber",
    "SeriesNumber",
    "ImageType",
)
#: Attributes of patient and study that every instance must have, empty where unknown (DICOM's type 2).
PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_GROUPS = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence")


def pseudonymous_uid(uid: str) -> str:
    """Return a UID derived from ``uid`` by a keyed hash (2.25.<number>, DICOM PS3.5 B.2): equal in, equal out."""
    return f"2.25.{int(pseudonym(b'uid', uid.encode())[:32], 16)}"


def pseudonymous_copy(source: Dataset, patient: str = "") -> Dataset:
    """Return what a segmentation may know of a source instance.

    Geometry and pseudonymous UIDs only. Patient and study attributes are empty, dates too. The patient's pseudonym is
    ``patient``, or made from the StudyInstanceUID.

    Args:
        source: The instance, pixels not needed.
        patient: Pseudonym of the patient, where the caller has one.
    """
    from pydicom.dataset import Dataset, FileMetaDataset

    copy = Dataset()
    for name in _KEPT:
        if name in source:
            copy[name] = source[name]
    for name in _UIDS:
        owner = source.get("SeriesInstanceUID", "") if name == "FrameOfReferenceUID" else source.SOPInstanceUID
        setattr(copy, name, pseudonymous_uid(str(source.get(name, "") or f"{name} of {owner}")))
    _keep_geometry(source, copy)
    name = patient or f"patient-{pseudonym(str(source.StudyInstanceUID).encode())[:10]}"
    for empty in PATIENT_AND_STUDY:
        setattr(copy, empty, "")
    copy.PatientID = copy.PatientName = name
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    return copy


def _keep_geometry(source: Dataset, copy: Dataset) -> None:
    """Copy the geometry of a multi-frame instance: three functional groups, nothing beside them."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if groups not in source:
            continue
        items = []
        for group in source[groups].value:
            item = Dataset()
            for name in _GROUPS:
                if name in group:
                    item[name] = group[name]
            items.append(item)
        setattr(copy, groups, Sequence(items))
