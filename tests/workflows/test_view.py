"""A case for the viewer: grids brought together, and agreement with the reference."""

import json
import shutil

import numpy as np
import pytest

from predict_cases import brats, quick_overlay, shipped, tiny_library  # noqa: F401
from tumorscope.bundles import bundle as library
from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import StoppedError, part_of
from tumorscope.datasets.hashing import case_hashes
from tumorscope.datasets.phantom import small_phantom
from tumorscope.workflows.agreement import agreement
from tumorscope.workflows.inputs import find_inputs
from tumorscope.workflows.list_runs import list_runs
from tumorscope.workflows.one_case import Models
from tumorscope.workflows.one_grid import on_one_grid
from tumorscope.workflows.predict import predict_inputs
from tumorscope.workflows.segment import CaseResult
from tumorscope.workflows.view import segment_view, view_case


def _result(found, truth, scheme=BRATS):
    image = Image(np.ones(found.shape, dtype=np.float32), np.diag([-1.0, -1, 1, 1]))
    case = Case("a", "a", {Sequence.FLAIR: image}, label=image.with_data(truth), scheme=scheme)
    return CaseResult(case, Segmentation(image.with_data(found), BRATS), {}, None, "", "bundle", "", [], {})


def test_agreement_is_counted_over_the_case_and_in_every_slice():
    found, truth = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    found[0, :, 1], truth[0, :2, 1] = 4, 4
    regions = {r.name: r for r in agreement(_result(found, truth)).regions}
    assert regions["ET"].counts == (2, 0, 2)
    assert regions["ET"].values["dice"] == pytest.approx(2 * 2 / 6)
    assert regions["ET"].slice_dice == (None, pytest.approx(4 / 6), None)
    assert regions["WT"].found == regions["WT"].truth == (1, 2, 4)


def test_agreement_with_a_binary_reference_is_of_the_whole_tumour():
    found, truth = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    found[0, :, 1], truth[0, :, 1] = 2, 1
    (region,) = agreement(_result(found, truth, BINARY)).regions
    assert region.values["dice"] == 1 and (region.found, region.truth) == ((1, 2, 4), (1,))


def test_no_reference_no_agreement():
    result = _result(np.zeros((4, 4, 3), dtype=np.uint8), np.zeros((4, 4, 3), dtype=np.uint8))
    result.case.label = None
    assert agreement(result) is None


def test_sequences_on_other_grids_are_shown_on_the_finest():
    fine = Image(np.random.default_rng(0).uniform(1, 2, (16, 16, 16)), np.diag([-1.0, -1, 1, 1]))
    coarse = Image(np.ones((8, 8, 8)), np.diag([-2.0, -2, 2, 1]))
    images, notes = on_one_grid(Case("a", "a", {Sequence.T1CE: fine, Sequence.FLAIR: coarse}))
    assert images[Sequence.T1CE] is fine and images[Sequence.FLAIR].same_grid(fine)
    assert "FLAIR" in notes[0] and "T1CE" in notes[0]


def test_the_small_phantom_is_shown_with_its_reference():
    view = view_case(find_inputs(small_phantom(), any_grid=True)[0])
    assert set(view.packed.volumes) == {"scan_T1", "scan_T1CE", "scan_T2", "scan_FLAIR", "reference"}
    json.dumps(view.packed.facts, allow_nan=False)


def test_a_part_of_a_job_is_a_part_of_its_progress():
    told = []
    part_of(lambda step, share: told.append((step, share)), 0.2, 0.6)("half", 0.5)
    assert told == [("half", pytest.approx(0.4))]


@pytest.fixture
def view(shipped, tmp_path):  # noqa: F811
    (found,) = find_inputs(brats(tmp_path / "case", label=(1, 2, 4)), any_grid=True)
    return view_case(found)


def test_segmenting_a_view_gives_what_predict_gives(view, tmp_path, quick_overlay):  # noqa: F811
    told = []
    outcome = segment_view(view, Models("torch", "cpu"), tmp_path / "out", watch=lambda *now: told.append(now))
    row = predict_inputs([tmp_path / "case"], tmp_path / "cli", runtime="torch", device="cpu").cases[0]
    assert outcome.row.volumes == row.volumes and outcome.row.bundle == row.bundle == "volumes"
    names = {p.name for p in outcome.folder.iterdir()}
    assert {"segmentation.nii.gz", "report.html", "measurements.json", "uncertainty.nii.gz"} <= names
    assert (tmp_path / "out" / "summary.csv").is_file()
    assert {"labels", "reference", "entropy", "p_WT"} <= set(outcome.packed.volumes)
    assert {pair["name"] for pair in outcome.packed.facts["agreement"]["pairs"]} >= {"WT", "TC", "ET"}
    json.dumps(outcome.packed.facts, allow_nan=False)
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] < 1
    assert "segmenting" in {step for step, _ in told}


def test_a_case_the_model_was_trained_on_is_told(view, shipped, tmp_path, monkeypatch, quick_overlay):  # noqa: F811
    trained = shutil.copytree(shipped, tmp_path / "trained")
    path = next((trained / "volumes").glob("*.json"))
    known = json.loads(path.read_text())
    known["training"]["case_hashes"] = case_hashes(view.case)[:1]
    path.write_text(json.dumps(known))
    for library_folder, seen in ((shipped, False), (trained, True)):
        monkeypatch.setattr(library, "SHIPPED", library_folder)
        outcome = segment_view(view, Models("torch", "cpu"), tmp_path / str(seen))
        assert outcome.seen is seen and outcome.packed.facts["agreement"]["seen"] is seen


def test_a_watch_stops_the_work_and_nothing_is_written(view, tmp_path):
    def stop(step, share):
        if step == "segmenting":
            raise StoppedError

    models = Models("torch", "cpu")
    with pytest.raises(StoppedError):
        segment_view(view, models, tmp_path / "out", watch=stop)
    assert not (tmp_path / "out").exists()
    assert models.run(view.source).segmentation.labels.shape == (24, 28, 10)  # and the models are free again


def test_runs_are_found_by_what_they_hold(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "training.log").write_text("epoch,loss\n0,1\n")
    (tmp_path / "other.json").write_text('{"scores": []}')
    content = {"scores": [], "cases": [], "conditions": {"empty_policy": "brats"}, "tumour_free_slices": []}
    (tmp_path / "stored.json").write_text(json.dumps(content))
    found = list_runs(tmp_path)
    assert list(found.logs) == ["one"] and list(found.evaluations) == ["stored"]
