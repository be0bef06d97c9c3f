"""The reproduction page: every trap is computed, nothing is typed, what is not stored is said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from measure_protocols import audited, empty_slices, four_class  # noqa: E402
from reproduction import page  # noqa: E402
from reproduction_figures import is_possible  # noqa: E402
from reproduction_papers import load_papers  # noqa: E402
from reproduction_runs import NOT_YET, Stored, find_score  # noqa: E402
from reproduction_studies import folds  # noqa: E402
from reproduction_traps import CHECKS, background_bound, expose, pooled_with_background  # noqa: E402

from tumorscope.metrics import EmptyPolicy, Unit, summarise  # noqa: E402
from tumorscope.metrics.paired import paired  # noqa: E402

CONTENT: dict[str, Any] = load_papers(BENCHMARKS / "papers.yaml")
NOTHING = Stored({}, {}, {})
#: Every row that the checklist marks as a trap.
TRAPS = [
    "S0-03",
    "S0-04",
    "S0-10",
    "S0-17",
    "S0-20",
    "S0-22",
    "S0-41",
    "S1-18",
    "S1-22",
    "S2-02",
    "S2-07",
    "S2-36",
    "S2-40",
    "S2-48",
    "S2-50",
    "S3-11",
    "S3-15",
    "S3-16",
    "S3-18",
    "S3-22",
    "S3-27",
    "S3-31",
    "S3-33",
    "S3-35",
    "S4-11",
    "S4-16",
    "S4-38",
    "S4-52",
    "S4-54",
    "S4-56",
    "S4-60",
    "S4-67",
    "S4-84",
]


def score(metric: str = "dice", mean: float = 0.95, **changes: Any) -> dict[str, Any]:
    row = {
        "metric": metric,
        "region": "tumor",
        "unit": "slice",
        "empty_policy": "both-empty-one",
        "mean": mean,
        "ci95": [mean - 0.01, mean + 0.01],
        "n": 463,
        "all_empty": 0.9,
        "note": "",
    }
    return row | changes


def run(name: str, *scores: dict[str, Any], **changes: Any) -> dict[str, Any]:
    stored = {
        "run": name,
        "budget": "8 epochs",
        "minutes": 12.5,
        "recipe_as_run": {"training": {"epochs": 8, "batch_size": 16}},
        "manifest": {"augmentations": {"flip_lr": 0.5, "zoom": 0.0}},
        "test": {"scores": list(scores), "cases": []},
    }
    return stored | changes


def stored(*runs: dict[str, Any]) -> Stored:
    return Stored({r["run"]: r for r in runs}, {}, {})


def test_every_trap_row_is_there_and_has_a_check() -> None:
    assert sorted(CONTENT["traps"]) == sorted(TRAPS)
    assert {row["check"] for row in CONTENT["traps"].values()} == set(CHECKS)


@pytest.mark.parametrize("row", TRAPS)
def test_every_check_computes_a_sentence(row: str) -> None:
    said = expose(CONTENT["traps"][row], CONTENT["papers"], NOTHING)
    assert said.endswith(".")
    assert re.search(r"\d", said) or NOT_YET in said.lower()
    assert "nan" not in said.split()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("S0-20", "= 2596 and 910 + 206 + 217 = 1333"),
        ("S1-18", "Dice 0.75 means IoU 0.60 if pooled or of one mask, and between 0.60 and 0.75 for any mean"),
        ("S1-22", "from 0.60 (pooled or of one mask) to 0.75"),
        ("S1-22", "0.614 lies in it; 0.9827 cannot be that IoU"),
        ("S1-18", "at least 0.965"),
        ("S2-48", "means IoU 0.429"),
        ("S2-50", "0.9979, as printed"),
        ("S2-36", "W39_1998.09.19_Segm.nii"),
        ("S3-15", "5712 + 1311 = 7023"),
        ("S3-18", "from 592 to 1903"),
        ("S3-27", "3 of 4 rows are impossible"),
        ("S3-31", "= 1373 slices with tumour, exactly LGG's 1373"),
        ("S4-54", "average 0.727, not 0.6557 either"),
        ("S4-56", "= 0.0029, not 0.7846"),
        ("S4-84", "= 3.52 native pixels"),
    ],
)
def test_known_answers(row: str, words: str) -> None:
    assert words in expose(CONTENT["traps"][row], CONTENT["papers"], NOTHING)


def test_checks_follow_their_numbers() -> None:
    """A check that always says the same exposes nothing."""
    assert "they agree" in CHECKS["sums"](positive=[1, 2], negative=[3], claimed=[3, 3])
    assert "agrees" in CHECKS["pair"](dice=0.75, iou=0.6)
    assert "does not contradict" in CHECKS["pair"](dice=0.75, iou=0.8, classes=2)
    assert "not 0.5" in pooled_with_background(0.9938, 0.9922, 0.5, 4)
    assert "0 of 1 rows" in CHECKS["f1_rows"](rows={"a": [0.8, 0.8, 0.8]})
    assert background_bound(0.98, 2) == pytest.approx(0.96)


def test_possible_pairs() -> None:
    assert is_possible(0.96, 0.923)
    assert is_possible(0.9303, 0.8878)
    assert not is_possible(0.75, 0.9827)
    assert not is_possible(0.9, 0.5)


def test_numbers_measured_here_are_filled_in_from_what_is_stored() -> None:
    finding = {"check": "empty-masks", "numbers": {"slices": 100, "empty slices": 65}, "headline": "65 %"}
    leak = {"check": "patients", "headline": "All of them.", "numbers": {}}
    near = {"check": "neighbours", "headline": "Nearly all.", "numbers": {}}
    copied = score(mean=0.856, note="neighbour-copy")
    nothing = [score(mean=0.624, note="all-empty"), score("accuracy", 0.987, note="all-empty")]
    protocol = {"cases": 88, "findings": [finding, leak, near], "scores": [copied, *nothing]}
    known = Stored({}, {"lgg-slices": protocol}, {})
    said = {row: expose(CONTENT["traps"][row], CONTENT["papers"], known) for row in ("S0-17", "S0-22", "S0-41")}
    assert "35 of 100 do (35%)" in said["S0-17"]
    assert "mean Dice 0.856 (95 % interval 0.846 to 0.866, n = 463), no model" in said["S0-22"]
    assert "accuracy 0.987" in said["S0-41"]


def test_a_run_is_compared_like_with_like() -> None:
    slicewise = run("lgg-fpn-efficientnet--slice", score(mean=0.5, empty_policy="positives-only"), score(mean=0.94))
    like = {"metric": "dice", "region": "tumor", "unit": "slice", "empty": "both-empty-one"}
    assert find_score(slicewise, like)["mean"] == 0.94
    assert find_score(slicewise, like | {"unit": "patient"}) is None
    assert find_score(slicewise, like | {"unit": ["image", "slice"]})["mean"] == 0.94
    assert find_score(slicewise, like | {"unit": ["image", "patient"]}) is None
    assert find_score(slicewise, None) is None


def test_the_page_says_what_is_missing_and_judges_what_is_there() -> None:
    empty = page(CONTENT, NOTHING)
    assert all(row in empty for row in TRAPS)
    assert "nan" not in empty.lower().split()
    assert empty.count(NOT_YET) > 20
    both = stored(
        run("lgg-fpn-efficientnet--slice", score(mean=0.94)), run("lgg-fpn-efficientnet--patient", score(mean=0.81))
    )
    filled = page(CONTENT, both)
    assert "Its Dice 0.9303 (S0-37) is reached by our run of its protocol: 0.940" in filled
    assert "0.810 (95 % interval 0.800 to 0.820, n = 463): -0.130" in filled
    assert "8 epochs; 12.5 minutes of training" in filled
    assert "`lgg-fpn-efficientnet--slice`" in filled
    assert "Recipe values changed: `training.epochs: 8`, `preprocess.size: [64, 64]`." in page(
        CONTENT,
        stored(run("lgg-resunet--slice", overrides={"training.epochs": 8, "preprocess.size": [64, 64]})),
    )
    poor = page(CONTENT, stored(run("lgg-fpn-efficientnet--slice", score(mean=0.6))))
    assert "is not reached by our run" in poor


def test_other_readings_parts_and_policies_stand_beside_the_verdict() -> None:
    def pooled(metric: str, mean: float) -> dict[str, Any]:
        return score(metric, mean, unit="pooled", empty_policy="brats")

    def scores(shift: float) -> dict[str, Any]:
        rows = [pooled("mean_dice_with_background", 0.7 - shift), pooled("mean_dice", 0.6 - shift)]
        return {"scores": rows, "conditions": {"split_unit": "patient"}}

    text = page(CONTENT, stored(run("brats-unet2d-cce--patient", train=scores(0), test=scores(0.1))))
    assert "printed for its train part) is reached by our run of its protocol: 0.700" in text
    assert "Read without the background, it is not reached: 0.600" in text
    assert "On our test part the run has 0.600" in text
    assert "Split unit: patient." in text
    empty = score(mean=0.7, empty_policy="positives-only", n=463, n_groups=20)
    text = page(CONTENT, stored(run("lgg-resunet--slice", score(mean=0.9), empty)))
    assert "Test Dice, positives-only: 0.700 (95 % interval 0.690 to 0.710, n = 463 in 20 groups), slice." in text


def test_overlapping_intervals_are_said() -> None:
    for mean, words in ((0.925, "-0.015; the intervals overlap"), (0.81, "-0.130.")):
        runs = stored(
            run("lgg-fpn-efficientnet--slice", score(mean=0.94)), run("lgg-fpn-efficientnet--patient", score(mean=mean))
        )
        assert words in page(CONTENT, runs)


def test_stored_comparisons_are_shown() -> None:
    both = [0.8, 0.9], [0.7, 0.6]
    pair = paired(*both, groups=["a", "b"]).to_json() | {
        "first": "3D",
        "second": "2D",
        "metric": "dice",
        "region": "WT",
    }
    content = {key: [] for key in ("runs", "cases", "tumour_free", "costs", "validation")} | {
        "scores": [
            summarise(
                values, metric="dice", region="WT", unit=Unit.PATIENT, empty_policy=EmptyPolicy.BRATS, groups=["a", "b"]
            ).to_json()
            | {"run": name}
            for name, values in zip(("3D", "2D"), both, strict=True)
        ],
        "pairs": [pair],
        "conditions": {"n_boot": 2000, "dataset": "brats"},
        "notes": ["the same cases"],
    }
    compared = {"2D-3D": json.loads(json.dumps(content))}
    text = page(CONTENT, Stored({}, {}, {}, compared))
    assert "## 2D-3D\n" in text
    assert "### WT, " in text
    assert "none; the other 1 of 1 paired differences may be chance" in text
    about = {"2D-3D": {"title": "Volumes against slices", "asks": "Which is better?", "runs": ["x"]}}
    runs = {"x": run("x", budget="9 epochs")}
    told = page(CONTENT | {"comparisons": about}, Stored(runs, {}, {}, compared))
    assert "## Volumes against slices\n\nWhich is better?\n\n`x`: 9 epochs; 12.5 minutes of training." in told
    assert "0.850" in text
    assert "+0.200" in text
    assert "| note | the same cases |" in text


def test_architectures_are_compared_patient_by_patient() -> None:
    def fold(name: str, dice: dict[str, float]) -> dict[str, Any]:
        cases = [{"case": case, "tumor": {"dice": value}} for case, value in dice.items()]
        return run(name, test={"scores": [], "cases": cases})

    runs = [
        fold("fpn--fold-0", {"a": 0.9, "b": 0.8}),
        fold("fpn--fold-1", {"c": 0.7}),
        fold("unet--fold-0", {"b": 0.7, "a": 0.8}),
    ]
    assert folds(stored(*runs)) == []
    (said,) = folds(stored(*runs, fold("unet--fold-1", {"c": 0.6})))
    assert "FPN 0.800, U-Net 0.700 mean Dice of whole patients (no policy stored, n = 3;" in said
    assert "Difference +0.100" in said
    assert "FPN better on 3, U-Net on 0" in said


def test_what_ran_comes_from_the_manifest() -> None:
    said = expose(CONTENT["traps"]["S3-22"], CONTENT["papers"], stored(run("lgg-resunet--slice")))
    assert "training.batch_size 16, training.epochs 8" in said
    said = expose(CONTENT["traps"]["S4-38"], CONTENT["papers"], stored(run("brats-unet2d-cce--patient")))
    assert "augmentations flip_lr 0.5." in said


def test_claims_name_rows_parts_and_values() -> None:
    for key, paper in CONTENT["papers"].items():
        assert any(f"{c['id']} {c['quantity']}" == paper["headline"] for c in paper["claims"])
        for claim in paper["claims"]:
            assert claim["id"].startswith(f"{key}-")
            assert isinstance(claim["value"], float)
            assert claim["part"]


def test_runs_are_those_that_train_runs_writes() -> None:
    known = yaml.safe_load((BENCHMARKS / "train_runs.yaml").read_text(encoding="utf-8"))
    named = {n for p in CONTENT["papers"].values() for runs in p["runs"].values() for n in runs}
    assert named <= set(known)


def test_one_command_writes_page_and_figures(tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "runs").mkdir(parents=True)
    (results / "runs" / "x.json").write_text(json.dumps(run("x", score(unit="patient"))))
    command = [sys.executable, str(BENCHMARKS / "reproduction.py"), "--results", results, "--docs", tmp_path]
    subprocess.run(command, check=True)
    text = (tmp_path / "reproduction.md").read_text(encoding="utf-8")
    for picture in re.findall(r"\]\((reproduction/[^)]+)\)", text):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert "| `x` | test | tumor | 0.950" in text


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    text = (BENCHMARKS / "papers.yaml").read_text(encoding="utf-8")
    cut = text.replace('"Buda (U-Net, FLAIR abnormality)"', "Buda (U-Net, FLAIR abnormality)")
    assert cut != text
    (tmp_path / "papers.yaml").write_text(cut, encoding="utf-8")
    with pytest.raises(ValueError, match="unknown keys FLAIR abnormality"):
        load_papers(tmp_path / "papers.yaml")


def test_accuracy_is_compared_on_the_same_slices() -> None:
    known = Stored.load(BENCHMARKS / "results")
    said = expose(CONTENT["traps"]["S2-40"], CONTENT["papers"], known)
    assert "slices 60:135" in said
    assert "accuracy 0.9804" in said
    assert "0.9935 printed is +0.0131" in said


def kept(protocol: dict[str, Any]) -> list[float]:
    """Return numbers by which a change of the code that measured a protocol is seen."""
    if "scores" not in protocol:
        return [protocol["identical"], protocol["nearest_neighbour_accuracy"]]
    return [s["mean"] for s in protocol["scores"] if s["metric"] in ("dice", "accuracy")]


def stored_protocol(name: str) -> dict[str, Any]:
    found: dict[str, Any] = Stored.load(BENCHMARKS / "results").protocol(name)
    return found


def test_marking_nothing_on_brats_is_measured_as_stored(test_data: Path) -> None:
    assert kept(empty_slices(test_data / "brats")) == pytest.approx(kept(stored_protocol("brats-slices")), abs=1e-4)


@pytest.mark.slow
def test_four_class_is_measured_as_stored(test_data: Path) -> None:
    assert kept(four_class(test_data / "four_class")) == pytest.approx(kept(stored_protocol("four-class")), abs=1e-3)


@pytest.fixture(scope="module")
def expanded(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layouts users download."""
    folder = tmp_path_factory.mktemp("expanded")
    subprocess.run([sys.executable, str(test_data / "expand.py"), str(folder)], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder", "kind"), [("coco-release", "coco", "release"), ("lgg-slices", "lgg", "slices")]
)
def test_audits_are_measured_as_stored(name: str, folder: str, kind: str, expanded: Path) -> None:
    again = audited(folder, expanded / folder, kind, "")
    assert kept(again) == pytest.approx(kept(stored_protocol(name)), abs=1e-3)
