"""What the integers of a label map mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tumorscope.core.errors import LabelError
from tumorscope.core.labels import (
    BINARY,
    BRATS,
    BRATS_2015,
    BRATS_2023,
    BRATS_2024,
    DECATHLON,
    SCHEMES,
    LabelScheme,
    custom_scheme,
    detect_scheme,
)


def every(scheme: LabelScheme) -> np.ndarray:
    return np.array([0, *scheme.values], np.uint8)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=list(SCHEMES))
class TestEveryScheme:
    def test_names_values_and_colours_are_distinct(self, scheme: LabelScheme) -> None:
        for values in (
            scheme.values,
            [x.name for x in scheme.labels],
            [x.colour for x in scheme.labels],
            [x.safe_colour for x in scheme.labels],
        ):
            assert len(set(values)) == len(scheme.labels)
        assert 0 not in scheme.values

    def test_every_target_has_a_mask_and_background_is_in_none(self, scheme: LabelScheme) -> None:
        for name in scheme.targets:
            mask = scheme.mask(every(scheme), name)
            assert mask.dtype == bool
            assert mask.any()
            assert not mask[0]

    def test_converting_to_itself_changes_nothing(self, scheme: LabelScheme) -> None:
        np.testing.assert_array_equal(scheme.convert(every(scheme), scheme), every(scheme))

    def test_tumour_is_tumour_in_the_binary_scheme(self, scheme: LabelScheme) -> None:
        name = "WT" if "WT" in scheme.regions else "tumor"
        if scheme is BRATS_2024:  # the resection cavity is no tumour
            with pytest.raises(LabelError, match="RC"):
                scheme.convert(every(scheme), BINARY)
            return
        np.testing.assert_array_equal(scheme.convert(every(scheme), BINARY), scheme.mask(every(scheme), name))


@pytest.mark.parametrize(
    ("scheme", "wt", "tc", "et"),
    [
        (BRATS, {1, 2, 4}, {1, 4}, {4}),
        (BRATS_2023, {1, 2, 3}, {1, 3}, {3}),
        (BRATS_2015, {1, 2, 3, 4}, {1, 3, 4}, {4}),
        (BRATS_2024, {1, 2, 3}, {1, 3}, {3}),
        (DECATHLON, {1, 2, 3}, {2, 3}, {3}),
    ],
    ids=lambda v: v.name if isinstance(v, LabelScheme) else None,
)
def test_regions_of_the_challenge(scheme: LabelScheme, wt: set[int], tc: set[int], et: set[int]) -> None:
    found = [{v for v in scheme.values if scheme.mask(np.array([v]), name)[0]} for name in ("WT", "TC", "ET")]
    assert found == [wt, tc, et]


@given(labels=arrays(np.uint8, (4, 3, 2), elements=st.sampled_from([0, 1, 2, 4])))
@settings(max_examples=30, deadline=None)
def test_4_to_3_and_back(labels: np.ndarray) -> None:
    """S2-25: reversible."""
    modern = BRATS.convert(labels, BRATS_2023)
    np.testing.assert_array_equal(modern == 3, labels == 4)
    np.testing.assert_array_equal(BRATS_2023.convert(modern, BRATS), labels)


def test_classes_meet_by_meaning() -> None:
    assert BRATS_2015.convert(np.array([0, 1, 2, 3, 4]), BRATS).tolist() == [0, 1, 2, 1, 4]
    assert DECATHLON.convert(np.array([0, 1, 2, 3]), BRATS).tolist() == [0, 2, 1, 4]
    assert BRATS_2024.convert(np.array([0, 1, 2, 3]), BRATS).tolist() == [0, 1, 2, 4]


def test_a_class_without_counterpart_is_refused_only_where_it_occurs() -> None:
    with pytest.raises(LabelError, match="'RC'"):
        BRATS_2024.convert(np.array([0, 4]), BRATS)
    assert BRATS_2024.convert(np.array([0, 3]), BRATS).tolist() == [0, 4]


def test_unknown_values_are_named() -> None:
    with pytest.raises(LabelError, match=r"found 3, 7 in seg\.nii"):
        BRATS.check([0, 1, 3, 7], "seg.nii")
    with pytest.raises(LabelError):
        BRATS.convert(np.array([3]), BRATS_2023)
    with pytest.raises(LabelError, match="one of WT, TC, ET, NCR/NET, ED"):
        BRATS.mask(np.array([1]), "XX")


@pytest.mark.parametrize(
    ("values", "hint", "scheme"),
    [
        ((0, 1, 2, 4), "BraTS20_Training_001_seg.nii", BRATS),
        ((0, 1, 2, 3), "BraTS-GLI-00000-000-seg.nii.gz", BRATS_2023),
        ((0, 1, 2, 3), "", BRATS_2023),
        ((1, 2, 3, 4), "brats_2013_pat0001_1_seg.nii.gz", BRATS_2015),
        ((1, 2, 3, 4), "BraTS-GLI-02064-101-seg.nii.gz", BRATS_2024),
        ((2, 4), "BraTS-GLI-02064-101-seg.nii.gz", BRATS_2024),
        ((0, 1, 2), "BraTS2021_01477_seg.nii.gz", BRATS),
        ((0, 1, 2), "BraTS-GLI-00001-000-seg.nii.gz", BRATS_2023),
        ((0,), "", BRATS),
    ],
)
def test_schemes_are_told_by_values_and_name(values: tuple[int, ...], hint: str, scheme: LabelScheme) -> None:
    assert detect_scheme(values, hint) is scheme


def test_no_scheme_fits_other_values() -> None:
    with pytest.raises(LabelError):
        detect_scheme([0, 9])


def test_custom_classes() -> None:
    scheme = custom_scheme({2: "edema", 1: "core", 255: "cyst"})
    assert scheme.values == (1, 2, 255)
    assert scheme.targets == ("core", "edema", "cyst")
    assert scheme.mask(np.array([0, 255]), "cyst").tolist() == [False, True]


@pytest.mark.parametrize("classes", [{}, {0: "a"}, {256: "a"}, {1: "a", 2: "a"}])
def test_impossible_classes(classes: dict[int, str]) -> None:
    with pytest.raises(LabelError, match="1-255"):
        custom_scheme(classes)
