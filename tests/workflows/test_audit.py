"""The audit from files to verdict, page and exit code."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tumorscope.audit.scan import scan_cases
from tumorscope.audit.training import audit_for_training
from tumorscope.bundles.card import _audits
from tumorscope.cli.main import main
from tumorscope.core.errors import InputError, TumorscopeError, UsageError
from tumorscope.datasets import DATASETS
from tumorscope.datasets.published_splits import slice_split
from tumorscope.datasets.slicewise import as_slices
from tumorscope.datasets.splits import Split, patient_split
from tumorscope.workflows.audit import audit
from tumorscope.workflows.info import bundle_rows, render
from tumorscope.workflows.run_folder import AUDIT, audit_run


@pytest.fixture
def lgg(tmp_path: Path) -> Path:
    """Six small patients in the LGG layout; patient 5 repeats FLAIR in the T1CE channel."""
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    for patient in range(6):
        rng = np.random.default_rng(patient)
        folder = tmp_path / "lgg" / f"TCGA_CS_{4900 + patient}_19990101"
        folder.mkdir(parents=True)
        for z in range(1, 7):
            folds = [
                Pillow.fromarray(rng.random((12, 12)).astype(np.float32)).resize((64, 64), Pillow.Resampling.BICUBIC)
                for _ in range(3)
            ]
            inside = (rows / 0.9) ** 2 + (columns / 0.7) ** 2 < 1
            pixels = np.stack([np.where(inside, 60 + 150 * np.asarray(f), 0) for f in folds], axis=-1).clip(0, 255)
            if patient == 5:
                pixels[..., 2] = pixels[..., 1]
            Pillow.fromarray(pixels.astype(np.uint8)).save(folder / f"{folder.name}_{z}.tif")
            tumour = np.hypot(rows - 0.1 * patient + 0.2, columns) < 0.06 * z if z > 2 else np.zeros((64, 64))
            Pillow.fromarray((255 * tumour).astype(np.uint8)).save(folder / f"{folder.name}_{z}_mask.tif")
    return tmp_path / "lgg"


def split_file(root: Path, unit: str, seed: int = 0) -> Path:
    cases = DATASETS.load("lgg").discover(root)
    split = (
        slice_split(as_slices(cases), "lgg", seed=seed) if unit == "slice" else patient_split(cases, "lgg", seed=seed)
    )
    path = root.parent / f"{unit}.json"
    split.save(path)
    return path


def test_a_slice_random_split_is_not_usable(lgg, capsys):
    split, page, found = split_file(lgg, "slice"), lgg.parent / "audit.html", lgg.parent / "audit.json"
    words = ["audit", "--dataset", "lgg", "--data", str(lgg), "--split", str(split), "--json", str(found)]
    assert main([*words, "--report", str(page)]) == 0, "without --strict a leak is told, not punished"
    assert main([*words, "--strict"]) == 1
    said = capsys.readouterr().out
    assert "NOT usable as it is: 100 % of the test slices" in said
    result = json.loads(found.read_text())
    assert result["verdict"].startswith("NOT usable") and result["leaks"] == 2
    checks = {f["check"]: f for f in result["findings"]}
    assert checks["sequences"]["numbers"]["T1CE repeats another sequence"] == 1
    assert checks["empty-masks"]["numbers"]["empty slices"] == 12
    assert checks["baselines"]["scores"][0]["n"] == checks["patients"]["numbers"]["test slices"]
    html = page.read_text()
    assert "NOT usable" in html and html.count("data:image/png;base64,") >= 4
    assert "http" not in html.replace("http-equiv", ""), "everything is inside"


def test_a_patient_split_is_usable(lgg, capsys):
    assert (
        main(["audit", "--dataset", "lgg", "--data", str(lgg), "--split", str(split_file(lgg, "patient")), "--strict"])
        == 0
    )
    assert "NOT usable" not in capsys.readouterr().out


def test_without_a_split_only_the_cases_are_looked_at(lgg):
    result = audit("lgg", lgg)
    assert "nothing across parts" in result.conditions["split"]
    assert not {"patients", "neighbours", "baselines"} & {f.check for f in result.findings}


def test_the_same_folder_as_another_set_is_found(lgg):
    result = audit("lgg", lgg, against=[f"lgg={lgg}"])
    (other,) = [f for f in result.findings if f.check == "other-data"]
    assert other.severity.value == "leak" and other.numbers["cases that the other set has too"] == 6


@pytest.mark.parametrize("against", ["lgg", "lgg=", "unknown=folder"])
def test_a_wrong_comparison_is_refused(lgg, against):
    with pytest.raises(UsageError):
        audit("lgg", lgg, against=[against])


def test_a_split_of_other_data_is_refused(lgg, tmp_path):
    path = split_file(lgg, "patient")
    for folder in lgg.iterdir():
        folder.rename(folder.with_name(folder.name.replace("_CS_", "_DU_")))
    with pytest.raises(InputError, match="Point --data"):
        audit("lgg", lgg, split=path)


def test_a_stored_scan_is_read_instead_of_the_files(lgg, tmp_path):
    cases = DATASETS.load("lgg").discover(lgg)
    store = tmp_path / "store"
    first = scan_cases(cases, store=store)
    (lgg / "TCGA_CS_4900_19990101" / "TCGA_CS_4900_19990101_3.tif").touch()
    stamps = {p: p.stat().st_mtime_ns for p in store.iterdir()}
    again = scan_cases(cases, store=store)
    assert len(list(store.iterdir())) == len(cases) + 1, "the touched case is read again, the others are not"
    assert all(p.stat().st_mtime_ns == stamps[p] for p in stamps)
    for a, b in zip(first, again, strict=True):
        assert (a.id, a.present, a.values, a.grid, a.hashes, a.notes) == (
            b.id,
            b.present,
            b.values,
            b.grid,
            b.hashes,
            b.notes,
        )
        np.testing.assert_array_equal(a.slices.bits, b.slices.bits)
        np.testing.assert_array_equal(a.slices.counts, b.slices.counts)
        for x, y in zip(a.slices.masks, b.slices.masks, strict=True):
            np.testing.assert_array_equal(x.full, y.full)


def test_training_keeps_the_verdict_without_names(lgg):
    dataset = DATASETS.load("lgg")
    cases = dataset.discover(lgg)
    said: list[str] = []
    leaky = audit_for_training(cases, slice_split(as_slices(cases), "lgg"), dataset, echo=said.append)
    assert leaky["severity"] == "leak" and leaky["verdict"] in said[0]
    assert "TCGA" not in json.dumps(leaky), "a bundle names no patient"
    clean = audit_for_training(cases, patient_split(cases, "lgg"), dataset)
    assert clean["severity"] in ("remark", "ok") and "NOT usable" not in clean["verdict"]


@pytest.mark.slow
def test_real_lgg_slices_at_random(test_data, tmp_path):
    """What the data's own README states: S0-22, S0-41."""
    root = test_data / "lgg"
    if not root.is_dir():
        pytest.skip(f"no LGG data in {test_data}")
    path = tmp_path / "split.json"
    slice_split(as_slices(DATASETS.load("lgg").discover(root)), "lgg").save(path)
    begun = time.process_time()
    result = audit("lgg", root, split=path)
    assert time.process_time() - begun < 60
    found = {f.check: f for f in result.findings}
    patients, near, baselines = (found[c].numbers for c in ("patients", "neighbours", "baselines"))
    assert patients["test slices whose patient is in train"] == patients["test slices"]
    assert near["test slices with a neighbour in train"] / near["test slices"] == pytest.approx(0.91, abs=0.03)
    assert baselines["neighbour-copy: dice tumor (both-empty-one)"] == pytest.approx(0.853, abs=0.03)
    assert baselines["all-empty: accuracy tumor (both-empty-one)"] == pytest.approx(0.99, abs=0.005)
    empty = found["empty-masks"].numbers
    assert empty["empty slices"] / empty["slices"] == pytest.approx(0.65, abs=0.01)
    assert found["sequences"].numbers["cases with a repeated sequence"] >= 5
    assert result.exit_code(strict=True) == 1
    assert found["near-duplicates"].severity.value == "ok", "no patient of LGG is taken for another"


def test_a_run_is_audited_once_per_split(lgg, tmp_path):
    dataset = DATASETS.load("lgg")
    cases = dataset.discover(lgg)
    said: list[str] = []
    run = tmp_path / "run"
    run.mkdir()
    for seed in (0, 0, 1):
        audit_run(run, cases, patient_split(cases, "lgg", seed=seed), dataset, run / "cache", said.append)
    assert sum(line.startswith("audit: ") for line in said) == 2, "a resumed run is not audited again"
    kept = json.loads((run / AUDIT).read_text())
    assert kept["split_hash"] == patient_split(cases, "lgg", seed=1).hash
    (run / AUDIT).write_text("{broken")
    audit_run(run, cases, patient_split(cases, "lgg"), dataset, run / "cache", said.append)
    assert json.loads((run / AUDIT).read_text())["severity"] in ("remark", "ok")


def test_card_and_info_tell_the_verdict(tmp_path):
    run = {"seconds": 1, "audit": {"verdict": "NOT usable as it is: 100 % leak."}}
    assert _audits({"members": [run, run]}) == ["- Audit of the data before training: NOT usable as it is: 100 % leak."]
    assert _audits({"seconds": 1}) == []
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "bundle.json").write_text(json.dumps({"name": "b", "title": "T", "training": {"manifest": run}}))
    (row,) = bundle_rows(tmp_path)
    assert row["audit"] == run["audit"]["verdict"]
    text = render({"version": "0", "bundles": [row]})
    assert "trained with a leak" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split": "none.json"}, "no such file: .*none.json"),
        ({"split": "text.json"}, "text that is not JSON in"),
        ({"split": "brats.json"}, "a split of 'lgg'; found one of another data set, 'brats'"),
        ({"split": "strange.json"}, "none of its 1 ids among them, e.g. x"),
        ({"against": ["coco=nowhere"]}, "no folder at nowhere. Check --against coco="),
        ({"against": ["coco=empty"]}, "found none. Point --against coco="),
        ({"report": "empty"}, "a folder of that name"),
        ({"report": "text.json/page.html"}, "a file at .*text.json"),
    ],
)
def test_arguments_are_checked_before_any_image_is_read(lgg, monkeypatch, options, told):
    monkeypatch.chdir(lgg.parent)
    monkeypatch.setattr("tumorscope.workflows.audit.scan_cases", lambda *_, **__: pytest.fail("images were read"))
    Path("empty").mkdir()
    Path("text.json").write_text("garbage")
    for name, dataset in (("brats.json", "brats"), ("strange.json", "lgg")):
        Split(dataset=dataset, unit="patient", seed=0, parts={"train": ["x"]}).save(name)
    with pytest.raises(TumorscopeError, match=told):
        audit("lgg", lgg, **options)
