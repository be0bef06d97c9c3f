"""Comparison of runs on the same cases: numbers, refusals, the store, cost and report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_evaluate import make_bundle, write_case

from tumorscope.cli.main import main
from tumorscope.core.errors import InputError, LeakError, UsageError
from tumorscope.datasets import DATASETS
from tumorscope.datasets.hashing import case_hashes
from tumorscope.datasets.splits import Split
from tumorscope.report.comparison import Comparison
from tumorscope.workflows import candidates, case_cost
from tumorscope.workflows.candidates import Cohort
from tumorscope.workflows.case_cost import _measure
from tumorscope.workflows.compare import compare
from tumorscope.workflows.evaluate import find_cases


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cases and two untrained bundles."""
    root = tmp_path_factory.mktemp("compare")
    for number in range(4):
        write_case(root / "data", f"C{number}", number)
    make_bundle(root / "a", seed=0)
    make_bundle(root / "b", seed=1)
    return root


def run(place: Path, *names: str, **options: Any) -> Comparison:
    defaults = {"dataset": "brats", "data": place / "data", "out": place / "out", "runtime": "torch", "cost": False}
    return compare([str(place / n) for n in names], **{"n_boot": 100, **defaults, **options})


@pytest.fixture(scope="module")
def result(place: Path) -> Comparison:
    return run(place, "a", "b")


@pytest.fixture(scope="module")
def stored(place: Path, result: Comparison) -> Callable[..., str]:
    """Return a function that writes a changed copy of the evaluation of ``a`` and returns its path."""
    file = next((place / "out" / "evaluations").glob("a-*.json"))

    def write(name: str, change: Callable[[dict[str, Any]], object] = lambda content: None) -> str:
        content = json.loads(file.read_text())
        change(content)
        (place / f"{name}.json").write_text(json.dumps(content))
        return f"{name}.json"

    return write


def test_pairs_follow_from_the_cases(result: Comparison) -> None:
    pair = next(p for p in result.pairs if (p["metric"], p["region"]) == ("dice", "WT"))
    rows = [r for r in result.cases if (r["metric"], r["region"]) == ("dice", "WT")]
    difference = [r["values"]["a"] - r["values"]["b"] for r in rows]
    assert len(rows) == pair["n"] == pair["n_patients"] == 4
    assert pair["difference"] == pytest.approx(np.mean(difference))
    assert (pair["wins"], pair["losses"]) == (sum(d > 0 for d in difference), sum(d < 0 for d in difference))
    assert pair["n_tests"] == 5 and pair["p_holm"] >= pair["p"], "five regions are tested"
    scores = {s["run"]: s for s in result.scores if (s["metric"], s["region"], s["unit"]) == ("dice", "WT", "patient")}
    assert scores["a"]["mean"] - scores["b"]["mean"] == pytest.approx(pair["difference"])
    assert {r["run"] for r in result.tumour_free} == {"a", "b"}
    assert result.conditions["n_cases"] == 4
    json.dumps(result.to_json(), allow_nan=False)


def test_a_run_against_itself_ties(place: Path, stored: Callable[..., str]) -> None:
    same = run(place, stored("x"), stored("y"))
    assert {(p["wins"], p["losses"]) for p in same.pairs} == {(0, 0)}
    assert {p["p_holm"] for p in same.pairs} == {1.0}


def test_a_repeated_comparison_computes_nothing(
    place: Path, result: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(candidates, "evaluate_cases", fail)
    monkeypatch.setattr(candidates, "check_overlap", fail)
    again = run(place, "a", "b")
    assert again.to_json() == result.to_json()
    with pytest.raises(AssertionError, match="computed again"):
        run(place, "a", "b", cases=("C1", "C2"))


def test_changed_data_or_weights_are_scored_again(place: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(2):
        write_case(data, f"C{number}", number)
    run(place, "a", "b", data=data, out=tmp_path / "out", cases=("C0", "C1"))
    before = set((tmp_path / "out" / "evaluations").iterdir())
    write_case(tmp_path / "new", "C0", 9)
    (tmp_path / "new" / "C0" / "C0_flair.nii.gz").replace(data / "C0" / "C0_flair.nii.gz")
    run(place, "a", "b", data=data, out=tmp_path / "out", cases=("C0", "C1"))
    assert len(set((tmp_path / "out" / "evaluations").iterdir()) - before) == 2


def drop_case(content: dict[str, Any]) -> None:
    content["cases"].pop()


def other_reference(content: dict[str, Any]) -> None:
    content["cases"][0]["WT"]["reference"] = "0" * 16


def slice_wise(content: dict[str, Any]) -> None:
    content["conditions"]["split_unit"] = "slice (patients leak)"


def overlapping(content: dict[str, Any]) -> None:
    content["conditions"]["overlap"] = ["C1"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (drop_case, InputError, "same cases"),
        (other_reference, InputError, "another reference mask of WT in case C0"),
        (slice_wise, InputError, "unit of split"),
        (overlapping, LeakError, "not seen"),
    ],
)
def test_unfair_comparisons_are_refused(
    place: Path, stored: Callable[..., str], change: Callable[..., None], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(place, stored("good"), stored("bad", change))


def test_overlap_goes_on_only_on_request_and_is_printed_on_every_score(place: Path, stored: Callable[..., str]) -> None:
    told = run(place, stored("good"), stored("bad", overlapping), allow_overlap=True)
    assert all("bad: 1 of 4 cases trained it" in s["note"] for s in told.scores)
    assert "note: bad" in told.render()


def test_cases_that_trained_a_bundle_are_refused(place: Path, tmp_path: Path) -> None:
    case = next(c for c in DATASETS.load("brats").discover(place / "data") if c.id == "C2")
    make_bundle(place / "leaky", hashes=tuple(case_hashes(case.loaded())))
    with pytest.raises(LeakError, match="C2"):
        run(place, "a", "leaky", out=tmp_path)


def test_runs_of_different_protocols_are_refused_before_anything_is_scored(place: Path, tmp_path: Path) -> None:
    bundle = make_bundle(place / "slicewise")
    content = json.loads((bundle.folder / "bundle.json").read_text())
    content["training"]["split"]["unit"] = "slice"
    (bundle.folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(LeakError, match="a: patient; slicewise: slice"):
        run(place, "a", "slicewise", out=tmp_path)
    assert not list(tmp_path.rglob("*.json"))
    told = run(place, "a", "slicewise", out=tmp_path, allow_overlap=True, cases=("C0",))
    assert all("not a fair comparison" in s["note"] for s in told.scores)


def test_arguments_must_say_what_to_compare(place: Path, stored: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match="two runs"):
        run(place, "a")
    with pytest.raises(UsageError, match="--dataset"):
        run(place, "a", "b", dataset=None)
    with pytest.raises(UsageError, match="train"):
        run(place, "a", "nothing")
    with pytest.raises(UsageError, match="twice"):
        run(place, "a", "a")
    (place / "wrong.json").write_text("[]")
    with pytest.raises(InputError, match="JSON file of tumorscope evaluate"):
        run(place, "wrong.json", stored("good"))


def test_own_validation_cases_stand_beside_the_test_cases(place: Path, tmp_path: Path) -> None:
    bundle = make_bundle(place / "validated")
    split = Split(dataset="brats", unit="patient", seed=0, parts={"train": ["C3"], "val": ["C2"], "test": ["C0", "C1"]})
    content = json.loads((bundle.folder / "bundle.json").read_text())
    content["training"]["split"] = split.model_dump(mode="json")
    (bundle.folder / "bundle.json").write_text(json.dumps(content))
    both = run(place, "validated", "b", cases=("C0", "C1"), validation=True, out=tmp_path / "out")
    assert {s["run"] for s in both.validation} == {"validated"}, "b records no validation part"
    val = next(s for s in both.validation if (s["metric"], s["region"], s["unit"]) == ("dice", "WT", "patient"))
    assert val["n"] == 1 and "not a test score" in both.render()


def test_cost_is_measured(place: Path) -> None:
    task = {"bundle": str(place / "a"), "dataset": "brats", "data": str(place / "data"), "split": None, "part": "test"}
    found = _measure({**task, "cases": ["C0", "C1"], "runtime": "torch", "device": "cpu", "tta": True})
    assert found["inputs_per_case"] == 12, "six slices, and mirrored"
    assert found["cases_timed"] == 1 and found["seconds_per_case"] > 0 < found["processor_seconds_per_case"]
    assert 50 < found["peak_memory_mb"] < 8000


def test_cost_and_report_from_the_command_line(
    place: Path, tmp_path: Path, stored: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["compare", f"first={place / stored('x')}", str(place / stored("y"))]
    words += ["-o", str(tmp_path / "out"), "--report", str(tmp_path / "out.html"), "--json", str(tmp_path / "out.json")]
    assert main(words) == 0
    content = json.loads((tmp_path / "out.json").read_text())
    assert [r["name"] for r in content["runs"]] == ["first", "y"]
    html = (tmp_path / "out.html").read_text()
    assert html.count("data:image/png;base64,") == 4 and "Research use only" in html
    assert not re.search(r'(src|href)="(?!data:)', html), "everything is inside"
    assert main(["compare", str(place / "x.json"), str(place / "nothing"), "-o", str(tmp_path / "out")]) == 64


def test_stored_costs_stand_beside_parameters_and_operations(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {
        "seconds_per_case": 1.0,
        "seconds_range": [1.0, 2.0],
        "processor_seconds_per_case": 1.5,
        "inputs_per_case": 6.0,
        "peak_memory_mb": 300.0,
        "cases_timed": 3,
        "runtime": "torch",
        "machine": "2 cores",
    }
    monkeypatch.setattr("tumorscope.workflows.case_cost.measure_cost", lambda *_, **__: dict(measured))
    found = run(place, "a", "b", cost=True)
    cost = found.costs[0]
    assert cost["input_shape"] == [2, 32, 32] and cost["parameters"] > 0
    assert cost["flops_per_case"] == 6 * cost["flops"] > 0
    assert "1.00 (1.00 to 2.00, 3)" in found.render()


def test_the_footer_names_the_family_of_tests_and_says_when_patients_are_too_few(result: Comparison) -> None:
    pair = next(p for p in result.pairs if (p["metric"], p["region"]) == ("dice", "WT"))
    assert pair["p_least"] == pytest.approx(5 * 2 / 2**4), "four patients, five tests"
    text = result.render()
    assert "within one metric only: over its pairs of runs and regions (5 tests), not over metrics" in text
    assert "cannot be below 0.625" in text
    assert "the two-sided test of 4 patients cannot give less than 2 / 2^n, 0.125 at n = 4" in text


def test_enough_patients_need_no_such_words(result: Comparison) -> None:
    many = replace(result, pairs=[{**p, "n_patients": 30, "p_least": 5 * 2.0**-29} for p in result.pairs])
    assert "cannot" not in many.render() and "Too few" not in many.render()


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        (("C0", "C1"), "on 1 case, after one that warms up"),
        (("C0",), "on 1 case, without one to warm up"),
        ((), "on 3 cases, after one that warms up"),
    ],
)
def test_the_announced_cases_are_those_timed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cases: tuple[str, ...], words: str
) -> None:
    def measured(*_: object, cases: list[str], **__: object) -> dict[str, Any]:
        return {"cases_timed": len(cases[1:] or cases), "inputs_per_case": 6.0}

    monkeypatch.setattr(case_cost, "measure_cost", measured)
    said: list[str] = []
    cohort = Cohort(DATASETS.load("brats"), place / "data", None, None, "test", [], "torch", "cpu", False)
    found = find_cases(cohort.dataset, cohort.data, names=cases)
    a = candidates.read_candidates([str(place / "a"), str(place / "b")])[0]
    cost = case_cost.run_cost(a, replace(cohort, cases=found), tmp_path, measure=True, echo=said.append)
    assert words in said[0] and f"on {cost['cases_timed']} case" in said[0]


def test_the_id_of_a_case_takes_its_slices_and_a_wrong_one_gets_an_example(place: Path) -> None:
    source, ids = DATASETS.load("brats"), [f"C{c}_z{z:03d}" for c in range(4) for z in range(6)]
    split = Split(dataset="brats", unit="slice", seed=0, parts={"train": ids[::2], "val": [], "test": ids[1::2]})
    found = find_cases(source, place / "data", split, "test", ["C1", "C2_z003"])
    assert [c.id for c in found] == ["C1_z001", "C1_z003", "C1_z005", "C2_z003"]
    with pytest.raises(
        InputError, match=r"12 slices found in part 'test', e\.g\. 'C0_z001' or 'C0'; found C1_z000, C9"
    ):
        find_cases(source, place / "data", split, "test", ["C9", "C1_z000", "C2"])
    with pytest.raises(InputError, match=r"ids out of the 4 cases found, e\.g\. 'C0'; found C9"):
        find_cases(source, place / "data", names=["C9"])
