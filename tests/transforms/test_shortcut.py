"""What is left of a picture when only its border, outline or brain is shown."""

from __future__ import annotations

import numpy as np
import pytest

from tumorscope.core.image import Array
from tumorscope.transforms.shortcut import border_only, brain_only, head_masks, outline_only


@pytest.fixture
def picture() -> Array:
    """A head with a bright rim in noisy air, and a mark in a corner."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    distance = np.hypot(x / 0.7, y / 0.8)
    shown = np.where(distance < 1, 0.5 + 0.4 * (distance > 0.9), 0.01 * rng.random((96, 96)))
    shown[:4, :4] = 1
    return shown.astype(np.float32)


def test_the_border_keeps_the_mark_and_no_outline(picture: Array) -> None:
    shown, head = border_only(picture), head_masks(picture)[0]
    assert shown[0, 0] == 1 and not shown[head].any()
    kept = shown > 0
    rows, columns = np.flatnonzero(~kept.all(axis=1)), np.flatnonzero(~kept.all(axis=0))
    assert not kept[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].any()  # a rectangle is missing, not a head


def test_the_outline_is_one_shape_of_one_brightness(picture: Array) -> None:
    shown = outline_only(picture)
    assert set(np.unique(shown)) == {0, picture.max()}
    np.testing.assert_array_equal(shown > 0, head_masks(picture)[0])


def test_the_brain_has_no_rim(picture: Array) -> None:
    shown = brain_only(picture)
    assert shown.any() and shown.max() < 0.6


def test_nothing_stays_nothing() -> None:
    empty = np.zeros((32, 32), np.float32)
    for change in (border_only, brain_only, outline_only):
        assert not change(empty).any()
