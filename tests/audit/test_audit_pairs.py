"""Copies of a picture are found whatever was done to it, and other pictures are not."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from heads import case, head
from PIL import Image as Pillow

from tumorscope.audit import pairs as pairs_module
from tumorscope.audit.audited import Audited
from tumorscope.audit.checks.near_duplicates import METHOD
from tumorscope.audit.pairs import LEAST_CORRELATION, MOST_BITS, Pictures, similar_pairs
from tumorscope.audit.picture_hash import ORIENTATIONS, hash_picture, oriented
from tumorscope.audit.scan import pixel_hash, scan_cases


def described(pictures):
    hashes = [hash_picture(p) for p in pictures]
    return Pictures(
        np.stack([h.bits for h in hashes]), np.stack([h.small for h in hashes]), np.array([h.usable for h in hashes])
    )


def jpeg(pixels, quality):
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "jpeg", quality=quality)
    return np.asarray(Pillow.open(stream))


def resized(pixels, side):
    return np.asarray(Pillow.fromarray(pixels).resize((side, side), Pillow.Resampling.BICUBIC))


CHANGES = {
    "larger and compressed": lambda p: jpeg(resized(p, 240), 60),
    "smaller and compressed": lambda p: jpeg(resized(p, 70), 75),
    "brighter": lambda p: np.minimum(p.astype(float) * 1.3, 255).astype(np.uint8),
    "other gamma": lambda p: (255 * (p / 255) ** 0.75).astype(np.uint8),
    "with a margin": lambda p: jpeg(np.pad(p, ((5, 22), (14, 9))), 85),
    "noisy": lambda p: np.clip(p + np.random.default_rng(1).normal(0, 4, p.shape), 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change):
    heads = [head(seed) for seed in range(30)]
    copies = [CHANGES[change](h) for h in heads]
    found = similar_pairs(described(heads), described(copies))
    assert (found.first == found.second).all(), "no head is taken for another one"
    assert len(found) >= 27, "nine in ten copies are found"
    assert (found.orientation == 0).all()
    assert (found.bits <= MOST_BITS).all() and (found.correlation >= LEAST_CORRELATION).all()


@pytest.mark.parametrize("code", range(8))
def test_turned_copies_are_found_and_named(code):
    heads = [head(seed) for seed in range(5)]
    found = similar_pairs(described(heads), described([np.ascontiguousarray(oriented(h)[code]) for h in heads]))
    np.testing.assert_array_equal(found.first, found.second)
    assert len(found) == 5
    assert (found.orientation == code).all()
    assert {pixel_hash(oriented(h)[code]) for h in heads} == {pixel_hash(h) for h in heads}


def test_the_names_of_the_orientations_are_right():
    square = np.arange(9).reshape(3, 3)
    turned = dict(zip(ORIENTATIONS, oriented(square), strict=True))
    np.testing.assert_array_equal(turned["mirrored left to right"], square[:, ::-1])
    np.testing.assert_array_equal(turned["mirrored top to bottom"], square[::-1])
    np.testing.assert_array_equal(turned["transposed"], square.T)
    np.testing.assert_array_equal(turned["rotated by 180°"], square[::-1, ::-1])
    np.testing.assert_array_equal(turned["transposed the other way"], square[::-1, ::-1].T)


def test_different_heads_and_blank_slices_are_not_copies():
    pictures = [head(seed) for seed in range(40)] + [np.zeros((96, 96), np.uint8), np.full((96, 96), 7, np.uint8)]
    all_of_them = described(pictures)
    assert not all_of_them.usable[-2:].any()
    assert len(similar_pairs(all_of_them)) == 0


def test_blocks_change_nothing(monkeypatch):
    heads = [head(seed) for seed in range(9)]
    pictures = described([*heads, *heads])
    whole = similar_pairs(pictures)
    monkeypatch.setattr(pairs_module, "_ROWS", 4)
    monkeypatch.setattr(pairs_module, "_COLUMNS", 5)
    blocks = similar_pairs(pictures)
    assert sorted(zip(whole.first, whole.second, strict=True)) == [(i, i + 9) for i in range(9)]
    assert sorted(zip(blocks.first, blocks.second, strict=True)) == [(i, i + 9) for i in range(9)]


def test_only_wanted_pairs_are_looked_at():
    pictures = described([head(0), head(0), head(0)])
    found = similar_pairs(pictures, wanted=lambda a, b: (a[:, None] == 0) & (b[None, :] == 2))
    assert list(zip(found.first, found.second, strict=True)) == [(0, 2)]


def test_of_two_volumes_a_few_slices_that_look_alike_do_not_count():
    one = case("one", [head(i) for i in range(12)])
    chance = case("chance", [head(i if i < 3 else 100 + i) for i in range(12)])
    copy = case("copy", [head(i if i < 6 else 200 + i) for i in range(12)])
    pairs = {
        (a, b)
        for a, b in [("one", "chance"), ("one", "copy")]
        if len(Audited("folder", "", scan_cases([c for c in (one, chance, copy) if c.id in (a, b)])).copies)
    }
    assert pairs == {("one", "copy")}


def test_of_two_volumes_one_slice_that_looks_like_many_counts_once():
    one = case("one", [head(0), head(0), *(head(10 + i) for i in range(10))])
    other = case("other", [*(head(0) for _ in range(8)), *(head(100 + i) for i in range(4))])
    assert len(Audited("folder", "", scan_cases([one, other])).copies) == 0


def test_what_the_report_says_of_its_errors_is_what_was_measured():
    file = Path(__file__).parents[2] / "benchmarks" / "results" / "near_duplicates.json"
    found = json.loads(file.read_text())
    assert (found["most bits of 256"], found["least correlation"]) == (MOST_BITS, LEAST_CORRELATION)
    for name, title in (("figshare", "Figshare"), ("lgg", "LGG")):
        one = found[name]
        millions = one["pairs of different patients"] / 1e6
        assert f"{one['of these called copies']} of {millions:.2f} million {title} pairs" in METHOD
    shares = [s for name in ("figshare", "lgg") for s in found[name]["share of copies found"].values()]
    assert f"{100 * min(shares):.0f} to {100 * max(shares):.0f} % of copies" in METHOD
