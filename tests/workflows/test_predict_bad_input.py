"""Whatever is wrong with an input ends in one sentence and an exit code, and leaves nothing half-written."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from predict_cases import SHAPE, brats, nifti, picture, python, quick_overlay, shipped, slices, tiny_library  # noqa: F401
from tiny_bundles import head, image
from tumorscope.cli.main import main
from tumorscope.formats import write_nifti, write_png
from tumorscope.workflows.predict import predict_inputs

pytestmark = pytest.mark.usefixtures("shipped", "quick_overlay")


def _flair(folder):
    return folder / f"{folder.name}_flair.nii.gz"


def missing_sequence(folder):
    brats(folder, sequences=("t1", "t2"))
    return "FLAIR"


def missing_sequence_of_the_named_bundle(folder):
    brats(folder, sequences=("t1", "flair"))
    return "T1CE"


def other_shape(folder):
    brats(folder)
    nifti(_flair(folder), head((24, 28, 11)))
    return "one grid"


def other_affine(folder):
    brats(folder)
    write_nifti(image(head(SHAPE), (1, 1, 2)), _flair(folder))
    return "one grid"


def four_dimensions(folder):
    import nibabel

    brats(folder)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4, 3), dtype=np.float32), np.eye(4)), _flair(folder))
    return "3 volumes"


def _floats(folder, value):
    import nibabel

    brats(folder)
    data = head(SHAPE).astype(np.float32)
    data[3, 4, 5] = value
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-1, -1, 1, 1])), _flair(folder))


def not_a_number(folder):
    _floats(folder, np.nan)
    return "NaN"


def infinity(folder):
    _floats(folder, np.inf)
    return "infinite"


def constant_image(folder):
    brats(folder)
    nifti(_flair(folder), np.full(SHAPE, 7, dtype=np.int16))
    return "one intensity"


def truncated_gzip(folder):
    brats(folder)
    content = _flair(folder).read_bytes()
    _flair(folder).write_bytes(content[: len(content) // 2])
    return "_flair"


def zero_bytes(folder):
    brats(folder)
    _flair(folder).write_bytes(b"")
    return "0 bytes"


def text_named_nii(folder):
    brats(folder)
    _flair(folder).unlink()
    (folder / f"{folder.name}_flair.nii").write_text("this is no scan\n" * 40)
    return "NIfTI"


def gzipped_text(folder):
    brats(folder)
    _flair(folder).write_bytes(gzip.compress(b"this is no scan\n" * 40))
    return "NIfTI"


def noise_named_png(folder):
    folder.mkdir(parents=True)
    (folder / "scan_flair.png").write_bytes(np.random.default_rng(0).bytes(4000))
    return "PNG, JPEG or TIFF"


def unknown_label_values(folder):
    brats(folder, label=(1, 2, 9))
    return "9"


def two_candidates(folder):
    brats(folder)
    nifti(folder / "again_flair.nii.gz")
    return "one file for FLAIR"


def compressed_and_not(folder):
    brats(folder)
    nifti(folder / f"{folder.name}_flair.nii")
    return "one file for FLAIR"


def empty_folder(folder):
    folder.mkdir(parents=True)
    return "found none"


def only_other_files(folder):
    folder.mkdir(parents=True)
    (folder / "image.dcm").write_text("x")
    return "found none"


def only_a_label_map(folder):
    nifti(folder / "x_seg.nii.gz")
    return "label maps only"


def names_that_tell_nothing(folder):
    nifti(folder / "scan1.nii.gz")
    nifti(folder / "scan2.nii.gz")
    return "which sequence each volume shows"


def nothing_there(folder):
    return "nothing at"


def an_earlier_result(folder):
    brats(folder)
    (folder / "measurements.json").write_text("{}")
    return "results of an earlier run"


def slices_of_two_sizes(folder):
    slices(folder)
    picture(folder / f"{folder.name}_2.png", 3, (40, 44))
    return "slices alike"


def unrelated_pictures(folder):
    for name in ("cat", "dog"):
        picture(folder / f"{name}.png", 3)
    return "slices of one patient"


def sequences_of_two_sizes(folder):
    picture(folder / "a_flair.png")
    picture(folder / "a_t1ce.png", shape=(44, 48))
    return "of one size"


def constant_slices(folder):
    for k in range(3):
        write_png(np.full((40, 48, 3), 9, dtype=np.uint8) + np.arange(3, dtype=np.uint8), folder / f"s{k}.png")
    return "one intensity"


BAD = [f for name, f in list(globals().items()) if getattr(f, "__module__", "") == __name__ and name[0] != "_"]
OTHER_GRIDS = ("other_shape", "other_affine")  # refused only where registration is switched off
BUNDLE = {"missing_sequence_of_the_named_bundle": "volumes"}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_input_is_one_sentence_and_leaves_nothing(make, tmp_path):
    expected = make(tmp_path / "in" / "case")
    out = tmp_path / "out"
    summary = predict_inputs(
        [tmp_path / "in" / "case"],
        out,
        runtime="torch",
        device="cpu",
        bundle=BUNDLE.get(make.__name__),
        preprocess=make.__name__ not in OTHER_GRIDS,
    )
    (row,) = summary.cases
    assert summary.exit_code == 2
    assert row.status == "failed"
    assert expected in row.error, row.error
    assert re.fullmatch(r"Expected .+; found .+\. [A-Z].+\.", row.error), row.error
    assert "\n" not in row.error and "Unexpected" not in row.error and "Traceback" not in row.error
    assert [p.name for p in out.iterdir()] == ["summary.csv"]
    assert expected in (out / "summary.csv").read_text().replace('""', '"')


def test_one_bad_and_one_good_case_on_the_command_line(tmp_path, capsys):
    brats(tmp_path / "data" / "good")
    zero_bytes(tmp_path / "data" / "bad")
    report = tmp_path / "report.json"
    words = [
        "predict",
        str(tmp_path / "data"),
        "-o",
        str(tmp_path / "out"),
        "--runtime",
        "torch",
        "--json",
        str(report),
    ]
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert "ok      good" in shown and "failed  bad" in shown
    assert [c["status"] for c in json.loads(report.read_text())["cases"]] == ["failed", "ok"]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"good", "summary.csv"}


def test_exit_codes_on_the_command_line(tmp_path, capsys):
    folder = tmp_path / "data"
    zero_bytes(folder / "bad")
    assert main(["predict", str(folder), "-o", str(tmp_path / "out")]) == 2
    (tmp_path / "file").write_text("x")
    brats(folder / "good")
    assert main(["predict", str(folder), "-o", str(tmp_path / "file")]) == 2
    assert "a file at" in capsys.readouterr().err
    assert main(["predict", str(folder), "-o", str(tmp_path / "o"), "--bundle", "nope"]) == 64
    assert main(["predict", str(folder), "-o", str(tmp_path / "o"), "--sequence", "CT"]) == 64
    assert main(["predict", str(folder), "-o", str(tmp_path / "o"), "--device", "cuda", "--runtime", "openvino"]) == 64


_NO_SPACE = """
import resource, signal, sys
from pathlib import Path
from tumorscope.bundles import bundle
from tumorscope.networks import NETWORKS
bundle.SHIPPED = Path(sys.argv[1])
sys.path.insert(0, sys.argv[4])
NETWORKS["tiny"] = "tiny_network:TinyNetwork"
from tumorscope.workflows.predict import predict_inputs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # the disk ends after 2000 bytes of a file
summary = predict_inputs([sys.argv[2]], sys.argv[3], runtime="torch", device="cpu")
print(summary.exit_code, summary.cases[0].error)
"""


def test_no_space_left(tmp_path, tiny_library):  # noqa: F811
    pytest.importorskip("resource")
    brats(tmp_path / "case")
    out = tmp_path / "out"
    run = python(_NO_SPACE, str(tiny_library), str(tmp_path / "case"), str(out), str(Path(__file__).parents[1]))
    assert run.stdout.startswith("2 Expected to be able to write"), run.stdout + run.stderr
    assert "Free space or choose another output folder" in run.stdout
    assert [p.name for p in out.iterdir()] == ["summary.csv"]


def test_a_fault_in_the_program_does_not_stop_the_others(tmp_path, monkeypatch):
    from tumorscope.workflows import one_case

    segment_with = one_case.segment_with

    def fails_once(predictor, case, *args, **kwargs):
        if case.id == "a":
            raise ZeroDivisionError("oops")
        return segment_with(predictor, case, *args, **kwargs)

    monkeypatch.setattr(one_case, "segment_with", fails_once)
    for name in "ab":
        brats(tmp_path / "data" / name)
    summary = predict_inputs([tmp_path / "data"], tmp_path / "out", runtime="torch", device="cpu")
    assert [r.status for r in summary.cases] == ["failed", "ok"]
    assert "ZeroDivisionError: oops" in summary.cases[0].error


def test_a_write_that_fails_leaves_the_earlier_result(tmp_path, monkeypatch):
    case = brats(tmp_path / "a")
    out = tmp_path / "out"
    predict_inputs([case], out, runtime="torch", device="cpu")
    before = {p.name: p.read_bytes() for p in (out / "a").iterdir()}
    monkeypatch.setattr("tumorscope.report.case_html.case_html", lambda *args: 1 / 0)
    summary = predict_inputs([case], out, runtime="torch", device="cpu")
    assert summary.exit_code == 2
    assert {p.name: p.read_bytes() for p in (out / "a").iterdir()} == before
    assert {p.name for p in out.iterdir()} == {"a", "summary.csv"}
