"""Discovery of the Roboflow COCO export, and masks from every kind of COCO annotation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.coco import DATASET, RECTANGLE
from tumorscope.datasets.coco_masks import draw, is_rectangle
from tumorscope.datasets.figshare_blocks import block_of

pytestmark = pytest.mark.filterwarnings("ignore:coco")
BOX = [[6, 2, 1, 2, 1, 5, 6, 5, 6, 2]]


def export(
    root: Path, part: str, entries: dict[str, list[Any]], bom: bool = False, size: tuple[int, int] = (12, 8)
) -> Path:
    """Write one part: picture name → the segmentations of its annotations."""
    folder = root / part
    folder.mkdir(parents=True)
    images, annotations = [], []
    for key, (name, segmentations) in enumerate(entries.items()):
        images.append({"id": key, "file_name": name, "width": 12, "height": 8})
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[1, -3] = 200
        Pillow.fromarray(pixels).save(folder / name, quality=100, subsampling=0)
        for segmentation in segmentations:
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": key,
                    "category_id": 1,
                    "bbox": [1, 2, 5, 3],
                    "segmentation": segmentation,
                }
            )
    text = json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "0"}]})
    (folder / "_annotations.coco.json").write_text(text, encoding="utf-8-sig" if bom else "utf-8")
    return folder


def name(number: int) -> str:
    return f"{number}_jpg.rf.3afd7903eaf3f3c5aa8da4bbb928bc19.jpg"


@pytest.mark.parametrize("bom", [True, False])
def test_parts_blocks_and_types_come_from_folders_and_numbers(tmp_path: Path, bom: bool) -> None:
    for part, number in (("train", 2256), ("valid", 62), ("test", 290)):
        export(tmp_path / "archive", part, {name(number): [BOX]}, bom)
    cases = {c.release_part: c for c in DATASET.discover(tmp_path)}
    assert [cases[p].id for p in ("train", "val", "test")] == ["2256-3afd7903", "0062-3afd7903", "0290-3afd7903"]  # type: ignore[index]
    assert cases["val"].patient == cases["test"].patient == block_of(62), "two planes of one patient"
    assert {c.unit for c in cases.values()} == {"block"}
    assert (cases["train"].tumor_type, cases["test"].tumor_type) == ("glioma", "meningioma")


def test_the_mask_lies_where_the_polygon_says_and_the_affine_tells_the_transposition(tmp_path: Path) -> None:
    export(tmp_path, "train", {name(1): [BOX]})
    loaded = DATASET.discover(tmp_path)[0].loaded()
    image, label = loaded.images[Sequence.T1CE], loaded.label
    assert isinstance(image, Image)
    assert isinstance(label, Image)
    assert image.shape == label.shape == (12, 8, 1)
    assert image.data[9, 1, 0] > 150 > image.data[1, 5, 0], "pixels stay as stored: x along columns"
    x, y, _ = np.nonzero(label.data)
    assert (x.min(), x.max(), y.min(), y.max(), label.data.sum()) == (1, 5, 2, 4, 15)
    assert image.orientation == "PLS"


def test_rectangles_are_counted_and_said_loudly(tmp_path: Path) -> None:
    triangle = [[0, 0, 6, 0, 0, 6]]
    export(tmp_path, "train", {name(1): [BOX], name(2): [triangle], name(3): [BOX, triangle]})
    with pytest.warns(UserWarning, match="1 of 3 references are rectangles"):
        cases = DATASET.discover(tmp_path)
    assert [RECTANGLE in c.notes for c in cases] == [True, False, False]


def test_pictures_without_annotation_and_missing_ones_survive_with_a_note(tmp_path: Path) -> None:
    folder = export(tmp_path, "train", {name(1): [BOX], name(2): [], name(3): [BOX]})
    (folder / name(3)).unlink()
    first, second = DATASET.discover(tmp_path)
    assert "1 of 3 pictures" in first.notes[-1]
    assert name(3) in first.notes[-1]
    assert "No annotation" in second.notes[0]
    label = second.loaded().label
    assert isinstance(label, Image)
    assert label.data.sum() == 0
    for path in folder.glob("*.jpg"):
        path.unlink()
    with pytest.raises(InputError, match=r"pictures that .* names"):
        DATASET.discover(tmp_path)


def test_a_foreign_name_is_a_block_of_its_own(tmp_path: Path) -> None:
    export(tmp_path, "train", {"Y12.jpg": [BOX], name(99999): [BOX]})
    cases = DATASET.discover(tmp_path)
    assert [c.patient for c in cases] == [c.id for c in cases]
    assert all("no Figshare number" in c.notes[-1] for c in cases)
    assert {c.tumor_type for c in cases} == {None}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": [{"id": 1}], "annotations": []}', "\x00"])
def test_a_file_that_is_not_coco_is_one_sentence(tmp_path: Path, text: str) -> None:
    (export(tmp_path, "train", {name(1): [BOX]}) / "_annotations.coco.json").write_text(text)
    with pytest.raises(InputError, match="Download it again"):
        DATASET.discover(tmp_path)


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    export(tmp_path, "train", {name(1): [BOX]}, size=(8, 12))
    with pytest.raises(GeometryError, match="12×8"):
        DATASET.discover(tmp_path)[0].loaded()


def _annotation(segmentation: Any) -> dict[str, Any]:
    return {"id": 5, "bbox": [1, 2, 5, 3], "segmentation": segmentation}


@pytest.mark.parametrize("missing", [None, [], {}])
def test_a_box_is_drawn_where_there_is_no_outline(missing: Any) -> None:
    drawn = draw([_annotation(missing)], (12, 8))
    np.testing.assert_array_equal(drawn, draw([_annotation(BOX)], (12, 8)))
    assert drawn.sum() == 15


def test_run_lengths_plain_and_compressed() -> None:
    """A 3-high, 4-wide mask whose second column is set: 3 zeros, 3 ones, 6 zeros; COCO packs these as "333"."""
    expected = np.zeros((4, 3), np.uint8)
    expected[1] = 1
    for counts in ([3, 3, 6], "336"):
        np.testing.assert_array_equal(draw([_annotation({"size": [3, 4], "counts": counts})], (4, 3)), expected)


def test_long_and_shrinking_run_lengths() -> None:
    """Counts above 15 take two characters, and from the fourth on differences are stored."""
    runs = [100, 20, 30, 50, 56]
    text = _packed(runs)
    plain = draw([_annotation({"size": [16, 16], "counts": runs})], (16, 16))
    np.testing.assert_array_equal(draw([_annotation({"size": [16, 16], "counts": text})], (16, 16)), plain)
    assert plain.sum() == 70


def _packed(runs: list[int]) -> str:
    """Pack run lengths as the COCO API specifies, written from its description."""
    text = ""
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        while True:
            digit, value = value & 0x1F, value >> 5
            done = value == (-1 if digit & 0x10 else 0)
            text += chr(48 + (digit if done else digit | 0x20))
            if done:
                break
    return text


def test_several_annotations_unite_and_a_hole_stays_open() -> None:
    ring = [[0, 0, 6, 0, 6, 6, 0, 6, 0, 0, 2, 2, 2, 4, 4, 4, 4, 2, 2, 2]]
    mask = draw([_annotation(ring), _annotation([[8, 0, 10, 0, 10, 2, 8, 2]])], (12, 8))
    assert mask.sum() == 36 - 4 + 4


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2]],
        [[1, 2, 3]],
        [["a", 2, 3, 4, 5, 6]],
        {"counts": [1]},
        {"size": [8, 12], "counts": [1, 2]},
        {"size": [8, 12], "counts": "P"},
    ],
)
def test_a_broken_annotation_names_itself(segmentation: Any) -> None:
    with pytest.raises(InputError, match=r"annotation 5 of x\.jpg"):
        draw([_annotation(segmentation)], (12, 8), where="x.jpg")


@pytest.mark.parametrize(
    ("segmentation", "expected"),
    [
        (BOX, True),
        ([[1, 1, 3, 1, 3, 2, 1, 2]], True),
        ([[1, 1, 3, 1.5, 3, 2, 1, 2]], False),
        ([[1, 1, 3, 1, 3, 2]], False),
        ([], False),
        (None, False),
        ({"counts": "1", "size": [1, 1]}, False),
    ],
)
def test_what_counts_as_a_rectangle(segmentation: Any, expected: bool) -> None:
    assert is_rectangle(segmentation) is expected


def test_the_real_annotations(test_data: Path) -> None:
    """As the data's README tells: one picture without annotation, everything else a rectangle."""
    from tumorscope.datasets.coco import read_annotations

    files = sorted((test_data / "coco").glob("*/_annotations.coco.json"))
    content = [read_annotations(path) for path in files]
    annotations = [a for c in content for a in c["annotations"]]
    assert len(annotations) >= 1000
    assert all(is_rectangle(a["segmentation"]) for a in annotations)
    annotated = [{a["image_id"] for a in c["annotations"]} for c in content]
    assert sum(i["id"] not in ids for c, ids in zip(content, annotated, strict=True) for i in c["images"]) == 1


def test_a_real_picture_is_figshares_transposed(test_data: Path) -> None:
    from tumorscope.formats import read_image

    originals = sorted((test_data / "originals" / "coco").rglob("*.jpg"))
    pairs = [(p, test_data / "figshare" / "images" / f"{p.name.split('_')[0]}.jpg") for p in originals]
    picture, slice_ = next((p, f) for p, f in pairs if f.is_file())
    small = np.asarray(Pillow.open(picture).convert("L").resize((256, 256)), dtype=float)
    upright = read_image(slice_).data[:, :, 0].astype(float)  # (x, y): equals the transposed picture's (row, column)
    assert np.corrcoef(small.ravel(), upright.ravel())[0, 1] > 0.9
    assert np.corrcoef(small.ravel(), upright.T.ravel())[0, 1] < 0.6
