"""The code in CONTRIBUTING.md runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.image import Image

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def _run(path):
    """Execute the Python block that follows the mention of ``path``; return its names."""
    match = re.search(rf"`src/tumorscope/{re.escape(path)}`.*?```python\n(.*?)```", TEXT, re.DOTALL)
    assert match is not None, f"no block for {path}"
    names = {"__name__": "example"}
    exec(compile(match.group(1), path, "exec"), names)
    return names


def test_the_data_set_finds_and_reads_cases(tmp_path):
    from tumorscope.formats import write_nifti

    dataset = _run("datasets/clinic.py")["DATASET"]
    image = Image(np.zeros((4, 4, 2), np.uint8), np.eye(4))
    (tmp_path / "p1").mkdir()
    (tmp_path / "p2").mkdir()
    for name in ("p1/flair.nii.gz", "p1/mask.nii.gz", "p2/flair.nii.gz"):
        write_nifti(image, tmp_path / name)
    first, second = dataset.discover(tmp_path)
    assert (first.id, second.id, second.label) == ("p1", "p2", None)
    assert first.loaded().label.data.sum() == 0


def test_the_network_keeps_the_size():
    torch = pytest.importorskip("torch")
    network = _run("networks/two_layers.py")["TwoLayers"](3, 2, width=4)
    assert network(torch.zeros(1, 3, 16, 8)).shape == (1, 2, 16, 8)


def test_the_metric_has_known_answers():
    metric = _run("metrics/volumetric_similarity.py")["VOLUMETRIC_SIMILARITY"]
    counts = np.array([[0, 5, 5, 1], [0, 6, 2, 0], [0, 0, 0, 9]])
    np.testing.assert_allclose(metric.from_counts(counts), [1.0, 0.5, np.nan])


@pytest.mark.parametrize("registry", ["datasets/__init__.py", "networks/__init__.py", "metrics/registry.py"])
def test_the_registries_are_where_it_says(registry):
    assert f"`src/tumorscope/{registry}`" in TEXT
    assert (Path(__file__).parents[1] / "src" / "tumorscope" / registry).is_file()
