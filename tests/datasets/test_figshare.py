"""Discovery and reading of Cheng's Figshare set, as published and as pictures."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image as Pillow

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.figshare import DATASET
from tumorscope.datasets.figshare_blocks import LAST, STRETCHES, block_of, tumor_type_of

T1CE = Sequence.T1CE


def mat(folder: Path, number: int, label: int = 1, pid: str = "MR040241B", mask_rows: int = 20, **leave: bool) -> Path:
    """Write one synthetic file as MATLAB does: every array transposed, text as character codes."""
    folder.mkdir(parents=True, exist_ok=True)
    image = np.arange(20 * 30, dtype=np.int16).reshape(20, 30)
    mask = np.zeros((mask_rows, 30), np.uint8)
    mask[2:5, 20:28] = 1
    fields = {
        "image": image.T,
        "tumorMask": mask.T,
        "tumorBorder": np.zeros((1, 8)),
        "label": np.array([[float(label)]]),
        "PID": np.frombuffer(pid.encode(), np.uint8).astype(np.uint16)[:, None],
    }
    path = folder / f"{number}.mat"
    with h5py.File(path, "w") as file:
        for name, value in fields.items():
            if name not in leave:
                file[f"cjdata/{name}"] = value
    return path


def pictures(root: Path, rows: dict[int, str], table: bool = True) -> Path:
    """Write pictures, masks and labels.csv."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for number in rows:
        Pillow.fromarray(np.full((20, 30), number % 250, np.uint8)).save(root / "images" / f"{number}.jpg")
        mask = np.zeros((20, 30), bool)
        mask[2:5, 20:28] = True
        Pillow.fromarray(mask).save(root / "masks" / f"{number}.png")
    if table:
        with (root / "labels.csv").open("w", newline="", encoding="utf-8-sig") as handle:
            writer = csv.writer(handle)
            writer.writerow(["index", "class", "image", "mask"])
            writer.writerows([n, kind, f"images/{n}.jpg", f"masks/{n}.png"] for n, kind in rows.items())
    return root


def test_the_published_files_lie_in_subfolders_and_name_their_patients(tmp_path: Path) -> None:
    mat(tmp_path / "brainTumorDataPublic_1-766", 1)
    mat(tmp_path / "brainTumorDataPublic_1-766", 2, pid="100360")
    mat(tmp_path / "brainTumorDataPublic_767-1532", 1000, label=3)
    (tmp_path / "cvind.mat").write_bytes(b"folds, no picture")
    cases = DATASET.discover(tmp_path)
    assert [(c.id, c.patient, c.unit, c.tumor_type) for c in cases] == [
        ("0001", "MR040241B", "patient", "meningioma"),
        ("0002", "100360", "patient", "meningioma"),
        ("1000", "MR040241B", "patient", "pituitary"),
    ]
    assert all(c.scheme is BINARY for c in cases)


def test_matlabs_transposed_arrays_come_upright(tmp_path: Path) -> None:
    mat(tmp_path, 7)
    loaded = DATASET.discover(tmp_path)[0].loaded()
    image, label = loaded.images[T1CE], loaded.label
    assert isinstance(image, Image)
    assert isinstance(label, Image)
    assert image.shape == label.shape == (30, 20, 1)
    assert image.data[29, 0, 0] == 29
    assert (image.data.dtype, label.data.dtype) == (np.int16, np.uint8)
    columns, rows, _ = np.nonzero(label.data)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (20, 27, 2, 4)
    assert image.orientation == "LPS"
    assert not image.spacing_known


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:300]), "300|truncated|unpack this file again"),
        (lambda p: p.write_bytes(b""), "unpack this file again"),
        (lambda p: p.write_bytes(b"MATLAB 5.0 MAT-file, not HDF5" * 20), "MATLAB 7.3"),
        (lambda p: mat(p.parent, 7, PID=True), "no such field"),
        (lambda p: mat(p.parent, 7, label=9), "label 9"),
        (lambda p: mat(p.parent, 7, pid=" "), "empty PID"),
    ],
)
def test_a_bad_mat_file_is_one_clear_error(tmp_path: Path, spoil: object, words: str) -> None:
    spoil(mat(tmp_path, 7))  # type: ignore[operator]
    with pytest.raises(InputError, match=words) as caught:
        DATASET.discover(tmp_path)
    assert "7.mat" in str(caught.value)


def test_a_mask_of_another_size_or_none_is_refused(tmp_path: Path) -> None:
    mat(tmp_path, 7, mask_rows=19)
    with pytest.raises(GeometryError, match="of one size"):
        DATASET.discover(tmp_path)[0].loaded()
    mat(tmp_path, 7, tumorMask=True)
    with pytest.raises(InputError, match="no such field"):
        DATASET.discover(tmp_path)[0].loaded()


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("depth", range(3))
def test_pictures_go_by_blocks(tmp_path: Path, table: bool, depth: int) -> None:
    pictures(tmp_path / "a" / "b", {1: "Meningioma", 62: "meningioma", 290: "meningioma", 1000: "pituitary"}, table)
    cases = DATASET.discover(tmp_path.joinpath(*["a", "b"][:depth]))
    assert [(c.id, c.patient, c.unit, c.tumor_type) for c in cases] == [
        ("0001", "block-001", "block", "meningioma"),
        ("0062", "block-002", "block", "meningioma"),
        ("0290", "block-002", "block", "meningioma"),
        ("1000", "block-006", "block", "pituitary"),
    ]
    loaded = cases[1].loaded()
    assert isinstance(loaded.label, Image)
    assert set(np.unique(loaded.label.data).tolist()) == {0, 1}
    assert loaded.label.data.sum() == 3 * 8
    assert loaded.label.shape == loaded.images[T1CE].shape == (30, 20, 1)  # type: ignore[union-attr]


def test_a_class_that_contradicts_the_public_one_is_a_block_of_its_own(tmp_path: Path) -> None:
    pictures(tmp_path, {1: "meningioma", 2: "glioma"})
    assert [c.patient for c in DATASET.discover(tmp_path)] == ["block-001", "block-001-glioma"]


@pytest.mark.parametrize(("old", "new"), [("meningioma", "tumour"), ("index", "number"), ("\n1,", "\none,")])
def test_a_table_that_cannot_be_read_names_the_line(tmp_path: Path, old: str, new: str) -> None:
    table = pictures(tmp_path, {1: "meningioma"}) / "labels.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(InputError, match=r"line 2 of .*labels\.csv"):
        DATASET.discover(tmp_path)


def test_numbers_beyond_the_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 to 3064"):
        DATASET.discover(pictures(tmp_path, {3065: "glioma"}))
    with pytest.raises(InputError, match="1 to 3064"):
        block_of(0)


def test_the_public_counts_of_each_type() -> None:
    """Cheng et al. 2015: 708 meningioma, 1426 glioma and 930 pituitary slices."""
    kinds = Counter(tumor_type_of(n) for n in range(1, LAST + 1))
    assert kinds == {"meningioma": 708, "glioma": 1426, "pituitary": 930}
    starts = [start for start, _, _ in STRETCHES]
    assert starts == sorted(set(starts))
    types = {}
    for number in range(1, LAST + 1):
        assert types.setdefault(block_of(number), tumor_type_of(number)) == tumor_type_of(number)
    assert len(types) == 11


def test_the_three_planes_of_one_patient_share_a_block() -> None:
    """Pictures that show the same tumour in axial, coronal and sagittal planes."""
    gliomas = (1883, 2248, 2859), (2020, 2561, 2936), (2164, 2698, 2762), (2188, 2726, None), (2344, 2490, 3033)
    for axial, coronal, sagittal in ((64, 292, 524), (75, 301, 536), (38, 257, 498), (188, 420, 677), *gliomas):
        sagittal = sagittal or coronal
        assert block_of(axial) == block_of(coronal) == block_of(sagittal)


def test_cuts_lie_between_runs_of_slices(test_data: Path) -> None:
    """The pictures on both sides of a cut are less alike than neighbours in a run, of which most are very alike."""
    folder = test_data / "figshare" / "images"

    def small(number: int) -> np.ndarray:
        return np.asarray(Pillow.open(folder / f"{number}.jpg").convert("L").resize((64, 64)), dtype=float).ravel()

    def alike(first: int, second: int) -> float:
        return float(np.corrcoef(small(first), small(second))[0, 1])

    cuts = [s for s, _, _ in STRETCHES[1:] if all((folder / f"{n}.jpg").is_file() for n in (s - 1, s))]
    assert len(cuts) > 20
    across = {cut: alike(cut - 1, cut) for cut in cuts}
    assert max(across.values()) < 0.85, across
    assert np.quantile(list(across.values()), 0.95) < 0.7, across
    within = [alike(cut, cut + 1) for cut in cuts if (folder / f"{cut + 1}.jpg").is_file()]
    assert np.median(within) > 0.85


def test_the_folder_of_pictures(test_data: Path) -> None:
    cases = DATASET.discover(test_data / "figshare")
    assert len(cases) >= 2000
    assert {c.unit for c in cases} == {"block"}
    assert not [c.id for c in cases if c.patient.count("-") > 1], "every class agrees with the public numbering"
    assert max(Counter(c.patient for c in cases).values()) < 0.3 * len(cases)
    loaded = cases[0].loaded()
    assert isinstance(loaded.label, Image)
    assert loaded.label.shape == (256, 256, 1)
    assert 0.001 < loaded.label.data.mean() < 0.2
