"""Classifiers side by side: numbers by hand, refusals, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorscope.cli.main import main
from tumorscope.core.errors import InputError
from tumorscope.metrics.paired_types import paired_types
from tumorscope.metrics.type_scores import TypeAnswers, type_scores
from tumorscope.report.type_comparison import TypeComparison
from tumorscope.report.type_evaluation import TypeEvaluation
from tumorscope.workflows.compare import compare, write_report

NAMES = ("glioma", "meningioma", "no tumor")
TRUTH = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])


def answers(said: list[int], names: tuple[str, ...] = NAMES) -> TypeAnswers:
    p = np.full((len(TRUTH), 3), 0.1)
    p[np.arange(len(TRUTH)), said] = 0.8
    return TypeAnswers(names, TRUTH, p, [f"g{i // 2}" for i in range(len(TRUTH))])


GOOD = answers([0, 0, 0, 1, 1, 1, 2, 2, 2, 0])
POOR = answers([1, 1, 1, 1, 1, 0, 2, 2, 2, 2])


def stored(place: Path, name: str, found: TypeAnswers, **conditions: Any) -> str:
    facts = {"dataset": "four_class", "split_unit": "group", "part": "test", "overlap": [], "resampled": "group"}
    cases = [f"c{i}" for i in range(len(TRUTH))]
    result = TypeEvaluation(type_scores(found, n_boot=20), found, cases, [None] * len(cases), 0.5, facts | conditions)
    (place / f"{name}.json").write_text(json.dumps(result.to_json()))
    return str(place / f"{name}.json")


def test_accuracy_of_no_answer_is_not_defined() -> None:
    silent = TypeEvaluation(type_scores(GOOD, n_boot=20), GOOD, [str(i) for i in range(10)], [2.0] * 10, 0.5, {})
    assert silent.given["answers given"] == 0 and silent.given["accuracy of answers given"] is None
    assert "accuracy of answers given: not defined" in silent.render()


def test_pairs_by_hand() -> None:
    pair = paired_types(GOOD, POOR, n_boot=200)
    assert (pair.first_only, pair.second_only, pair.both, pair.neither) == (4, 1, 5, 0)
    assert pair.differences["accuracy"] == pytest.approx(0.3)
    assert pair.p == pytest.approx(2 * (1 + 5) / 32)
    low, high = pair.intervals["accuracy"]
    assert low is not None and high is not None and low <= 0.3 <= high
    same = paired_types(GOOD, GOOD, n_boot=20)
    assert same.p == 1 and same.differences["macro_f1"] == 0 and same.intervals["ece"] == (0, 0)


def test_other_pictures_are_no_pair() -> None:
    with pytest.raises(InputError, match="same pictures"):
        paired_types(GOOD, GOOD.take(np.arange(5)))


def test_stored_evaluations_side_by_side(tmp_path: Path) -> None:
    other = TypeAnswers(NAMES[::-1], 2 - TRUTH, POOR.probabilities[:, ::-1], POOR.groups)
    runs = [stored(tmp_path, "good", GOOD), stored(tmp_path, "poor", other)]
    result = compare(runs, out=tmp_path / "out", n_boot=50)
    assert isinstance(result, TypeComparison)
    (pair,) = result.pairs
    assert (pair["first_only"], pair["second_only"]) == (4, 1)
    text = result.render()
    assert "4 / 1 / 5 / 0" in text and "McNemar" in text and "macro f1" in text
    report = write_report(result, tmp_path / "out.html").read_text()
    assert "Paired differences" in report and "good" in report


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [stored(tmp_path, "good", GOOD), stored(tmp_path, "poor", POOR)]
    assert main(["compare", *runs, "-o", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"][0]["differences"]["accuracy"] == pytest.approx(0.3)
    assert found["cases"][0]["answers"] == {"good": "glioma", "poor": "meningioma"}


def test_other_parts_and_other_tasks_are_refused(tmp_path: Path) -> None:
    runs = [stored(tmp_path, "good", GOOD), stored(tmp_path, "poor", POOR, part="val")]
    with pytest.raises(InputError, match="part of the split"):
        compare(runs, out=tmp_path / "out")
    content = json.loads(Path(runs[0]).read_text())
    del content["confusion"]
    (tmp_path / "masks.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="one task"):
        compare([runs[0], str(tmp_path / "masks.json")], out=tmp_path / "out")
