"""A label map as DICOM segmentation object (highdicom), tied to the series it was made from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.errors import GeometryError, InputError, OutputError
from tumorscope.core.files import atomic_path
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import Label
from tumorscope.core.segmentation import Segmentation
from tumorscope.report.pseudonyms import PATIENT_AND_STUDY, pseudonymous_copy

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: A source pixel may lie this far (mm) from the voxel it belongs to: rounding of headers, not resampling.
TOLERANCE_MM = 0.02
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class _Meaning:
    """A segment's codes: names in pydicom's dictionaries ``SCT`` and ``NCIt``."""

    kind: str
    modifier: str = ""


_NECROSIS, _OEDEMA = _Meaning("Necrosis"), _Meaning("Edema")
_ENHANCING, _NON_ENHANCING = _Meaning("Neoplasm", "EnhancingLesion"), _Meaning("Neoplasm", "NonEnhancingLesion")
#: Class → SNOMED CT type (with an NCI Thesaurus modifier where SNOMED CT has no code); other classes are neoplasms.
_CODES = {
    "NCR/NET": _NECROSIS,
    "NCR": _NECROSIS,
    "NET": _NON_ENHANCING,
    "NETC": _NON_ENHANCING,
    "ED": _OEDEMA,
    "SNFH": _OEDEMA,
    "ET": _ENHANCING,
}


def write_dicom_seg(
    segmentation: Segmentation,
    source_files: Iterable[str | Path],
    path: str | Path,
    *,
    algorithm: tuple[str, str] | None,
    patient: str = "",
    keep_identifiers: bool = False,
) -> Path:
    """Write the classes of a label map as binary segments of a DICOM segmentation object.

    Args:
        segmentation: On the grid of the source series, voxels in any order.
        source_files: The instances of one series (single-frame, or one multi-frame file), in any order.
        path: Where to write.
        algorithm: Name and version of the model; None for a mask drawn or edited by hand.
        patient: Pseudonym of the patient, where known.
        keep_identifiers: Keep patient and study attributes and the real UIDs. Otherwise the object has empty
            attributes and UIDs derived from the real ones (:mod:`~tumorscope.report.pseudonyms`): the references fit
            source files whose UIDs were replaced in the same way.

    Raises:
        InputError: if the files cannot be read, are of several series, or hold no class of the label map at all.
        GeometryError: if the label map does not lie on the pixels of the source.
        OutputError: if the series' header cannot be copied, or the object cannot be written.
    """
    sources = _read(source_files)
    frames = _frames(segmentation.labels, sources)
    present = [label for label in segmentation.scheme.labels if (frames == label.value).any()]
    if not present:
        raise OutputError(
            expected="a label map with something segmented, for DICOM-SEG",
            found="nothing segmented",
            fix="Use the NIfTI label map: a segmentation object without a segment is not valid",
        )
    shown = [_completed(s) if keep_identifiers else pseudonymous_copy(s, patient) for s in sources]
    seg = _segmentation(shown, frames, present, algorithm)
    _modify(seg, present)
    with atomic_path(path) as scratch:
        seg.save_as(scratch)
    return Path(path)


def _read(files: Iterable[str | Path]) -> list[Dataset]:
    """Read the headers of one series."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    found = []
    for file in dict.fromkeys(map(Path, files)):
        try:
            found.append(pydicom.dcmread(file, stop_before_pixels=True))
        except (InvalidDicomError, OSError) as error:
            raise InputError(expected="DICOM files", found=f"{error}", fix="Give the series' own files") from error
    series = {str(d.get("SeriesInstanceUID", "")) for d in found}
    if not found or len(series) != 1 or any("SOPInstanceUID" not in d for d in found):
        raise InputError(
            expected="the files of one DICOM series", found=f"{len(series)} series", fix="Give one series' own files"
        )
    if len(found) > 1 and any("NumberOfFrames" in d for d in found):
        raise InputError(
            expected="single-frame files, or one multi-frame file",
            found=f"{len(found)} files, some of several frames",
            fix="Give the file that the label map belongs to",
        )
    return found


def _segmentation(shown: list[Dataset], frames: Array, present: list[Label], algorithm: tuple[str, str] | None) -> Any:
    """Return the object.

    Raises:
        OutputError: if the source's header cannot be copied, as with a date that no calendar has.
    """
    import highdicom as hd

    from tumorscope import __version__

    name, version = algorithm or ("manual", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return hd.seg.Segmentation(
                source_images=shown,
                pixel_array=np.stack([frames == label.value for label in present], axis=-1).astype(np.uint8),
                segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
                segment_descriptions=[_description(i, label, algorithm) for i, label in enumerate(present, 1)],
                series_instance_uid=hd.UID(),
                series_number=900,
                sop_instance_uid=hd.UID(),
                instance_number=1,
                manufacturer="tumorscope",
                manufacturer_model_name=name,
                software_versions=__version__,
                device_serial_number="0",
                content_label="TUMOUR",
                content_description="Brain tumour, research use only",
                series_description=f"tumorscope {name} {version}".strip()[:64],
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise OutputError(
                expected="a DICOM header that a segmentation object can copy",
                found=str(error),
                fix="Use the NIfTI label map, or mend the series' header",
            ) from error


def _completed(source: Dataset) -> Dataset:
    """Return a source that has every attribute a segmentation must name, empty where an export left it out.

    A frame of reference cannot be empty: a missing one is made from the series' UID.
    """
    from pydicom.uid import generate_uid

    if not source.get("FrameOfReferenceUID"):
        source.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame of", str(source.SeriesInstanceUID)])
    for name in PATIENT_AND_STUDY:
        if name not in source:
            setattr(source, name, "")
    return source


def _frames(labels: Image, sources: Sequence[Dataset]) -> Array:
    """Return the label map as the source's frames (frames, rows, columns), each pixel at its own place.

    Raises:
        GeometryError: if pixels and voxels are not one grid, or labelled voxels have no source frame.
    """
    inverse = np.linalg.inv(labels.affine)
    frames, seen = [], np.zeros(labels.shape, dtype=bool)
    for position, orientation, spacing, (rows, columns) in _planes(sources):
        to_lps = np.eye(4)
        to_lps[:3, 0], to_lps[:3, 1] = orientation[:3] * spacing[1], orientation[3:] * spacing[0]
        to_lps[:3, 3] = position
        to_voxel = inverse @ _TO_RAS @ to_lps  # (column, row, 0, 1) → voxel
        ends = np.array([(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)], dtype=np.float64).T
        exact = to_voxel[:3, :2] @ ends + to_voxel[:3, 3:]
        off = np.abs(labels.affine[:3, :3] @ (exact - np.rint(exact))).max()
        step, start = np.rint(to_voxel[:3, :2]).astype(int), np.rint(to_voxel[:3, 3]).astype(int)
        index = start + np.arange(rows)[:, None, None] * step[:, 1] + np.arange(columns)[None, :, None] * step[:, 0]
        low, high = index.min(axis=(0, 1)), index.max(axis=(0, 1))
        if off > TOLERANCE_MM or (low < 0).any() or (high >= labels.shape).any():
            raise GeometryError(
                expected="a label map on the pixels of the DICOM series",
                found=f"pixels {off:.3g} mm beside its voxels, or outside of it",
                fix="Bring the label map back to the series' own grid first",
            )
        where = tuple(np.moveaxis(index, -1, 0))
        frames.append(labels.data[where])
        seen[where] = True
    lost = int(np.count_nonzero((labels.data > 0) & ~seen))
    if lost:
        raise GeometryError(
            expected="a source instance for every slice with tumour",
            found=f"{lost} segmented voxels without one",
            fix="Give all files of the series",
        )
    return np.stack(frames)


def _planes(sources: Sequence[Dataset]) -> list[tuple[Array, Array, Array, tuple[int, int]]]:
    """Return position, orientation, pixel spacing and size of every frame in the order of the source."""

    def numbers(value: Any) -> Array:
        return np.array([float(v) for v in value])

    found = []
    for source in sources:
        size = int(source.Rows), int(source.Columns)
        if "NumberOfFrames" not in source:
            place = (source.ImagePositionPatient, source.ImageOrientationPatient, source.PixelSpacing)
            found.append((*map(numbers, place), size))
            continue
        shared = source.SharedFunctionalGroupsSequence[0]
        for own in source.PerFrameFunctionalGroupsSequence:

            def group(name: str, own: Any = own, shared: Any = shared) -> Any:
                return (own if name in own else shared)[name].value[0]

            place = (
                group("PlanePositionSequence").ImagePositionPatient,
                group("PlaneOrientationSequence").ImageOrientationPatient,
                group("PixelMeasuresSequence").PixelSpacing,
            )
            found.append((*map(numbers, place), size))
    return found  # type: ignore[return-value]


def _description(number: int, label: Label, algorithm: tuple[str, str] | None) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    made_by: dict[str, Any] = {"algorithm_type": hd.seg.SegmentAlgorithmTypeValues.MANUAL}
    if algorithm is not None:
        made_by = {
            "algorithm_type": hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            "algorithm_identification": hd.AlgorithmIdentificationSequence(
                name=algorithm[0], version=algorithm[1], family=codes.DCM.ArtificialIntelligence
            ),
        }
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label.name,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=getattr(codes.SCT, _CODES.get(label.name, _Meaning("Neoplasm")).kind),
        anatomic_regions=[codes.SCT.Brain],
        display_color=hd.color.CIELabColor.from_rgb(*label.colour),
        **made_by,
    )


def _modify(seg: Any, labels: Sequence[Label]) -> None:
    """Add the NCI Thesaurus modifier of segments whose SNOMED CT code says too little."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    for item, label in zip(seg.SegmentSequence, labels, strict=True):
        modifier = _CODES.get(label.name, _Meaning("Neoplasm")).modifier
        if modifier:
            kind = item.SegmentedPropertyTypeCodeSequence[0]
            kind.SegmentedPropertyTypeModifierCodeSequence = [
                hd.sr.CodedConcept.from_code(getattr(codes.NCIt, modifier))
            ]
