"""What benchmarks/nnunet.py hands to nnU-Net."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tumorscope.core.image import Image
from tumorscope.core.labels import DECATHLON
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, write_phantom
from tumorscope.datasets.splits import Split
from tumorscope.formats import read_image

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "nnunet.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nnunet_benchmark", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_cases_labels_and_split_in_nnunets_layout(script: ModuleType, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        write_phantom(tmp_path / "data", PhantomSpec(seed=seed), spacing=8.0)
    names = [f"Phantom_00{seed}" for seed in (1, 2, 3)]
    parts = {part: [name] for part, name in zip(("train", "val", "test"), names, strict=True)}
    cases = script.cases_of(Split(dataset="phantom", unit="patient", seed=0, parts=parts), tmp_path / "data")
    script.convert(cases, tmp_path / "nnunet")
    raw = tmp_path / "nnunet" / "raw" / script.NAME
    described = json.loads((raw / "dataset.json").read_text())
    assert described["channel_names"] == {"0": "T1", "1": "T1CE", "2": "T2", "3": "FLAIR"}
    assert described["numTraining"] == len(list((raw / "labelsTr").iterdir())) == 2
    folds = json.loads((tmp_path / "nnunet" / "preprocessed" / script.NAME / "splits_final.json").read_text())
    assert folds == [{"train": names[:1], "val": names[1:2]}]
    (test,) = cases.test
    loaded = test.loaded()
    assert len(list((raw / "imagesTs").iterdir())) == 4
    for number, sequence in enumerate(Sequence):
        written = read_image(raw / "imagesTs" / f"{names[2]}_{number:04}.nii.gz")
        np.testing.assert_allclose(written.data, loaded.images[sequence].data)
        np.testing.assert_allclose(written.affine, loaded.images[sequence].affine, atol=1e-4)
    labels = read_image(raw / "labelsTs" / f"{names[2]}.nii.gz").data
    assert isinstance(loaded.label, Image) and loaded.scheme is not None
    for name, values in (("WT", [1, 2, 3]), ("TC", [2, 3]), ("ET", [3])):
        assert described["labels"][name] == values
        np.testing.assert_array_equal(np.isin(labels, values), loaded.scheme.mask(loaded.label.data, name))
        np.testing.assert_array_equal(np.isin(labels, values), DECATHLON.mask(labels, name))


def test_a_recipe_needs_a_split_and_seconds(script: ModuleType, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    line = "nnunet.py --env env --recipe brats-3d --data data -o out"
    monkeypatch.setattr(sys, "argv", line.split())
    with pytest.raises(SystemExit, match="2"):
        script.arguments()
    assert "--recipe needs --seconds and --split" in capsys.readouterr().err
