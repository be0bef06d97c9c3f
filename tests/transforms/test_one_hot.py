"""One map per class, and back."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tumorscope.core.errors import LabelError
from tumorscope.core.labels import BRATS
from tumorscope.transforms import one_hot as module
from tumorscope.transforms.one_hot import from_one_hot, one_hot


def test_the_example_in_the_documentation_runs() -> None:
    assert doctest.testmod(module).attempted == 2
    assert doctest.testmod(module).failed == 0


@given(
    labels=arrays(np.uint8, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.sampled_from([0, 1, 2, 4])),
    axis=st.integers(0, 2),
)
@settings(max_examples=40, deadline=None)
def test_there_and_back(labels: np.ndarray, axis: int) -> None:
    maps = one_hot(labels, BRATS.values, axis=axis)
    assert maps.dtype == np.uint8
    assert maps.shape[axis] == 4
    assert (maps.sum(axis=axis) == 1).all()
    np.testing.assert_array_equal(from_one_hot(maps, BRATS.values, axis=axis), labels)


def test_probabilities_take_the_largest() -> None:
    probabilities = np.array([[0.3, 0.1], [0.2, 0.2], [0.1, 0.3], [0.4, 0.4]])
    assert from_one_hot(probabilities, BRATS.values).tolist() == [4, 4]


def test_unknown_values_are_named() -> None:
    with pytest.raises(LabelError, match="found 3"):
        one_hot(np.array([0, 1, 3]), BRATS.values)
