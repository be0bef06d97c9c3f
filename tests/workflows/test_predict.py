import csv
import json

import numpy as np
import psutil
import pytest

from predict_cases import brats, nifti, picture, quick_overlay, shipped, slices, tiny_library  # noqa: F401
from tiny_bundles import head, image
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, OutputError, UsageError
from tumorscope.core.labels import BRATS, BRATS_2015, BRATS_2023, DECATHLON, custom_scheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.formats import read_image
from tumorscope.workflows.predict import predict_inputs, read_case, segment
from tumorscope.workflows.segment import own_convention

pytestmark = pytest.mark.usefixtures("shipped", "quick_overlay")
FILES = {"segmentation.nii.gz", "overlay.png", "measurements.json", "report.html"}


def _predict(*inputs, out, **kwargs):
    lines = []
    summary = predict_inputs(inputs, out, runtime="torch", device="cpu", say=lines.append, **kwargs)
    return summary, lines


def _names(folder):
    return {p.name for p in folder.iterdir()}


def test_a_case_folder_with_pictures(tmp_path):
    case = brats(tmp_path / "Brats18_X_1")
    before = psutil.Process().memory_info().rss / 2**20
    summary, lines = _predict(case, out=tmp_path / "out")
    assert summary.exit_code == 0
    assert _names(tmp_path / "out") == {"Brats18_X_1", "summary.csv"}
    assert _names(tmp_path / "out" / "Brats18_X_1") == FILES
    result = read_image(tmp_path / "out" / "Brats18_X_1" / "segmentation.nii.gz")
    source = read_image(case / "Brats18_X_1_flair.nii.gz")
    assert result.shape == source.shape
    np.testing.assert_array_equal(result.affine, source.affine)
    assert result.data.dtype == np.uint8
    record = json.loads((tmp_path / "out" / "Brats18_X_1" / "measurements.json").read_text())
    assert record["regions"]["WT"]["voxels"] == int((result.data > 0).sum())
    assert record["regions"]["WT"]["ml"] == pytest.approx((result.data > 0).sum() / 1000)
    assert record["bundle"]["name"] == "volumes"
    assert {i["file"] for i in record["inputs"]} == {"Brats18_X_1_t1ce.nii.gz", "Brats18_X_1_flair.nii.gz"}
    row = summary.cases[0]
    assert (row.status, row.bundle) == ("ok", "volumes")
    assert 50 < row.peak_memory_mb < before + 1500 and row.seconds > 0
    assert lines[0].startswith("volumes was chosen") and "trained on volumes" in lines[0]
    assert lines[1].startswith("ok      Brats18_X_1 ")


def test_a_folder_of_cases_in_two_levels_and_strays(tmp_path):
    for name in ("HGG/a", "LGG/b"):
        brats(tmp_path / "data" / name)
    (tmp_path / "data" / "names.csv").write_text("x")
    (tmp_path / "data" / "empty").mkdir()
    summary, lines = _predict(tmp_path / "data", out=tmp_path / "out")
    assert [r.case for r in summary.cases] == ["a", "b"]
    assert lines[0] == f"{tmp_path / 'data'}: no scans in empty; passed over"
    with (tmp_path / "out" / "summary.csv").open() as stream:
        assert [r["status"] for r in csv.DictReader(stream)] == ["ok", "ok"]


def test_one_bad_case_does_not_stop_the_other(tmp_path):
    brats(tmp_path / "data" / "a")
    (tmp_path / "data" / "a" / "a_flair.nii.gz").write_bytes(b"")
    brats(tmp_path / "data" / "b")
    summary, lines = _predict(tmp_path / "data", out=tmp_path / "out")
    assert summary.exit_code == 1
    assert [r.status for r in summary.cases] == ["failed", "ok"]
    assert _names(tmp_path / "out") == {"b", "summary.csv"}
    assert any("empty file" in line and line.startswith("failed  a") for line in lines)
    with (tmp_path / "out" / "summary.csv").open() as stream:
        assert [bool(r["error"]) for r in csv.DictReader(stream)] == [True, False]


def test_several_inputs_of_one_name_stay_apart(tmp_path):
    first, second = brats(tmp_path / "x" / "case"), brats(tmp_path / "y" / "case")
    summary, _ = _predict(first, second, out=tmp_path / "out")
    assert [r.case for r in summary.cases] == ["case", "case-2"]
    assert summary.exit_code == 0


def test_a_single_volume_by_name_and_by_statement(tmp_path):
    named, unnamed = nifti(tmp_path / "p_flair.nii.gz"), nifti(tmp_path / "scan.nii.gz")
    summary, lines = _predict(named, unnamed, out=tmp_path / "out", sequence="flair")
    assert [r.bundle for r in summary.cases] == ["pictures", "pictures"]
    assert "though not trained on volumes" in lines[0]
    summary, _ = _predict(unnamed, out=tmp_path / "out2")
    assert summary.exit_code == 2 and "--sequence" in summary.cases[0].error


def test_a_colour_picture_is_read_as_in_lgg(tmp_path):
    path = picture(tmp_path / "p7.png", colours=3)
    summary, _ = _predict(path, out=tmp_path / "out")
    folder = tmp_path / "out" / "p7"
    assert _names(folder) == FILES - {"segmentation.nii.gz"} | {"segmentation.png"}
    written = read_image(folder / "segmentation.png")
    assert written.shape == (40, 48, 1) and written.data.max() <= 1
    record = json.loads((folder / "measurements.json").read_text())
    assert record["regions"]["tumor"]["ml"] is None
    assert record["input"] == "picture"
    notes = " ".join(summary.cases[0].notes)
    assert "T1, FLAIR, T1CE" in notes and "pixels, not in mm" in notes


def test_a_repeated_flair_channel_is_missing(tmp_path):
    grey = (head((40, 48, 1), 3)[:, :, 0] // 3).astype(np.uint8)
    other = (head((40, 48, 1), 4)[:, :, 0] // 3).astype(np.uint8)
    from tumorscope.formats import write_png

    write_png(np.stack([grey, grey, other], axis=-1), tmp_path / "p.png")
    case = read_case(tmp_path / "p.png")
    assert case.sequences == (Sequence.T1CE, Sequence.FLAIR)
    assert any("repeats FLAIR" in note for note in case.notes)


def test_a_grey_picture_needs_its_sequence(tmp_path):
    path = picture(tmp_path / "p7.png")
    summary, _ = _predict(path, out=tmp_path / "out")
    assert summary.exit_code == 2 and "State it with --sequence" in summary.cases[0].error
    summary, _ = _predict(path, out=tmp_path / "out", sequence="FLAIR")
    assert summary.exit_code == 0
    assert read_case(picture(tmp_path / "p7_flair.png")).sequences == (Sequence.FLAIR,)


def test_slices_of_one_patient(tmp_path):
    summary, _ = _predict(slices(tmp_path / "TCGA_XX_0000_20000101", count=11), out=tmp_path / "out")
    folder = tmp_path / "out" / "TCGA_XX_0000_20000101"
    assert summary.exit_code == 0 and _names(folder) == FILES | {"slices"}
    volume = read_image(folder / "segmentation.nii.gz")
    assert volume.shape == (40, 48, 11) and not volume.spacing_known
    for k in (1, 2, 10, 11):
        one = read_image(folder / "slices" / f"TCGA_XX_0000_20000101_{k}.png")
        np.testing.assert_array_equal(one.data[:, :, 0], volume.data[:, :, k - 1])
    record = json.loads((folder / "measurements.json").read_text())
    assert record["inputs"][0]["files"] == 11
    assert not any("slices of one patient" in note for note in summary.cases[0].notes), "the names tell it"


def test_grey_slices_with_a_stated_sequence_and_spacing(tmp_path):
    folder = slices(tmp_path / "slices-1", colours=1).rename(tmp_path / "p")
    summary, _ = _predict(folder, out=tmp_path / "out", sequence="FLAIR", spacing=(0.5, 0.5, 4))
    row = summary.cases[0]
    assert row.volumes["tumor"]["ml"] == pytest.approx(row.volumes["tumor"]["voxels"] / 1000)
    assert any("stated by the user" in note for note in row.notes)
    assert any("slices of one patient" in note for note in row.notes), "the names do not tell whose slices these are"
    assert read_image(tmp_path / "out" / "p" / "segmentation.nii.gz").spacing == pytest.approx((0.5, 0.5, 4))


def test_spacing_of_the_file_wins_and_is_said(tmp_path):
    summary, _ = _predict(brats(tmp_path / "a"), out=tmp_path / "out", spacing=(9, 9, 9))
    assert any("--spacing was not used" in note for note in summary.cases[0].notes)
    assert read_image(tmp_path / "out" / "a" / "segmentation.nii.gz").spacing == pytest.approx((1, 1, 1))


def test_flat_pictures_beside_masks(tmp_path):
    for name in ("0001", "0002"):
        picture(tmp_path / "data" / "images" / f"{name}.png")
        picture(tmp_path / "data" / "labels" / f"{name}.png")
    summary, _ = _predict(tmp_path / "data", out=tmp_path / "out", sequence="FLAIR")
    assert [r.case for r in summary.cases] == ["0001", "0002"] and summary.exit_code == 0


@pytest.mark.parametrize(
    ("case", "label", "scheme", "convention"),
    [
        ("Brats18_1", (1, 2, 4), "brats", "input"),
        ("Brats18_1", None, "brats", "bundle"),
        ("x", (1, 2, 3), "brats-2023", "input"),
        ("BraTS-GLI-00000-000", None, "brats-2023", "input"),
        ("BraTS-GLI-00000-000", (1, 2), "brats-2023", "input"),
        ("x", (1,), "brats", "bundle"),
    ],
)
def test_labels_are_written_in_the_inputs_own_convention(tmp_path, case, label, scheme, convention):
    summary, _ = _predict(brats(tmp_path / case, label), out=tmp_path / "out")
    assert summary.exit_code == 0
    record = json.loads((tmp_path / "out" / case / "measurements.json").read_text())
    assert (record["labels"]["scheme"], record["labels"]["convention"]) == (scheme, convention)


def test_conversion_of_conventions():
    labels = np.zeros((4, 4, 2), dtype=np.uint8)
    labels[0, :3, 0] = (1, 2, 4)
    made = Segmentation(image(labels), BRATS)

    def run(scheme):
        case = Case("x", "x", {}, scheme=scheme)
        found, whose, _ = own_convention(made, case)
        return found.labels.data[0, :3, 0].tolist(), whose

    assert run(BRATS_2023) == ([1, 2, 3], "input")
    assert run(DECATHLON) == ([2, 1, 3], "input")
    assert run(BRATS) == ([1, 2, 4], "input")
    assert run(BRATS_2015) == ([1, 2, 4], "bundle")
    assert run(custom_scheme({1: "a", 2: "b", 3: "c"})) == ([1, 2, 4], "bundle")
    assert run(None) == ([1, 2, 4], "bundle")


def test_a_reference_in_the_input_is_never_an_image(tmp_path):
    plain, labelled = brats(tmp_path / "x" / "Brats18_1"), brats(tmp_path / "y" / "Brats18_1", (1, 2, 4))
    _predict(plain, labelled, out=tmp_path / "out")
    first, second = (read_image(tmp_path / "out" / n / "segmentation.nii.gz") for n in ("Brats18_1", "Brats18_1-2"))
    np.testing.assert_array_equal(first.data, second.data)


def test_probability_maps_on_request(tmp_path):
    _predict(brats(tmp_path / "a"), out=tmp_path / "out", probabilities=True)
    maps = sorted(p.name for p in (tmp_path / "out" / "a").glob("probability_*"))
    assert maps == ["probability_ET.nii.gz", "probability_TC.nii.gz", "probability_WT.nii.gz"]
    data = read_image(tmp_path / "out" / "a" / maps[2]).data
    assert data.dtype == np.float32 and data.min() >= 0 and data.max() <= 1
    labels = read_image(tmp_path / "out" / "a" / "segmentation.nii.gz").data
    np.testing.assert_array_equal(data[labels == 0] < 0.5, True)


def test_mirroring_is_said(tmp_path):
    _predict(brats(tmp_path / "a"), out=tmp_path / "out", tta=True)
    record = json.loads((tmp_path / "out" / "a" / "measurements.json").read_text())
    assert record["software"]["runtime"].endswith("mirrored too")


def test_a_second_run_replaces_the_first_and_keeps_what_the_user_added(tmp_path):
    case = brats(tmp_path / "a")
    _predict(case, out=tmp_path / "out", probabilities=True)
    (tmp_path / "out" / "a" / "my notes.txt").write_text("mine")
    _predict(case, out=tmp_path / "out")
    assert _names(tmp_path / "out" / "a") == FILES | {"my notes.txt"}
    assert _names(tmp_path / "out") == {"a", "summary.csv"}


def test_the_input_folder_is_never_written_to(tmp_path):
    case = brats(tmp_path / "data" / "a")
    before = _names(case)
    summary, _ = _predict(case, out=tmp_path / "data")
    assert summary.exit_code == 2 and "Choose another output folder" in summary.cases[0].error
    assert _names(case) == before


def test_results_inside_the_input_are_not_inputs(tmp_path):
    brats(tmp_path / "data" / "a")
    for _ in range(2):
        summary, _ = _predict(tmp_path / "data", out=tmp_path / "data" / "out")
        assert [r.case for r in summary.cases] == ["a"]
    assert [r.case for r in _predict(tmp_path / "data", out=tmp_path / "elsewhere")[0].cases] == ["a"]


def test_four_lines_of_python(tmp_path):
    import tumorscope as ts

    case = ts.read(brats(tmp_path / "a"))
    result = ts.segment(case, runtime="torch")
    folder = result.save(tmp_path / "out")
    assert _names(folder) == FILES
    assert result.measurements["regions"]["WT"]["voxels"] == int(result.segmentation.region("WT").sum())
    assert result.bundle.name == "volumes"


def test_a_case_made_in_memory(tmp_path):
    images = {Sequence.T1CE: image(head(seed=1)), Sequence.FLAIR: image(head(seed=2))}
    result = segment(Case("a/b: c", "p", images), "volumes", runtime="torch")
    folder = result.save(tmp_path)
    assert folder.parent == tmp_path and _names(folder) == FILES
    assert result.reason == "Stated by the user."


def test_read_case_wants_one_case(tmp_path):
    for name in "ab":
        brats(tmp_path / "data" / name)
    with pytest.raises(InputError, match="one case"):
        read_case(tmp_path / "data")
    assert read_case(tmp_path / "data" / "a").id == "a"
    with pytest.raises(UsageError):
        read_case(tmp_path / "data" / "a", sequence="CT")


def test_a_folder_named_like_a_shipped_bundle_is_not_chosen(tmp_path, monkeypatch, tiny_library):  # noqa: F811
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes" / "bundle.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert _predict(brats(tmp_path / "a"), out=tmp_path / "out")[0].exit_code == 0


def test_what_is_no_brain_is_warned_of(tmp_path):
    for sequence in ("t1ce", "flair"):
        data = np.random.default_rng(0).integers(50, 500, (24, 28, 10)).astype(np.int16)
        nifti(tmp_path / "a" / f"{sequence}.nii.gz", data)
    summary, _ = _predict(tmp_path / "a", out=tmp_path / "out")
    assert any("Unlike the training data" in note for note in summary.cases[0].notes)
    found = json.loads((tmp_path / "out" / "a" / "measurements.json").read_text())
    assert any("Unlike the training data" in flag for flag in found["flags"])
    assert not any("Unlike" in note for note in found["notes"]), "each is said once"


def test_wrong_choices_end_before_any_case(tmp_path):
    case = brats(tmp_path / "a")
    for kwargs in ({"bundle": "nope"}, {"sequence": "CT"}):
        with pytest.raises(UsageError):
            _predict(case, out=tmp_path / "out", **kwargs)
    with pytest.raises(UsageError):
        predict_inputs([case], tmp_path / "out", runtime="tensorrt")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="output folder"):
        _predict(case, out=tmp_path / "file")


def test_predicting_does_not_import_what_it_does_not_need(tmp_path):
    from predict_cases import python

    brats(tmp_path / "a")
    code = (
        "import sys\nfrom tumorscope.bundles import bundle\nfrom pathlib import Path\n"
        "bundle.SHIPPED = Path(sys.argv[1])\n"
        "from tumorscope.workflows.predict import predict_inputs\n"
        "assert predict_inputs([sys.argv[2]], sys.argv[3]).exit_code == 0\n"
        "print([m for m in ('torch', 'monai', 'nilearn', 'sklearn', 'scipy.stats', 'matplotlib.pyplot', 'lightning')"
        " if m in sys.modules])"
    )
    from tumorscope.bundles import bundle as library
    from tumorscope.inference.runtimes.select import open_runtime

    open_runtime(Bundle.load(library.SHIPPED / "volumes"), "openvino")  # fills the cache that the child shares
    run = python(code, str(library.SHIPPED), str(tmp_path / "a"), str(tmp_path / "out"))
    assert (run.stdout, run.returncode) == ("[]\n", 0), run.stderr


def test_bundles_with_own_classes(tmp_path, tiny_library):  # noqa: F811
    from tiny_bundles import manifest, save_tiny
    from tumorscope.bundles.manifest import Outputs

    made = manifest("own", outputs=Outputs(kind="classes", names=("core", "rim")), scheme="custom")
    bundle = save_tiny(tmp_path / "own", made.model_copy(update={"classes": {3: "core", 9: "rim"}}))
    summary, _ = _predict(brats(tmp_path / "a"), out=tmp_path / "out", bundle=bundle.folder)
    assert summary.exit_code == 0 and set(summary.cases[0].volumes) == {"core", "rim"}
    labels = read_image(tmp_path / "out" / "a" / "segmentation.nii.gz").data
    assert set(np.unique(labels)) <= {0, 3, 9}


def test_real_cases_with_pictures(tmp_path, test_data):
    """Reads every layout there is; the networks are untrained, so only the way is tested."""
    case = test_data / "brats" / "BraTS-GLI-00000-000"
    lgg = test_data / "originals" / "kaggle_3m"
    before = psutil.Process().memory_info().rss / 2**20  # of the tests that ran in this process before
    summary, _ = _predict(case, lgg, out=tmp_path / "out")
    assert summary.exit_code == 0, [r.error for r in summary.cases]
    source = read_image(next(case.glob("*t2f*")))
    result = read_image(tmp_path / "out" / case.name / "segmentation.nii.gz")
    assert result.same_grid(source)
    assert set(np.unique(result.data)) <= {0, 1, 2, 3}
    assert all(r.bundle == "pictures" for r in summary.cases[1:]) and len(summary.cases) > 1
    assert summary.cases[0].peak_memory_mb < 2000 + before
