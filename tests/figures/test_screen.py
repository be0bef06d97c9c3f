"""Volumes for the viewer: where every voxel goes, and what the numbers mean."""

import zlib

import numpy as np
import pytest

from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures import screen as module
from tumorscope.figures.screen import Screen, merged

#: RAS, LPS, and a permuted grid with unequal spacing.
AFFINES = {
    "RAS": np.diag([1.0, 1.0, 1.0, 1.0]),
    "LPS": np.diag([-1.0, -2.0, 3.0, 1.0]),
    "SRP": np.array([[0, 2.0, 0, 5], [0, 0, -1.0, 6], [3.0, 0, 0, 7], [0, 0, 0, 1]]),
}


def _unpack(packed, key):
    left, posterior, superior = packed.facts["grid"]["shape"]
    found = np.frombuffer(zlib.decompress(packed.volumes[key]), dtype=np.uint8)
    return found.reshape(superior, posterior, left).transpose(2, 1, 0)


def _case(affine):
    data = np.zeros((14, 12, 10), dtype=np.float32)
    data[3:11, 3:9, 2:8] = np.random.default_rng(0).uniform(100, 200, (8, 6, 6))
    labels = np.zeros(data.shape, dtype=np.uint8)
    labels[4, 5, 6] = 4
    labels[5, 5, 6] = 2
    image = Image(data, affine)
    return image, Segmentation(image.with_data(labels), BRATS)


@pytest.mark.parametrize("name", AFFINES)
def test_every_voxel_keeps_its_place_in_the_world(name):
    image, segmentation = _case(AFFINES[name])
    screen = Screen({Sequence.FLAIR: image}, segmentation.labels)
    packed = merged(module.Packed({"grid": screen.grid()}), screen.labels("labels", segmentation))
    shown, affine = _unpack(packed, "labels"), np.array(packed.facts["grid"]["affine"])
    for value in (2, 4):
        place = image.affine @ [*np.argwhere(segmentation.labels.data == value)[0], 1]
        index = np.argwhere(shown == value)
        assert len(index) == 1
        assert np.allclose(affine @ [*index[0], 1], place)
    assert np.all(np.sign(np.diag(affine)[:3]) == [-1, -1, 1])  # L, P, S
    assert np.allclose(np.linalg.norm(affine[:3, :3], axis=0), packed.facts["grid"]["spacing"])


def test_grey_values_come_back_within_a_step():
    image, _ = _case(AFFINES["LPS"])
    screen = Screen({Sequence.FLAIR: image})
    packed = merged(module.Packed({"grid": screen.grid()}), screen.scans())
    facts = packed.facts["scans"][0]
    step = (facts["high"] - facts["low"]) / 255
    found = _unpack(packed, "scan_FLAIR") * step + facts["low"]
    (a, b), (c, d), (e, f) = screen.box
    assert np.abs(found - np.minimum(image.data[a:b, c:d, e:f], facts["high"])).max() <= 0.51 * step
    assert facts["low"] <= facts["window"][0] < facts["window"][1] <= facts["high"]


def test_what_is_marked_outside_the_head_is_shown_too():
    image, segmentation = _case(AFFINES["LPS"])
    far = segmentation.labels.with_data(segmentation.labels.data.copy())
    far.data[0, 0, 0] = 1
    assert Screen({Sequence.FLAIR: image}, far).box[0][0] == 0
    assert Screen({Sequence.FLAIR: image}).box[0][0] > -1
    assert _count(image, far) == np.count_nonzero(far.data)


def _count(image, labels):
    screen = Screen({Sequence.FLAIR: image}, labels)
    packed = merged(module.Packed({"grid": screen.grid()}), screen.labels("labels", Segmentation(labels, BRATS)))
    return np.count_nonzero(_unpack(packed, "labels"))


def test_large_volumes_are_thinned_and_say_so(monkeypatch):
    monkeypatch.setattr(module, "MOST_VOXELS", 200)
    image, _ = _case(AFFINES["LPS"])
    grid = Screen({Sequence.FLAIR: image}).grid()
    assert grid["thinned"] > 1 and np.prod(grid["shape"]) <= 200
    assert np.allclose(np.linalg.norm(np.array(grid["affine"])[:3, :3], axis=0), grid["spacing"])


def test_regions_are_listed_largest_first_in_both_colour_sets():
    image, segmentation = _case(AFFINES["LPS"])
    regions = Screen({Sequence.FLAIR: image}).labels("labels", segmentation).facts["labels"]["regions"]
    assert [(r["name"], r["values"]) for r in regions] == [("WT", [1, 2, 4]), ("TC", [1, 4]), ("ET", [4])]
    assert all(set(r["colours"]) == {"papers", "safe"} for r in regions)


def test_the_centre_lies_in_the_mask():
    image, segmentation = _case(AFFINES["SRP"])
    screen = Screen({Sequence.FLAIR: image}, segmentation.labels)
    packed = merged(module.Packed({"grid": screen.grid()}), screen.labels("labels", segmentation))
    left, posterior, superior = screen.centre(segmentation.labels)
    assert _unpack(packed, "labels")[left, posterior, superior] > 0
