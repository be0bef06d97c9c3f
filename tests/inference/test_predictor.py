import numpy as np
import pytest

from tiny_bundles import BINARY, EchoRuntime, head, image, manifest
from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import Postprocess
from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.sequence import Sequence
from tumorscope.inference.predictor import Predictor


def _images(seed=0):
    return {Sequence.T1CE: image(head(seed=seed)), Sequence.FLAIR: image(head(seed=seed + 1))}


def test_batching_changes_nothing(regions_bundle):
    one, many = (
        Predictor(regions_bundle, "torch", batch=batch, precision="float32").predict(_images()).probabilities
        for batch in (1, 7)
    )
    assert list(one) == ["WT", "TC", "ET"]
    for name in one:
        np.testing.assert_allclose(one[name].data, many[name].data, atol=2e-5)
        assert np.ptp(one[name].data) > 0.01


def test_slices_without_signal_are_not_run(echo_bundle):
    data = head((20, 24, 12))
    data[:, :, [0, 5, 11]] = 0
    runtime = EchoRuntime(0)
    found = Predictor(echo_bundle, runtime=runtime, batch=4).predict({Sequence.FLAIR: image(data)})
    signal = int((data != 0).any(axis=(0, 1)).sum())
    assert sum(runtime.batches) == signal < 12
    assert max(runtime.batches) == 4
    assert not found.probabilities["tumor"].data[:, :, [0, 5, 11]].any()


def test_mirroring_averages_probabilities(echo_bundle):
    class Lopsided:
        """Says 0.9 in the left half of what it is shown, else 0.1."""

        name = description = "lopsided"

        def run(self, batch):
            half = np.where(np.arange(batch.shape[3]) < batch.shape[3] // 2, 0.9, 0.1)
            logits = np.log(half / (1 - half)).astype(np.float32)
            return np.broadcast_to(logits, (batch.shape[0], 1, *batch.shape[2:])).copy()

    images = {Sequence.FLAIR: image(np.full((20, 24, 3), 5, dtype=np.int16))}
    plain = Predictor(echo_bundle, runtime=Lopsided()).predict(images).probabilities["tumor"].data
    both = Predictor(echo_bundle, runtime=Lopsided(), tta=True).predict(images).probabilities["tumor"].data
    assert plain.min() == pytest.approx(0.1, abs=1e-5)
    assert plain.max() == pytest.approx(0.9, abs=1e-5)
    np.testing.assert_allclose(both, 0.5, atol=1e-5)
    kept = Predictor(echo_bundle, runtime=Lopsided(), tta=True, spread=True).run(images)
    np.testing.assert_allclose(kept.spread.data, 0.4, atol=1e-5)
    np.testing.assert_array_equal(kept.segmentation.probabilities["tumor"].data, both)
    assert kept.spread.same_grid(images[Sequence.FLAIR])
    assert Predictor(echo_bundle, runtime=Lopsided(), spread=True).run(images).spread is None, "one pass has no spread"


def test_mirrored_echo_is_not_mirrored(echo_bundle):
    data = head((20, 24, 3))
    data[3:6, 4:9] = 2000
    found = Predictor(echo_bundle, runtime=EchoRuntime(0), tta=True).predict({Sequence.FLAIR: image(data)})
    np.testing.assert_array_equal(found.labels.data == 1, data == 2000)


def test_more_sequences_than_needed_do_no_harm(echo_bundle):
    images = {Sequence.T1: image(head((9, 9, 9))), Sequence.FLAIR: image(head())}
    assert Predictor(echo_bundle, runtime=EchoRuntime(0)).predict(images).labels.shape == head().shape


def test_missing_sequence_and_other_grid_are_errors(regions_bundle):
    predictor = Predictor(regions_bundle, runtime=EchoRuntime(0, outputs=3))
    with pytest.raises(InputError, match="T1CE"):
        predictor.predict({Sequence.FLAIR: image(head())})
    with pytest.raises(GeometryError, match="one grid"):
        predictor.predict({Sequence.T1CE: image(head()), Sequence.FLAIR: image(head((24, 28, 11)))})


def test_missing_optional_sequence_is_noted(tmp_path):
    made = manifest(
        sequences=(Sequence.T1, Sequence.FLAIR), optional=(Sequence.T1,), outputs=BINARY, scheme="binary", context=0
    )
    prediction = Predictor(Bundle(tmp_path, made), runtime=EchoRuntime(1)).run({Sequence.FLAIR: image(head())})
    assert any("T1 is missing" in note for note in prediction.notes)
    assert set(prediction.seconds) == {"prepare", "network", "decode"}


def test_rules_of_the_bundle_are_applied(tmp_path):
    data = head((20, 24, 3))
    data[3:6, 4:9] = 2000
    data[15, 15, 1] = 2000
    rules = Postprocess(min_voxels={"tumor": 5})
    made = manifest(
        sequences=(Sequence.FLAIR,),
        outputs=BINARY,
        scheme="binary",
        context=0,
        size=(24, 20),
        normalise="unit",
        postprocess=rules,
    )
    prediction = Predictor(Bundle(tmp_path, made), runtime=EchoRuntime(0)).run({Sequence.FLAIR: image(data)})
    assert prediction.segmentation.labels.data.sum() == 3 * 5 * 3
    assert any("below 5 voxels" in note for note in prediction.notes)
    raw = Predictor(Bundle(tmp_path, made), runtime=EchoRuntime(0), postprocess=False)
    assert raw.predict({Sequence.FLAIR: image(data)}).labels.data.sum() == 3 * 5 * 3 + 1
    assert raw.bundle.manifest.postprocess == Postprocess()
