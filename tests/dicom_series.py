"""DICOM series made from images, for tests: classic and multi-frame, compressed, rescaled, with a patient's name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tumorscope.core.image import Image

NAME, PATIENT_ID, BIRTH = "Mustermann^Erika", "MRN-4711", "19600229"
STUDY = "1.2.826.0.1.3680043.8.498.1"
MR, ENHANCED = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"

#: Header values as a scanner writes them, by sequence.
PROTOCOLS: dict[str, dict[str, Any]] = {
    "T1": {"SeriesDescription": "t1_mprage_tra Mustermann", "EchoTime": 2.5, "RepetitionTime": 1900,
           "InversionTime": 900, "ScanningSequence": ["GR", "IR"], "MRAcquisitionType": "3D"},
    "T1CE": {"SeriesDescription": "t1_mprage_tra_KM", "EchoTime": 2.5, "RepetitionTime": 1900, "InversionTime": 900,
             "ScanningSequence": ["GR", "IR"], "MRAcquisitionType": "3D", "ContrastBolusAgent": "Gadovist"},
    "T2": {"SeriesDescription": "t2_tse_tra", "EchoTime": 100, "RepetitionTime": 5000, "ScanningSequence": ["SE"],
           "MRAcquisitionType": "2D"},
    "FLAIR": {"SeriesDescription": "t2_tirm_tra_dark-fluid", "EchoTime": 90, "RepetitionTime": 9000,
              "InversionTime": 2500, "ScanningSequence": ["SE", "IR"], "MRAcquisitionType": "2D"},
}  # fmt: skip


def write_series(
    folder: Path,
    image: Image,
    *,
    tags: dict[str, Any] | None = None,
    number: int = 1,
    study: str = STUDY,
    series: str | None = None,
    syntax: str = ExplicitVRLittleEndian,
    slope: tuple[float, float] = (1, 0),
    inverted: bool = False,
    leave_out: Iterable[int] = (),
    start: int = 0,
) -> list[Path]:
    """Write one file per slice of ``image`` (integers); names hold the patient's name, in no useful order."""
    folder.mkdir(parents=True, exist_ok=True)
    series = series or generate_uid()
    paths = []
    for k in range(image.shape[2]):
        if k in set(leave_out):
            continue
        ds = _header(image, tags or {}, number, study, series, MR)
        ds.ImagePositionPatient = position(image, k)
        ds.ImageOrientationPatient = axes(image)
        ds.PixelSpacing = [image.spacing[1], image.spacing[0]]
        ds.SliceThickness = float(image.spacing[2])
        ds.InstanceNumber = start + k + 1
        ds.RescaleSlope, ds.RescaleIntercept = slope
        _pixels(ds, image.data[:, :, k].T, inverted, syntax)
        path = folder / f"{NAME}_{(k * 7919) % 10007:05d}_{number}_{start}"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_multiframe(folder: Path, image: Image, *, tags: dict[str, Any] | None = None, number: int = 1) -> Path:
    """Write ``image`` as one enhanced MR file, frames in a scrambled order."""
    folder.mkdir(parents=True, exist_ok=True)
    ds = _header(image, {k: v for k, v in (tags or {}).items() if k in ("SeriesDescription", "ContrastBolusAgent")},
                 number, STUDY, generate_uid(), ENHANCED)  # fmt: skip
    order = np.random.default_rng(0).permutation(image.shape[2])
    ds.NumberOfFrames = len(order)
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [image.spacing[1], image.spacing[0]], float(image.spacing[2])
    shared.PixelMeasuresSequence = DicomSequence([measures])
    plane = Dataset()
    plane.ImageOrientationPatient = axes(image)
    shared.PlaneOrientationSequence = DicomSequence([plane])
    echo = Dataset()
    echo.EffectiveEchoTime = (tags or {}).get("EchoTime", 2.5)
    shared.MREchoSequence = DicomSequence([echo])
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    frames = []
    for k in order:
        frame, place, value = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = position(image, int(k))
        frame.PlanePositionSequence = DicomSequence([place])
        value.RescaleSlope, value.RescaleIntercept, value.RescaleType = 2, 1, "US"
        frame.PixelValueTransformationSequence = DicomSequence([value])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    _pixels(ds, image.data[:, :, order].transpose(2, 1, 0), False, ExplicitVRLittleEndian)
    path = folder / f"{NAME}_multi.dcm"
    ds.save_as(path, enforce_file_format=True)
    return path


def position(image: Image, k: int) -> list[float]:
    x, y, z = (image.affine @ [0, 0, k, 1])[:3]
    return [round(float(v), 6) for v in (-x, -y, z)]


def axes(image: Image) -> list[float]:
    lps = np.diag([-1, -1, 1]) @ image.affine[:3, :2] / np.array(image.spacing[:2])
    return [round(float(v), 9) for v in lps.T.ravel()]


def _header(image: Image, tags: dict[str, Any], number: int, study: str, series: str, kind: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = kind
    ds.SOPInstanceUID = generate_uid()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = kind, ds.SOPInstanceUID
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = NAME, PATIENT_ID, BIRTH
    ds.InstitutionName, ds.StudyDate, ds.Modality = "Klinikum Musterstadt", "20240131", "MR"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SeriesNumber = study, series, number
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


def _pixels(ds: Dataset, pixels: np.ndarray, inverted: bool, syntax: str) -> None:
    stored = np.ascontiguousarray(pixels).astype(np.uint16)
    if inverted:
        stored = 4095 - stored
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 16, 16, 15, 0
    ds.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    ds.PixelData = stored.tobytes()
    if syntax != ExplicitVRLittleEndian:
        ds.compress(syntax, stored, encoding_plugin="" if syntax != pydicom.uid.JPEG2000Lossless else "pylibjpeg")
