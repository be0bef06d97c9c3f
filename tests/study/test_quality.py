from __future__ import annotations

import numpy as np
import pytest

from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.quality import check_study

T1, T1CE, T2, FLAIR = Sequence


def names(images) -> set[str]:
    return {flag.name for flag in check_study(images)}


def test_the_phantom_raises_no_flag(phantom) -> None:
    assert names(phantom.images) == set()
    assert names({s: phantom.images[s] for s in (T1CE, FLAIR)}) == set()


@pytest.mark.parametrize(("a", "b"), [(T1, T2), (T1, T1CE), (T1CE, FLAIR), (T2, FLAIR), (T1CE, T2), (T1, FLAIR)])
def test_swapped_sequences(phantom, a: Sequence, b: Sequence) -> None:
    swapped = {**phantom.images, a: phantom.images[b], b: phantom.images[a]}
    assert names(swapped) == {"contrast"}
    if {a, b} == {T1CE, FLAIR}:
        assert names({s: swapped[s] for s in (a, b)}) == {"contrast"}


def test_skull(phantom, head) -> None:
    assert "skull" in names({T1: head(T1)[0]})


def test_noise(phantom) -> None:
    rng = np.random.default_rng(0)
    image = phantom.images[T1]
    whole = image.with_data(rng.integers(0, 500, image.shape).astype(np.int16))
    inside = image.with_data(np.where(image.data > 0, whole.data + 1, 0))
    assert names({T1: whole})
    assert "noise" in names({T1: inside})


def test_inverted(phantom) -> None:
    turned = {s: image.with_data(image.data.max() - image.data) for s, image in phantom.images.items()}
    assert names(turned)
    within = {s: i.with_data(np.where(i.data > 0, i.data.max() + 1 - i.data, 0)) for s, i in phantom.images.items()}
    assert names(within)


def test_upside_down(phantom) -> None:
    assert "orientation" in names({s: i.with_data(i.data[:, :, ::-1].copy()) for s, i in phantom.images.items()})


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_a_head(phantom, axis: int) -> None:
    def half(image: Image) -> Image:
        inside = np.flatnonzero(image.data.any(axis=tuple(a for a in range(3) if a != axis)))
        data = image.data.copy()
        np.moveaxis(data, axis, 0)[: (inside[0] + inside[-1]) // 2] = 0
        return image.with_data(data)

    assert "brain" in names({s: half(image) for s, image in phantom.images.items()})


def test_spacing(phantom) -> None:
    image = phantom.images[T1]
    assert "spacing" in names({T1: Image(image.data, image.affine @ np.diag([3, 3, 3, 1]))})
    assert "spacing" in names({T1: Image(image.data, image.affine, spacing_known=False)})


def test_pydicoms_ct() -> None:
    import pydicom
    from pydicom.data import get_testdata_file

    ds = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    pixels = ds.pixel_array.T.astype(np.int16)
    assert names({T1: Image(pixels[:, :, None], np.diag([0.66, 0.66, 5, 1]))})
    block = np.repeat(pixels[:, :, None], 30, axis=2)
    assert names({T1: Image(block, np.diag([0.66, 0.66, 5, 1]))})
