import json
from pathlib import Path

import pytest

from tumorscope.cli.main import main
from tumorscope.datasets.phantom import PhantomSpec
from tumorscope.report.summary import CaseRow
from tumorscope.workflows.phantom import MadePhantom, make_phantoms
from tumorscope.workflows.predict import PredictSummary


@pytest.fixture
def quick(monkeypatch):
    """The demo without a phantom or a network; ``quick`` is the row that segmentation returns."""
    row = {}

    def fake_phantoms(output, spec, **options):
        return [MadePhantom(Path(output) / "Phantom_000", spec, {"WT": 71.9})]

    def fake_predict(inputs, output, **options):
        folder = output / "Phantom_000"
        folder.mkdir(parents=True)
        (folder / "report.html").write_text("")
        found = {"WT": {"voxels": 70_000, "ml": 70.0}}
        values = {"case": "Phantom_000", "status": "ok", "volumes": found, "folder": str(folder), **row}
        return PredictSummary(str(output), [CaseRow(**values)])

    monkeypatch.setattr("tumorscope.workflows.phantom.make_phantoms", fake_phantoms)
    monkeypatch.setattr("tumorscope.workflows.predict.predict_inputs", fake_predict)
    return row


def test_it_shows_volumes_and_places(quick, tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "demo")]) == 0
    text = capsys.readouterr().out
    assert "WT            70.0      71.9" in text
    assert str(tmp_path / "demo" / "results" / "Phantom_000" / "report.html") in text


def test_json(quick, tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "demo"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found_ml"] == {"WT": 70.0}


def test_a_failed_segmentation_is_an_error(quick, tmp_path, capsys):
    quick.update(status="failed", error="no bundle fits")
    assert main(["demo", "-o", str(tmp_path / "demo")]) == 2
    assert "no bundle fits" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_an_error(quick, tmp_path, capsys):
    (tmp_path / "demo").write_text("")
    assert main(["demo", "-o", str(tmp_path / "demo")]) == 2
    assert "a file at" in capsys.readouterr().err


def test_phantoms_count_seeds_up_and_know_their_volumes(tmp_path):
    lines = []
    made = make_phantoms(tmp_path, PhantomSpec(seed=5), count=2, spacing=6.0, echo=lines.append)
    assert [one.folder.name for one in made] == ["Phantom_005", "Phantom_006"]
    assert len(lines) == 2
    for one in made:
        assert one.volumes_ml["WT"] >= one.volumes_ml["TC"] >= one.volumes_ml["ET"] > 0
        assert json.dumps(one.to_json())


@pytest.mark.parametrize("words", [["--count", "0"], ["--growth", "2"], ["--lobe", "cerebellum"]])
def test_phantom_refuses_nonsense(tmp_path, words):
    assert main(["phantom", "-o", str(tmp_path / "out"), *words]) == 64
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_real_demo(tmp_path, capsys):
    """The shipped bundle finds most of the phantom's tumour."""
    assert main(["demo", "-o", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["found_ml"]["WT"] == pytest.approx(result["true_ml"]["WT"], rel=0.5)
    assert (Path(result["results"]) / "segmentation.nii.gz").is_file()
