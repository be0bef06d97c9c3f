import copy
import io
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image as Picture

from tiny_bundles import head, image
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.report_views import _to_lps
from tumorscope.report.case_html import case_html
from tumorscope.report.case_pictures import case_pictures, largest_lesion
from tumorscope.report.flags import quality_flags
from tumorscope.workflows.assess import assess

SHAPE = (40, 44, 20)


@lru_cache(maxsize=1)
def _assessed():
    images, segmentation = _study()
    return images, segmentation, assess(images, segmentation)


def _study(empty=False):
    images = {s: image(head(SHAPE, k), (3, 3, 5)) for k, s in enumerate((Sequence.T1CE, Sequence.FLAIR))}
    labels = np.zeros(SHAPE, np.uint8)
    if not empty:
        labels[24:34, 14:26, 6:14] = 2
        labels[26:31, 16:22, 8:12] = 4
    maps = {n: image((labels > 0).astype(np.float32) * 0.9, (3, 3, 5)) for n in ("WT", "TC", "ET")}
    return images, Segmentation(image(labels, (3, 3, 5)), BRATS, maps)


def test_a_volume_shows_planes_diameters_sequences_and_uncertainty():
    images, segmentation, measurements = _assessed()
    pictures = case_pictures(images, segmentation, measurements)
    assert [p.title for p in pictures] == [
        "Through the centre of the tumour",
        "Largest diameters",
        "Sequences used",
        "Where the model is unsure",
    ]
    assert largest_lesion(measurements)[0] == "ET"
    for picture in pictures:
        shown = np.asarray(Picture.open(io.BytesIO(picture.png)).convert("RGB"))
        assert shown.std() > 10, "not blank"
    diameters = np.asarray(Picture.open(io.BytesIO(pictures[1].png)).convert("RGB")).reshape(-1, 3).astype(int)
    yellow = (diameters[:, 0] > 180) & (diameters[:, 1] > 170) & (diameters[:, 2] < 110)
    assert yellow.sum() > 40, "the perpendicular is drawn"


def test_nothing_segmented_has_no_diameters():
    images, segmentation = _study(empty=True)
    measurements = assess(images, segmentation)
    assert measurements["midline"] is None
    assert "Largest diameters" not in [p.title for p in case_pictures(images, segmentation, measurements)]
    assert quality_flags(measurements)[0] == "Nothing was segmented."


def test_lines_are_turned_with_the_volume():
    grid = image(np.zeros(SHAPE))  # x to the left, y to posterior
    point = np.array([[3.0, 5.0, 7.0]])
    assert _to_lps(grid, point).tolist() == [[3, 5, 7]]
    flipped = image(np.zeros(SHAPE))
    flipped.affine[0, 0] = 1.0
    assert _to_lps(flipped, point).tolist() == [[SHAPE[0] - 1 - 3, 5, 7]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"predicted_dice": 0.3}, "unsure of this map"),
        ({"interval_voxels": [10, 4000]}, "volume is uncertain"),
    ],
)
def test_flags_of_uncertainty(change, words):
    measurements = copy.deepcopy(_assessed()[2])
    measurements["uncertainty"]["regions"]["ET"] |= change
    assert any(flag.startswith("ET") and words in flag for flag in quality_flags(measurements))


def test_flags_of_the_grid():
    measurements = copy.deepcopy(_assessed()[2])
    measurements["plane"] |= {"slice_mm": 6.5, "tilt_deg": 31.0}
    measurements["at_edge"] = ["WT"]
    flags = " ".join(quality_flags(measurements))
    assert "6.5 mm thick" in flags and "tilted by 31°" in flags and "WT reaches the edge" in flags


def test_the_report_has_every_table(tmp_path):
    from tiny_bundles import manifest
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.report.record import case_record

    images, segmentation, measurements = _assessed()
    record = case_record(
        case_id="c", picture=False, measurements=measurements, scheme=BRATS, convention="bundle",
        bundle=Bundle(tmp_path, manifest()), reason="Stated.", runtime="torch", files={}, notes=[], seconds={"a": 1.0},
    )  # fmt: skip
    html = case_html(record, BRATS, case_pictures(images, segmentation, record))
    words = ("90 % interval", "Predicted Dice", "Product", "Steps", "ET outline", "@page { size: A4")
    more = ("No post-processing", "ET (enhancing tumour): 1 of at least 0.05 ml", "Axial diameters, mm")
    for expected in (*words, *more):
        assert expected in html, expected
    assert html.count("<figure>") == 4
