"""An oblique DICOM series of a made-up patient, and a label map on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation

ROWS, COLUMNS, SLICES = 20, 24, 9
SPACING, GAP = (0.9, 1.1), 4.0  # between rows, between columns
SECRETS = ("Doe^Jane", "MRN-4711", "19700101", "St Elsewhere", "ACC-99", "House^Gregory", "20240229")


def _axes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    across = np.array([0.98, 0.15, -0.05])
    across /= np.linalg.norm(across)
    down = np.cross([0.1, 0.05, 1.0], across)
    down /= np.linalg.norm(down)
    return across, down, np.cross(across, down)


def oblique_series(folder: Path) -> tuple[list[Path], np.ndarray]:
    """An oblique series with a made-up patient; returns its files in no order, and the affine of (c, r, k)."""
    across, down, normal = _axes()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    origin, paths = np.array([-40.0, -60.0, 20.0]), []
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(SLICES):
        ds = pydicom.Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = MRImageStorage, generate_uid(), "MR"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = *SECRETS[:3], "F"
        ds.InstitutionName, ds.AccessionNumber, ds.ReferringPhysicianName = SECRETS[3:6]
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = SECRETS[6], "101010", "7", 3, k + 1
        ds.ImagePositionPatient = [round(float(v), 6) for v in origin + k * GAP * normal]
        ds.ImageOrientationPatient = [float(v) for v in (*across, *down)]
        ds.PixelSpacing, ds.SliceThickness = list(SPACING), GAP
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = np.zeros((ROWS, COLUMNS), dtype=np.uint16).tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = (
            MRImageStorage,
            ds.SOPInstanceUID,
        )
        paths.append(folder / f"{(k * 5) % SLICES}.dcm")
        ds.save_as(paths[-1], enforce_file_format=True)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2] = across * SPACING[1], down * SPACING[0], normal * GAP
    lps[:3, 3] = origin
    return sorted(paths), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps


def segmentation_on(affine: np.ndarray) -> Segmentation:
    """Return a small glioma on the grid (columns, rows, slices)."""
    labels = np.zeros((COLUMNS, ROWS, SLICES), dtype=np.uint8)
    labels[4:15, 3:17, 2:7] = 2
    labels[6:12, 5:10, 3:6] = 1
    labels[7:9, 6:8, 4] = 4
    labels[20, 2, 8] = 4
    return Segmentation(Image(labels, affine), BRATS)
