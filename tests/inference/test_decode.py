import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import LabelError
from tumorscope.core.labels import BINARY, BRATS, BRATS_2015, BRATS_2023, BRATS_2024, DECATHLON, custom_scheme
from tumorscope.inference.decode import decode, own_value, to_probabilities, value_below
from tumorscope.inference.runtimes.base import average_members, sigmoid, softmax

REGIONS = Outputs(kind="regions", names=("WT", "TC", "ET"))
probabilities = arrays(np.float32, (3, 2, 3, 2), elements=st.floats(0, 1, width=32))


def _row(*values):
    return np.array(values, dtype=np.float32).reshape(-1, 1, 1)


def test_nested_regions_become_exclusive_labels():
    maps = {"WT": _row(0.1, 0.9, 0.9, 0.9), "TC": _row(0.1, 0.2, 0.8, 0.8), "ET": _row(0.1, 0.1, 0.3, 0.7)}
    assert decode(maps, REGIONS, BRATS).ravel().tolist() == [0, 2, 1, 4]
    assert decode(maps, REGIONS, BRATS_2023).ravel().tolist() == [0, 2, 1, 3]
    assert decode(maps, REGIONS, DECATHLON).ravel().tolist() == [0, 1, 2, 3]


def test_order_of_the_outputs_does_not_matter():
    maps = {"WT": _row(0.9, 0.9), "TC": _row(0.8, 0.1), "ET": _row(0.7, 0.1)}
    turned = Outputs(kind="regions", names=("ET", "WT", "TC"))
    assert decode(maps, turned, BRATS).ravel().tolist() == [4, 2]


def test_a_smaller_region_wins_over_a_larger_one():
    maps = {"WT": _row(0.0), "TC": _row(0.0), "ET": _row(1.0)}
    assert decode(maps, REGIONS, BRATS).item() == 4


def test_thresholds_count_from_their_value_on():
    maps = {"WT": _row(0.3, 0.29), "TC": _row(0, 0), "ET": _row(0, 0)}
    assert decode(maps, REGIONS, BRATS, {"WT": np.float32(0.3)}).ravel().tolist() == [2, 0]


def test_classes_are_the_most_probable_and_the_rest_is_background():
    outputs = Outputs(kind="classes", names=("ED", "ET"))
    maps = {"ED": _row(0.5, 0.2, 0.3, 0.0), "ET": _row(0.3, 0.5, 0.3, 0.0)}
    assert decode(maps, outputs, BRATS).ravel().tolist() == [2, 4, 0, 0]


@given(probabilities)
def test_classes_agree_with_argmax(raw):
    logits = np.concatenate([np.zeros((1, *raw.shape[1:]), np.float32), raw * 9 - 4])[None]
    flat = logits.reshape(1, 4, -1, 1)
    outputs = Outputs(kind="classes", names=("NCR/NET", "ED", "ET"))
    found = to_probabilities(flat, outputs)[0]
    assert found.shape[0] == 3
    labels = decode({n: found[i, :, None] for i, n in enumerate(outputs.names)}, outputs, BRATS).ravel()
    best, second = np.sort(flat[0], axis=0)[-1], np.sort(flat[0], axis=0)[-2]
    clear = (best - second > 1e-3).ravel()
    expected = np.array([0, 1, 2, 4])[flat[0].argmax(axis=0).ravel()]
    np.testing.assert_array_equal(labels[clear], expected[clear])


@given(probabilities)
def test_every_region_of_the_result_is_nested(raw):
    labels = decode(dict(zip(REGIONS.names, raw, strict=True)), REGIONS, BRATS)
    wt, tc, et = (BRATS.mask(labels, n) for n in REGIONS.names)
    assert (tc <= wt).all() and (et <= tc).all()
    np.testing.assert_array_equal(et, raw[2] >= 0.5)


def test_unknown_names_are_errors():
    with pytest.raises(LabelError, match="region"):
        decode({"XX": _row(1)}, Outputs(kind="regions", names=("XX",)), BRATS)
    with pytest.raises(LabelError, match="class"):
        decode({"XX": _row(1)}, Outputs(kind="binary", names=("XX",)), BINARY)


def test_what_lies_below():
    assert [value_below(BRATS, n) for n in ("ET", "TC", "WT", "NCR/NET", "ED")] == [1, 2, 0, 2, 0]
    assert [value_below(BRATS_2023, n) for n in ("ET", "TC", "WT")] == [1, 2, 0]
    assert value_below(BRATS_2024, "RC") == 0
    assert value_below(BINARY, "tumor") == 0
    assert value_below(custom_scheme({1: "a", 7: "b"}), "b") == 0
    assert own_value(BRATS_2015, "TC") == 1


def test_activations():
    logits = np.array([-200, -1.0, 0, 2, 200], dtype=np.float32)
    np.testing.assert_allclose(sigmoid(logits), [0, 0.26894, 0.5, 0.880797, 1], atol=1e-5)
    assert sigmoid(logits).dtype == np.float32
    soft = softmax(np.array([[1000.0, 0, 1000]], dtype=np.float32)[:, :, None, None])
    np.testing.assert_allclose(soft.ravel(), [0.5, 0, 0.5], atol=1e-6)


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_members_average_probabilities_not_logits(kind):
    outputs = Outputs(kind=kind, names=("a",) if kind == "binary" else ("a", "b"))
    rng = np.random.default_rng(0)
    members = [rng.normal(0, 4, (2, outputs.channels, 3, 3)).astype(np.float32) for _ in range(3)]
    found = to_probabilities(average_members(members, outputs), outputs)
    np.testing.assert_allclose(found, np.mean([to_probabilities(m, outputs) for m in members], axis=0), atol=1e-5)
    assert average_members(members[:1], outputs) is members[0]
