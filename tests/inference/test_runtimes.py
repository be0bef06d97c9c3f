import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tumorscope.inference.runtimes.select as select
from tiny_bundles import head, image
from tumorscope.core.errors import MissingDependencyError, UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.runtimes.base import ConversionError
from tumorscope.inference.runtimes.openvino_cache import cache_folder
from tumorscope.inference.runtimes.select import check_choice, open_runtime


def _batch(bundle, size=3, seed=0):
    spec = bundle.manifest.preprocess
    return np.random.default_rng(seed).normal(size=(size, spec.channels, *spec.size)).astype(np.float32)


@pytest.mark.parametrize("name", ["regions_bundle", "two_members"])
def test_runtimes_agree(name, request):
    bundle = request.getfixturevalue(name)
    found = {n: open_runtime(bundle, n, "cpu", "float32").run(_batch(bundle)) for n in ("torch", "openvino")}
    assert found["torch"].shape == (3, bundle.manifest.outputs.channels, 64, 64)
    assert found["torch"].dtype == found["openvino"].dtype == np.float32
    assert np.ptp(found["torch"]) > 0.1
    np.testing.assert_allclose(found["torch"], found["openvino"], atol=2e-3)


def test_bfloat16_stays_close(regions_bundle):
    images = {Sequence.T1CE: image(head()), Sequence.FLAIR: image(head(seed=1))}
    exact = Predictor(regions_bundle, "torch", "cpu", precision="float32").predict(images)
    for name in ("torch", "openvino"):
        quick = Predictor(regions_bundle, name, "cpu").predict(images)
        for region, expected in exact.probabilities.items():
            np.testing.assert_allclose(quick.probabilities[region].data, expected.data, atol=0.03)


def test_members_are_averaged(two_members):
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.runtimes.base import sigmoid

    manifest = two_members.manifest
    singles = [
        Bundle(two_members.folder, manifest.model_copy(update={"members": [member]})) for member in manifest.members
    ]
    batch = _batch(two_members)
    both = sigmoid(open_runtime(two_members, "torch", "cpu", "float32").run(batch))
    each = [sigmoid(open_runtime(b, "torch", "cpu", "float32").run(batch)) for b in singles]
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(both, np.mean(each, axis=0), atol=1e-5)


_SECOND_RUN = """
import json, sys, numpy as np
from tumorscope.bundles.bundle import Bundle
from tumorscope.inference.runtimes.select import open_runtime
runtime = open_runtime(Bundle.load(sys.argv[1]), "auto", "cpu")
shape = json.loads(sys.argv[2])
logits = runtime.run(np.zeros(shape, dtype=np.float32))
heavy = [m for m in ("torch", "monai", "nilearn", "lightning", "scipy.stats", "openvino_telemetry") if m in sys.modules]
print(json.dumps([runtime.description, list(logits.shape), heavy]))
"""


def test_a_second_run_needs_no_torch_and_tells_nobody(regions_bundle):
    open_runtime(regions_bundle, "openvino")  # fills the cache
    shape = json.dumps([2, *_batch(regions_bundle).shape[1:]])
    command = [sys.executable, "-c", _SECOND_RUN, str(regions_bundle.folder), shape]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    description, found, heavy = json.loads(run.stdout)
    assert description.startswith("OpenVINO")
    assert found == [2, 3, 64, 64]
    assert heavy == []


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone", "no list"])
def test_a_damaged_cache_is_made_anew(damage, two_members, tmp_path, monkeypatch):
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path))
    batch = _batch(two_members)
    expected = open_runtime(two_members, "openvino", precision="float32").run(batch)
    (entry,) = (tmp_path / "openvino").iterdir()
    weights = entry / "network-1.bin"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "garbage":
        weights.write_bytes(b"\7" * weights.stat().st_size)
    elif damage == "gone":
        weights.unlink()
    else:
        (entry / "sha256.json").write_text("{")
    np.testing.assert_array_equal(open_runtime(two_members, "openvino", precision="float32").run(batch), expected)
    assert sorted(p.name for p in (tmp_path / "openvino").iterdir()) == [entry.name]
    assert len(list(entry.iterdir())) == 5


def test_without_a_writable_cache_it_still_runs(two_members, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path / "file"))
    assert open_runtime(two_members, "openvino").run(_batch(two_members)).shape == (3, 1, 64, 64)
    assert "cannot be kept" in caplog.text


def test_other_weights_are_another_entry(two_members, tmp_path, monkeypatch):
    from tumorscope.bundles.bundle import Bundle

    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path))
    for member in two_members.manifest.members:
        single = Bundle(two_members.folder, two_members.manifest.model_copy(update={"members": [member]}))
        open_runtime(single, "openvino")
    assert len(list((tmp_path / "openvino").iterdir())) == 2


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TUMORSCOPE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "tumorscope"


def test_a_network_that_converts_wrongly_is_refused_or_replaced(two_members, tmp_path, monkeypatch, caplog):
    import torch

    from tumorscope.bundles.bundle import Bundle

    class Fickle(torch.nn.Module):
        """Its trace holds what the example happened to look like."""

        def forward(self, x):
            return x[:, :1] * (100.0 if x.shape[0] > 1 else 1.0)

    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path))
    monkeypatch.setattr(Bundle, "load_networks", lambda self: [Fickle()])
    with pytest.raises(ConversionError, match="--runtime torch"):
        open_runtime(two_members, "openvino")
    monkeypatch.setattr(select, "_cuda_available", lambda: False)
    assert open_runtime(two_members, "auto").name == "torch"
    assert "Using torch instead" in caplog.text


def test_auto_takes_the_fastest_installed(monkeypatch):
    monkeypatch.setattr(select, "_cuda_available", lambda: False)
    assert select._resolve("auto", "auto") == select._resolve("auto", "cpu") == "openvino"
    assert select._resolve("auto", "cuda") == "torch"
    monkeypatch.setattr(select, "_cuda_available", lambda: True)
    assert select._resolve("auto", "auto") == "torch"
    assert select._resolve("auto", "cpu") == "openvino"
    assert select._resolve("openvino", "auto") == "openvino"
    monkeypatch.setattr(select, "find_spec", lambda name: None)
    assert select._resolve("auto", "cpu") == "torch"


def test_wrong_choices_are_said_before_anything_is_loaded(monkeypatch):
    for name, device in (("tensorrt", "auto"), ("auto", "tpu"), ("openvino", "cuda")):
        with pytest.raises(UsageError):
            check_choice(name, device)
    monkeypatch.setattr(select, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install openvino"):
        check_choice("openvino", "cpu")


def test_cuda_without_a_device_is_one_sentence(two_members):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(MissingDependencyError, match="--device cpu"):
        open_runtime(two_members, "auto", "cuda")


def test_damaged_weights_are_refused(two_members, tmp_path):
    import shutil

    from tumorscope.core.errors import InputError

    folder = Path(shutil.copytree(two_members.folder, tmp_path / "copy"))
    (folder / "weights-0.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match=r"weights-0\.safetensors"):
        open_runtime(type(two_members).load(folder), "torch")
