"""Evaluation of bundles and of folders of label maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tumorscope.bundles.bundle import Bundle, save_bundle
from tumorscope.bundles.manifest import Manifest, Outputs, TrainingRecord
from tumorscope.core.errors import InputError, LeakError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.hashing import case_hashes
from tumorscope.datasets.splits import Split
from tumorscope.formats import write_nifti
from tumorscope.metrics import EmptyPolicy
from tumorscope.transforms.prepare import Preprocess
from tumorscope.workflows.ensemble import ensemble
from tumorscope.workflows.evaluate import evaluate

AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_case(root: Path, name: str, seed: int, label: bool = True, modern: bool = False) -> Path:
    """Write a small BraTS-like case whose tumour is a box."""
    rng = np.random.default_rng(seed)
    folder = root / name
    folder.mkdir(parents=True)
    kinds = {"t1ce": "t1c", "flair": "t2f"} if modern else {"t1ce": "t1ce", "flair": "flair"}
    joint = "-" if modern else "_"
    for kind in kinds.values():
        data = rng.integers(1, 200, (32, 32, 6)).astype(np.int16)
        write_nifti(Image(data, AFFINE), folder / f"{name}{joint}{kind}.nii.gz")
    if label:
        values = np.zeros((32, 32, 6), dtype=np.uint8)
        values[4:20, 4:20, 1:5], values[8:16, 8:16, 2:4] = 2, 1
        values[10:14, 10:14, 2:4] = 3 if modern else 4
        write_nifti(Image(values, AFFINE), folder / f"{name}{joint}seg.nii.gz")
    return folder


def make_bundle(folder: Path, seed: int = 0, hashes: tuple[str, ...] = (), test: tuple[str, ...] = ("C1",)) -> Bundle:
    """Write an untrained bundle; its scores are arbitrary but fixed."""
    torch.manual_seed(seed)
    manifest = Manifest(
        name="tiny",
        version="0",
        title="Untrained",
        network="unet",
        network_args={"filters": [4, 8]},
        preprocess=Preprocess(sequences=(Sequence.T1CE, Sequence.FLAIR), size=(32, 32)),
        outputs=Outputs(kind="regions", names=("WT", "TC", "ET")),
        scheme="brats",
        training=TrainingRecord(
            dataset="brats",
            licence="none",
            commercial=False,
            case_hashes=list(hashes),
            recipe={"data": {"held_out": "brats"}},
            split={
                "dataset": "brats",
                "unit": "patient",
                "seed": seed,
                "hash": f"h{seed}",
                "parts": {"test": list(test)},
            },
        ),
    )
    state = Bundle(folder, manifest).build_network().state_dict()
    return save_bundle(folder, manifest, [state], "card")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    write_case(root, "C1", 1)
    write_case(root, "C2", 2)
    write_case(root, "BraTS-GLI-00003-000", 3, modern=True)
    return root


def test_scores_of_a_bundle_have_the_promised_shape_and_follow_from_its_label_maps(data: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    result = evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch")
    content = json.loads(json.dumps(result.to_json()))
    keys = {"metric", "region", "unit", "mean", "sd", "median", "ci95", "n", "empty_policy"}
    assert all(keys <= set(s) for s in content["scores"])
    assert {s["region"] for s in content["scores"]} >= {"WT", "TC", "ET"}
    assert {s["unit"] for s in content["scores"]} == {"patient", "pooled"}
    wanted = {"dataset", "split_unit", "split_hash", "bundle", "version", "overlap"}
    assert wanted <= set(content["conditions"])
    mean = next(
        s["mean"] for s in content["scores"] if (s["metric"], s["region"], s["unit"]) == ("dice", "WT", "patient")
    )
    assert mean == pytest.approx(np.mean([row["WT"]["dice"] for row in content["cases"]]))
    row = content["cases"][0]["WT"]
    assert row["dice"] == pytest.approx(2 * row["tp"] / (2 * row["tp"] + row["fp"] + row["fn"]))
    assert result.exit_code == 0
    assert "accuracy" in result.render()


def test_cases_the_bundle_was_trained_on_are_refused_even_under_another_name(data: Path, tmp_path: Path) -> None:
    case = next(c for c in DATASETS.load("brats").discover(data) if c.id == "C2")
    bundle = make_bundle(tmp_path / "bundle", hashes=tuple(case_hashes(case.loaded())[:1]))
    (data / "C2").rename(data / "renamed")
    for file in (data / "renamed").iterdir():
        file.rename(file.with_name(file.name.replace("C2", "renamed")))
    with pytest.raises(LeakError, match=r"renamed.*split --test-list brats"):
        evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch")
    result = evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch", allow_overlap=True)
    assert result.conditions["overlap"] == ["renamed"]
    assert all("trained this bundle" in s.note for s in result.scores)


def test_a_part_of_a_split_is_scored_alone(data: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    split = Split(dataset="brats", unit="patient", seed=0, parts={"train": ["C2"], "test": ["C1"]})
    split.save(tmp_path / "split.json")
    result = evaluate(bundle=bundle.folder, dataset="brats", data=data, split=tmp_path / "split.json", runtime="torch")
    assert [c.case for c in result.cases] == ["C1"]
    assert result.conditions["split_hash"] == split.hash


def test_a_validation_folder_without_labels_is_refused(tmp_path: Path) -> None:
    write_case(tmp_path / "data", "V1", 1, label=False)
    bundle = make_bundle(tmp_path / "bundle")
    with pytest.raises(InputError, match="validation folders"):
        evaluate(bundle=bundle.folder, dataset="brats", data=tmp_path / "data", runtime="torch")


def test_one_broken_case_is_named_and_the_others_are_scored(data: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    (data / "C2" / "C2_flair.nii.gz").write_bytes(b"")
    result = evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch")
    assert set(result.failed) == {"C2"}
    assert len(result.cases) == 2
    assert result.exit_code == 1


def test_label_maps_of_different_releases_are_scored_against_each_other(data: Path, tmp_path: Path) -> None:
    ref, pred = tmp_path / "ref", tmp_path / "pred"
    values = np.zeros((16, 16, 4), dtype=np.uint8)
    values[2:10, 2:10], values[4:8, 4:8] = 2, 4
    write_nifti(Image(values, AFFINE), ref / "A_seg.nii.gz")
    write_nifti(Image(np.where(values == 4, 3, values).astype(np.uint8), AFFINE), pred / "A" / "segmentation.nii.gz")
    result = evaluate(pred=pred, ref=ref)
    dice = {s.region: s.mean for s in result.scores if s.metric == "dice" and s.unit == "patient"}
    assert dice == pytest.approx({"WT": 1.0, "TC": 1.0, "ET": 1.0, "NCR/NET": 1.0, "ED": 1.0})


def test_a_reference_without_prediction_stops_everything(data: Path, tmp_path: Path) -> None:
    (tmp_path / "pred").mkdir()
    with pytest.raises(InputError, match="none for"):
        evaluate(pred=tmp_path / "pred", ref=data)


def test_a_folder_of_scans_is_no_folder_of_references(data: Path) -> None:
    with pytest.raises(InputError, match="scans of one case"):
        evaluate(pred=data / "C1", ref=data / "C1")


def test_the_arguments_must_say_what_to_score(data: Path) -> None:
    with pytest.raises(UsageError):
        evaluate()
    with pytest.raises(UsageError):
        evaluate(bundle="tiny", dataset="brats")
    with pytest.raises(UsageError):
        evaluate(pred=data)


def test_an_unknown_policy_is_refused_and_a_known_one_used(data: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    with pytest.raises(UsageError, match="empty-mask policy"):
        evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch", empty_policy="kind")
    result = evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch", empty_policy="skip-both-empty")
    assert {s.empty_policy for s in result.scores} == {EmptyPolicy.SKIP_BOTH_EMPTY}


def test_an_ensemble_has_all_members_and_refuses_other_test_patients(tmp_path: Path) -> None:
    bundles = [make_bundle(tmp_path / f"b{i}", seed=i, hashes=(f"{i}",)) for i in range(2)]
    both = ensemble([b.folder for b in bundles], tmp_path / "both")
    assert len(both.load_networks()) == 2
    assert both.manifest.training.case_hashes == ["0", "1"]
    other = make_bundle(tmp_path / "other", seed=3, test=("C9",))
    with pytest.raises(UsageError, match="test patients"):
        ensemble([bundles[0].folder, other.folder], tmp_path / "bad")


def test_releases_with_different_classes_are_summarised_over_what_they_share(tmp_path: Path) -> None:
    ref, pred = tmp_path / "ref", tmp_path / "pred"
    values = np.zeros((16, 16, 4), dtype=np.uint8)
    values[2:10, 2:10], values[4:8, 4:8] = 2, 4
    older = values.copy()
    older[2, 2] = 3
    for folder in (ref, pred):
        write_nifti(Image(values, AFFINE), folder / "A_seg.nii.gz")
        write_nifti(Image(older, AFFINE), folder / "B_seg.nii.gz")
    result = evaluate(pred=pred, ref=ref)
    assert {"WT", "TC", "ET"} <= {s.region for s in result.scores}
    assert "NET" in result.conditions["regions_not_in_every_case"]


def test_references_of_other_releases_are_scored_in_the_models_classes(data: Path, tmp_path: Path) -> None:
    older = np.zeros((32, 32, 6), dtype=np.uint8)
    older[2:10, 2:10], older[4:8, 4:8], older[4:6, 4:6], older[6, 6] = 2, 4, 3, 1
    write_nifti(Image(older, AFFINE), data / "C2" / "C2_seg.nii.gz")
    result = evaluate(bundle=make_bundle(tmp_path / "bundle").folder, dataset="brats", data=data, runtime="torch")
    assert {"NCR/NET", "ED"} <= {s.region for s in result.scores}
    assert "regions_not_in_every_case" not in result.conditions
    assert not result.failed
    counts = next(c for c in result.cases if c.case == "C2").regions["NCR/NET"].counts
    assert counts.tp + counts.fn == 5 * 6, "necrosis and non-enhancing core together"


def test_what_the_papers_print_stands_beside_class_wise_scores(data: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    options = {"bundle": bundle.folder, "dataset": "brats", "data": data, "runtime": "torch", "cases": ("C1",)}
    result = evaluate(**options, metrics=("papers",))
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    pooled = {s["metric"]: s for s in content["scores"] if s["unit"] == "pooled"}
    assert pooled["micro_precision"]["mean"] == pooled["global_accuracy"]["mean"]
    assert pooled["global_accuracy"]["region"] == "background + NCR/NET + ED + ET"
    assert pooled["mse"]["region"] == "WT + TC + ET", "sigmoid channels have no background"
    assert 0 < pooled["mse"]["mean"] < 1
    assert [row["case"] for row in content["cases"]] == ["C1"]
    assert content["cases"][0]["classes"]["mse"] == pytest.approx(pooled["mse"]["mean"])
    with pytest.raises(InputError, match="C9"):
        evaluate(**{**options, "cases": ("C9",)})


def test_false_alarms_on_tumour_free_slices_are_always_told(data: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    result = evaluate(bundle=bundle.folder, dataset="brats", data=data, runtime="torch", cases=("C1", "C2"))
    rows = {row["region"]: row for row in result.to_json()["tumour_free_slices"]}
    assert rows["WT"]["n"] == 2 * 2 and rows["ET"]["n"] == 2 * 4
    assert "False alarms on tumour-free slices" in result.render()


def test_a_missing_prediction_counts_as_empty_only_on_request(tmp_path: Path) -> None:
    values = np.zeros((16, 16, 4), dtype=np.uint8)
    values[2:10, 2:10] = 2
    for name in ("A", "B"):
        write_nifti(Image(values, AFFINE), tmp_path / "ref" / f"{name}_seg.nii.gz")
    write_nifti(Image(values, AFFINE), tmp_path / "pred" / "A_seg.nii.gz")
    with pytest.raises(InputError, match="--missing empty"):
        evaluate(pred=tmp_path / "pred", ref=tmp_path / "ref")
    result = evaluate(pred=tmp_path / "pred", ref=tmp_path / "ref", missing="empty")
    assert result.conditions["missing_predictions_scored_as_empty"] == ["B"]
    dice = next(s for s in result.scores if (s.metric, s.region, s.unit) == ("dice", "WT", "patient"))
    assert dice.mean == 0.5 and "scored as empty" in result.render()


def test_pictures_of_unknown_size_are_scored_in_pixels(tmp_path: Path) -> None:
    from PIL import Image as Picture

    for folder, shift in (("ref", 0), ("pred", 3)):
        (tmp_path / folder).mkdir()
        mask = np.zeros((32, 32), dtype=np.uint8)
        mask[8:20, 8 + shift : 20 + shift] = 1
        Picture.fromarray(mask).save(tmp_path / folder / "a_mask.png")
        Picture.fromarray(np.zeros_like(mask)).save(tmp_path / folder / "b_mask.png")
    result = evaluate(pred=tmp_path / "pred", ref=tmp_path / "ref")
    assert result.conditions["distances"].startswith("px")
    assert {s.empty_policy.value for s in result.scores} == {"both-empty-one", "positives-only"}
    hd95 = next(s for s in result.scores if s.metric == "hd95" and s.empty_policy == "positives-only")
    assert (hd95.mean, hd95.length_unit) == (3, "px")
    assert "mm" not in result.render().replace("'mm'", "")


COUNTS = ("dice", "sensitivity", "specificity")


def test_pixels_that_nobody_labelled_are_in_no_count(data: Path, tmp_path: Path) -> None:
    """Value 9 over half of a reference: the counts are those of the other half, and the result says so."""
    from tumorscope.formats import read_nifti

    path = data / "C1" / "C1_seg.nii.gz"
    full = read_nifti(path)
    write_nifti(full.with_data(np.where(np.arange(32)[:, None, None] < 12, 9, full.data).astype(np.uint8)), path)
    options = {"bundle": make_bundle(tmp_path / "bundle").folder, "dataset": "brats", "data": data, "runtime": "torch"}
    options |= {"cases": ("C1",)}
    with pytest.raises(InputError, match=r"9 in .*C1_seg"):
        evaluate(**options, metrics=COUNTS)
    with pytest.raises(InputError, match=r"hd95.*nobody labelled"):
        evaluate(**options, ignore_value=9)
    result = evaluate(**options, metrics=(*COUNTS, "mse", "global_accuracy"), ignore_value=9)
    counts = result.cases[0].regions["WT"].counts
    assert counts.size == 20 * 32 * 6
    assert counts.tp + counts.fn == np.count_nonzero(full.data[12:])
    assert "nobody labelled" in result.render()
    assert result.cases[0].probabilities is not None
    assert result.cases[0].probabilities.slices[:, 1:].sum() == 3 * 20 * 32 * 6
    with pytest.raises(InputError, match="no class"):
        evaluate(**options | {"cases": ("C2",)}, metrics=COUNTS, ignore_value=2)


def test_folders_with_sparse_references(tmp_path: Path) -> None:
    values = np.zeros((16, 16, 4), dtype=np.uint8)
    values[2:10, 2:10] = 1
    write_nifti(Image(values, AFFINE), tmp_path / "pred" / "A.nii.gz")
    write_nifti(Image(np.where(np.arange(16)[:, None, None] < 5, 255, values), AFFINE), tmp_path / "ref" / "A.nii.gz")
    result = evaluate(pred=tmp_path / "pred", ref=tmp_path / "ref", metrics=COUNTS, ignore_value=255)
    counts = result.cases[0].regions["tumor"].counts
    assert (counts.tp, counts.fp, counts.fn, counts.size) == (5 * 8 * 4, 0, 0, 11 * 16 * 4)
    empty = evaluate(pred=tmp_path / "pred", ref=tmp_path / "ref", metrics=COUNTS, ignore_value=255, missing="empty")
    assert empty.cases[0].regions["tumor"].counts == counts


class TestSomeSequencesOnly:
    @pytest.fixture
    def bundle(self, tmp_path: Path) -> Bundle:
        torch.manual_seed(3)
        made = make_bundle(tmp_path / "made")
        spec = made.manifest.preprocess.model_copy(update={"optional": (Sequence.T1CE, Sequence.FLAIR)})
        manifest = made.manifest.model_copy(update={"preprocess": spec})
        return save_bundle(tmp_path / "any", manifest, [made.load_networks()[0].state_dict()], "card")

    def test_the_model_sees_nothing_else(self, bundle: Bundle, data: Path) -> None:
        scored = {}
        for names in ((), ("t1c",), ("FLAIR", "T2"), ("T1CE", "FLAIR")):
            result = evaluate(
                bundle=bundle.folder, dataset="brats", data=data, sequences=names, metrics=("dice",), runtime="torch"
            )
            scored[names] = [c.row(EmptyPolicy.BRATS, ("dice",)) for c in result.cases]
            assert result.conditions["sequences"] == {"t1c": ["T1CE"], "FLAIR": ["FLAIR"]}.get(
                names[0] if names else "", ["T1CE, FLAIR"]
            )
        assert scored[()] == scored["T1CE", "FLAIR"]
        assert scored[()] != scored["t1c",] != scored["FLAIR", "T2"]

    def test_without_files_of_the_others(self, bundle: Bundle, data: Path) -> None:
        for file in data.rglob("*"):
            if file.name.endswith(("flair.nii.gz", "t2f.nii.gz")):
                file.write_bytes(b"nothing to be read")
        result = evaluate(bundle=bundle.folder, dataset="brats", data=data, sequences=["T1CE"], runtime="torch")
        assert len(result.cases) == 3

    def test_what_the_bundle_needs_must_be_there(self, data: Path, tmp_path: Path) -> None:
        bundle = make_bundle(tmp_path / "strict")
        with pytest.raises(UsageError, match=r"needs \(T1CE, FLAIR\); found T1CE"):
            evaluate(bundle=bundle.folder, dataset="brats", data=data, sequences=["T1CE"], runtime="torch")
        with pytest.raises(UsageError, match="a sequence name"):
            evaluate(bundle=bundle.folder, dataset="brats", data=data, sequences=["CT"], runtime="torch")

    def test_a_bundle_that_knows_none_of_them(self, bundle: Bundle, data: Path) -> None:
        with pytest.raises(UsageError, match="at least one of T1CE, FLAIR"):
            evaluate(bundle=bundle.folder, dataset="brats", data=data, sequences=["T2"], runtime="torch")
