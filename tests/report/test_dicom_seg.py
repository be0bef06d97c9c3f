import highdicom as hd
import numpy as np
import pydicom
import pytest

from oblique_series import COLUMNS, ROWS, SECRETS, SLICES, oblique_series, segmentation_on
from tumorscope.core.errors import GeometryError, InputError, OutputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.formats.dicom_seg import is_dicom_seg, read_dicom_seg
from tumorscope.report.dicom_seg import write_dicom_seg
from tumorscope.report.pseudonyms import pseudonymous_uid


def _label_at(image: Image, names: dict[int, str], points: np.ndarray) -> np.ndarray:
    index = np.rint((np.linalg.inv(image.affine) @ points)[:3]).astype(int)
    ok = ((index >= 0) & (index < np.array(image.shape)[:, None])).all(axis=0)
    values = np.zeros(points.shape[1], dtype=int)
    back = {x.name: x.value for x in BRATS.labels}
    table = np.array([0, *(back[names[n]] for n in sorted(names))])
    values[ok] = table[image.data[tuple(index[:, ok])]]
    return values


@pytest.mark.parametrize("stored", ["as read", "reordered"])
def test_what_is_read_back_is_what_was_written(tmp_path, stored):
    files, affine = oblique_series(tmp_path / "series")
    segmentation = segmentation_on(affine)
    labels = segmentation.labels
    if stored == "reordered":
        turned = affine[:, [2, 0, 1, 3]].copy()
        turned[:3, 3] += turned[:3, 0] * (SLICES - 1)
        turned[:3, 0] *= -1
        labels = Image(np.transpose(labels.data, (2, 0, 1))[::-1], turned)
    path = write_dicom_seg(Segmentation(labels, BRATS), files, tmp_path / "seg.dcm", algorithm=("brats-2d", "1.0"))
    assert is_dicom_seg(path) and not is_dicom_seg(files[0])
    image, names = read_dicom_seg(path)
    assert set(names.values()) == {"NCR/NET", "ED", "ET"}
    voxels = np.indices((COLUMNS, ROWS, SLICES)).reshape(3, -1)
    points = affine @ np.vstack([voxels, np.ones(voxels.shape[1])])
    expected = segmentation.labels.data.reshape(-1)
    assert (_label_at(image, names, points) == expected).all()
    centres = np.linalg.inv(image.affine) @ points
    assert np.abs((image.affine @ np.rint(centres) - points)[:3]).max() < 1e-3, "on the source's grid to a micrometre"


def test_attributes_that_an_export_left_out_are_empty(tmp_path):
    files, affine = oblique_series(tmp_path / "series")
    for file in files:
        ds = pydicom.dcmread(file)
        del ds.PatientSex, ds.AccessionNumber, ds.StudyTime, ds.FrameOfReferenceUID
        ds.save_as(file)
    path = write_dicom_seg(
        segmentation_on(affine), files, tmp_path / "s.dcm", algorithm=("m", "2"), keep_identifiers=True
    )
    seg = pydicom.dcmread(path)
    assert not any((seg.PatientSex, seg.AccessionNumber, seg.StudyTime))
    assert seg.PatientID == SECRETS[1] and seg.FrameOfReferenceUID


def test_a_header_that_cannot_be_copied_is_told(tmp_path):
    files, affine = oblique_series(tmp_path / "series")
    for file in files:
        ds = pydicom.dcmread(file)
        ds.PatientBirthDate = "19610229"
        ds.save_as(file)
    with pytest.raises(OutputError, match="header"):
        write_dicom_seg(segmentation_on(affine), files, tmp_path / "s.dcm", algorithm=("m", "2"), keep_identifiers=True)


def test_segments_are_coded_and_tied_to_the_source(tmp_path):
    files, affine = oblique_series(tmp_path / "series")
    path = write_dicom_seg(
        segmentation_on(affine), files, tmp_path / "s.dcm", algorithm=("m", "2"), keep_identifiers=True
    )
    seg = hd.seg.segread(path)
    kinds = {s.SegmentLabel: s.SegmentedPropertyTypeCodeSequence[0] for s in seg.SegmentSequence}
    assert {n: (k.CodingSchemeDesignator, k.CodeValue) for n, k in kinds.items()} == {
        "NCR/NET": ("SCT", "6574001"),
        "ED": ("SCT", "79654002"),
        "ET": ("SCT", "108369006"),
    }
    assert kinds["ET"].SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Enhancing Lesion"
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"
    assert seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "m"
    source = pydicom.dcmread(files[0])
    assert (seg.StudyInstanceUID, seg.FrameOfReferenceUID) == (source.StudyInstanceUID, source.FrameOfReferenceUID)
    assert seg.PatientID == "MRN-4711"
    (reference,) = seg.ReferencedSeriesSequence
    assert reference.SeriesInstanceUID == source.SeriesInstanceUID
    shown = {i.ReferencedSOPInstanceUID for i in reference.ReferencedInstanceSequence}
    assert shown <= {pydicom.dcmread(f).SOPInstanceUID for f in files}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        (held,) = [d for d in map(pydicom.dcmread, files) if d.SOPInstanceUID == item.ReferencedSOPInstanceUID]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == held.ImagePositionPatient


def test_without_leave_nothing_personal_is_kept(tmp_path):
    files, affine = oblique_series(tmp_path / "series")
    path = write_dicom_seg(segmentation_on(affine), files, tmp_path / "seg.dcm", algorithm=None, patient="patient-1")
    content, sources = path.read_bytes(), [pydicom.dcmread(f) for f in files]
    for secret in (*SECRETS, sources[0].StudyInstanceUID, sources[0].SeriesInstanceUID, sources[3].SOPInstanceUID):
        assert secret.encode() not in content
    seg = pydicom.dcmread(path)
    assert (seg.PatientID, str(seg.PatientName), seg.PatientBirthDate, seg.StudyDate) == (
        "patient-1",
        "patient-1",
        "",
        "",
    )
    assert seg.StudyInstanceUID == pseudonymous_uid(sources[0].StudyInstanceUID)
    assert seg.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    shown = {i.ReferencedSOPInstanceUID for i in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert shown <= {pseudonymous_uid(d.SOPInstanceUID) for d in sources}
    again = write_dicom_seg(segmentation_on(affine), files, tmp_path / "again.dcm", algorithm=None)
    assert pydicom.dcmread(again).StudyInstanceUID == seg.StudyInstanceUID


def test_another_grid_is_refused(tmp_path):
    files, affine = oblique_series(tmp_path / "series")
    moved = affine.copy()
    moved[0, 3] += 0.3
    with pytest.raises(GeometryError, match="own grid"):
        write_dicom_seg(segmentation_on(moved), files, tmp_path / "seg.dcm", algorithm=None)
    with pytest.raises(GeometryError, match="without one"):
        write_dicom_seg(segmentation_on(affine), files[:4], tmp_path / "seg.dcm", algorithm=None)
    other, _ = oblique_series(tmp_path / "other")
    with pytest.raises(InputError, match="one DICOM series"):
        write_dicom_seg(segmentation_on(affine), [*files, *other], tmp_path / "seg.dcm", algorithm=None)
    empty = Segmentation(Image(np.zeros((COLUMNS, ROWS, SLICES), dtype=np.uint8), affine), BRATS)
    with pytest.raises(OutputError, match="nothing segmented"):
        write_dicom_seg(empty, files, tmp_path / "seg.dcm", algorithm=None)
    assert not list(tmp_path.glob("*.dcm"))


def test_what_is_no_segmentation_is_told(tmp_path):
    files, _ = oblique_series(tmp_path / "series")
    with pytest.raises(InputError, match="DICOM segmentation"):
        read_dicom_seg(files[0])
