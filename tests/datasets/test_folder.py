import json

import numpy as np
import pytest

from tiny_bundles import head, image
from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.names import is_label, sequence_of
from tumorscope.formats import write_nifti, write_png

DATASET = DATASETS.load("folder")
T1, T1CE, T2, FLAIR = Sequence


def _nifti(path, data=None):
    write_nifti(image(head() if data is None else data), path)


def _label(values=(1, 2)):
    data = np.zeros(head().shape, dtype=np.uint8)
    for k, value in enumerate(values):
        data[5 + k, 5:9, 3] = value
    return data


def _png(path, data=None):
    write_png(head((20, 24, 1))[:, :, 0].clip(0, 255).astype(np.uint8) if data is None else data, path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BraTS20_Training_001_t1ce.nii.gz", T1CE),
        ("BraTS-GLI-00000-000-t2f.nii.gz", FLAIR),
        ("flair.nii", FLAIR),
        ("p1_T1_CE.nii.gz", T1CE),
        ("p1_t1_post.nii.gz", T1CE),
        ("p1_t1_pre.nii.gz", T1),
        ("p1_t2_flair.nii.gz", FLAIR),
        ("flair_post.nii.gz", FLAIR),
        ("sub-01_ce-gadolinium_T1w.nii.gz", T1CE),
        ("sub-01_T1w.nii.gz", T1),
        ("p1_flair_bet.nii.gz", FLAIR),
        ("p1_post.nii.gz", T1CE),
        ("p1_adc.nii.gz", None),
        ("0001.png", None),
        ("t10.png", None),
    ],
)
def test_names_tell_the_sequence(name, expected):
    assert sequence_of(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x_seg.nii.gz", True),
        ("x_flair_mask.png", True),
        ("1-label.tif", True),
        ("segmentation.nii.gz", True),
        ("x_brain_mask.nii.gz", False),
        ("mask_flair.nii.gz", False),
        ("x_flair.nii.gz", False),
    ],
)
def test_names_tell_the_label_map(name, expected):
    assert is_label(name) is expected


def test_one_folder_per_case(tmp_path):
    for case in ("a", "deep/er/b"):
        for sequence in ("T1Gd", "flair"):
            _nifti(tmp_path / case / f"scan_{sequence}.nii.gz")
    _nifti(tmp_path / "a" / "scan_seg.nii.gz", _label((1, 2, 4)))
    _nifti(tmp_path / "a" / "scan_adc.nii.gz")
    (tmp_path / "a" / "notes.csv").write_text("x")
    (tmp_path / "a" / "._scan_t2.nii.gz").write_text("x")
    (tmp_path / "stray.csv").write_text("x")
    first, second = DATASET.discover(tmp_path)
    assert (first.id, second.id, first.patient) == ("a", "b", "a")
    assert first.sequences == second.sequences == (T1CE, FLAIR)
    assert first.notes == ["scan_adc.nii.gz was passed over: its name tells no sequence."]
    assert second.label is None
    read = first.loaded((FLAIR,))
    assert list(read.images) == [FLAIR]
    np.testing.assert_array_equal(read.images[FLAIR].data, head())
    assert read.scheme.name == "brats"
    assert any("were read as" in note for note in read.notes)


def test_classes_and_patients_come_from_the_description(tmp_path):
    for case in ("P1_visit1", "P1_visit2", "other"):
        _nifti(tmp_path / case / "t2.nii.gz")
        _nifti(tmp_path / case / "mask.nii.gz", _label((1, 7)))
    info = {"classes": {"1": "core", "7": "rim"}, "patient": "^(P[0-9]+)_"}
    (tmp_path / "dataset.json").write_text(json.dumps(info))
    cases = DATASET.discover(tmp_path)
    assert [c.patient for c in cases] == ["P1", "P1", "other"]
    assert cases[0].scheme.targets == ("core", "rim")
    assert set(np.unique(cases[0].loaded().label.data)) == {0, 1, 7}


def test_a_known_scheme_can_be_named(tmp_path):
    _nifti(tmp_path / "a" / "t1c.nii.gz")
    _nifti(tmp_path / "a" / "seg.nii.gz", _label((1, 2, 3)))
    (tmp_path / "dataset.json").write_text('{"scheme": "decathlon"}')
    assert DATASET.discover(tmp_path)[0].loaded().scheme.name == "decathlon"


@pytest.mark.parametrize("masks", ["labels", "masks"])
@pytest.mark.parametrize("ending", ["", "_mask"])
def test_flat_pictures(tmp_path, masks, ending):
    for name in ("0001", "0002"):
        _png(tmp_path / "images" / f"{name}.png")
    mask = np.zeros((20, 24), dtype=np.uint8)
    mask[4:8, 5:9] = 255
    _png(tmp_path / masks / f"0001{ending}.png", mask)
    (tmp_path / "dataset.json").write_text('{"sequence": "t1gd"}')
    first, second = DATASET.discover(tmp_path)
    assert first.sequences == (T1CE,) and second.label is None
    read = first.loaded()
    assert read.scheme.name == "binary"
    np.testing.assert_array_equal(read.label.data[:, :, 0], mask // 255)


def test_flat_files_whose_names_tell_the_sequence(tmp_path):
    for name in ("a_flair", "a_t1ce", "b_flair"):
        _nifti(tmp_path / "images" / f"{name}.nii.gz")
    _nifti(tmp_path / "labels" / "a.nii.gz", _label((1,)))
    first, second = DATASET.discover(tmp_path)
    assert (first.sequences, second.sequences) == ((T1CE, FLAIR), (FLAIR,))
    assert first.loaded().label.data.max() == 1 and second.label is None


def test_colour_channels_are_the_stated_sequences(tmp_path):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (20, 24, 3)).astype(np.uint8)
    write_png(picture, tmp_path / "images" / "1.png")
    (tmp_path / "dataset.json").write_text('{"sequence": ["T1", "FLAIR", "T1CE"]}')
    read = DATASET.discover(tmp_path)[0].loaded((FLAIR, T1CE))
    np.testing.assert_array_equal(read.images[FLAIR].data[:, :, 0], picture[..., 1])
    np.testing.assert_array_equal(read.images[T1CE].data[:, :, 0], picture[..., 2])
    _png(tmp_path / "images" / "2.png")
    with pytest.raises(InputError, match="3 channels"):
        DATASET.discover(tmp_path)[1].loaded()


def test_equal_folder_names_stay_apart(tmp_path):
    for parent in ("site1", "site2"):
        _nifti(tmp_path / parent / "case" / "flair.nii.gz")
    assert [c.id for c in DATASET.discover(tmp_path)] == ["site1_case", "site2_case"]


@pytest.mark.parametrize("kind", ["sequence", "label"])
def test_two_candidates_are_an_error(tmp_path, kind):
    _nifti(tmp_path / "a" / "x_flair.nii.gz")
    _nifti(tmp_path / "a" / "x_t1.nii.gz")
    ending = "t2f" if kind == "sequence" else "seg"
    _nifti(tmp_path / "a" / f"y_{ending}.nii.gz", _label())
    if kind == "label":
        _nifti(tmp_path / "a" / "y_mask.nii.gz", _label())
    with pytest.raises(InputError, match="Keep one per case folder"):
        DATASET.discover(tmp_path)


def test_a_folder_without_known_files_is_no_case(tmp_path):
    _nifti(tmp_path / "a" / "x_adc.nii.gz")
    with pytest.raises(InputError, match="cases of 'folder'"):
        DATASET.discover(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"modality": "T1"}',
        '{"sequence": "CT"}',
        '{"sequence": ["T1", "T1"]}',
        '{"classes": {"0": "x"}}',
        '{"classes": {"1": "x"}, "scheme": "brats"}',
        '{"scheme": "nope"}',
        '{"patient": "P[0-9"}',
        '{"patient": "P[0-9]+"}',
    ],
)
def test_a_wrong_description_is_one_sentence(tmp_path, text):
    _nifti(tmp_path / "a" / "flair.nii.gz")
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.json"):
        DATASET.discover(tmp_path)


def test_pictures_of_unknown_sequence_are_refused(tmp_path):
    _png(tmp_path / "images" / "0001.png")
    with pytest.raises(InputError, match=r'"sequence" in dataset\.json'):
        DATASET.discover(tmp_path)


@pytest.mark.parametrize(
    ("values", "info", "error"),
    [
        ((1, 9), {}, LabelError),
        ((1, 2), {"classes": {"1": "x"}}, LabelError),
        ((300,), {}, LabelError),
    ],
)
def test_label_values_without_a_class_are_refused(tmp_path, values, info, error):
    _nifti(tmp_path / "a" / "flair.nii.gz")
    data = _label((0,)).astype(np.int16)
    for k, value in enumerate(values):
        data[5, 5 + k, 3] = value
    _nifti(tmp_path / "a" / "seg.nii.gz", data)
    (tmp_path / "dataset.json").write_text(json.dumps(info))
    with pytest.raises(error, match="seg"):
        DATASET.discover(tmp_path)[0].loaded()


def test_fractions_and_other_grids_are_refused(tmp_path):
    _nifti(tmp_path / "a" / "flair.nii.gz")
    _nifti(tmp_path / "a" / "seg.nii.gz", _label().astype(np.float32) * 0.3)
    with pytest.raises(InputError, match=r"whole numbers|label values"):
        DATASET.discover(tmp_path)[0].loaded()
    _nifti(tmp_path / "a" / "seg.nii.gz", np.zeros((3, 3, 3), dtype=np.uint8))
    with pytest.raises(GeometryError, match="one grid"):
        DATASET.discover(tmp_path)[0].loaded()
