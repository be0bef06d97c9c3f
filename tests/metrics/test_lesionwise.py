import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.errors import InputError
from tumorscope.core.labels import BINARY, BRATS_2023
from tumorscope.metrics import (
    LESION_METRICS,
    METRICS,
    EmptyPolicy,
    Unit,
    aggregate,
    count,
    match_lesions,
    render_scores,
    score_case,
)

ROOT = Path(__file__).parents[2] / "benchmarks"
STORED = json.loads((ROOT / "results" / "lesionwise.json").read_text(encoding="utf-8"))


def _made(seed):
    spec = importlib.util.spec_from_file_location("lesionwise_check", ROOT / "lesionwise_check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make(seed)


def _value(name, match):
    return METRICS[name].from_lesions(match)


@pytest.mark.parametrize("seed", sorted(map(int, STORED["brats_2023"])))
def test_equal_to_the_code_of_brats_2023_and_of_brats_evaluation(seed):
    """What the two packages gave for the same masks is stored; benchmarks/lesionwise_check.py made it."""
    pred, ref, spacing = _made(seed)
    for region in ("WT", "TC", "ET"):
        masks = BRATS_2023.mask(pred, region), BRATS_2023.mask(ref, region)
        match, old = match_lesions(*masks, spacing), STORED["brats_2023"][str(seed)][region]
        assert match.to_json() == {k: old[f"Num_{k.upper()}"] for k in ("tp", "fn", "fp")}
        assert _value("lesionwise_dice", match) == pytest.approx(old["LesionWise_Score_Dice"], abs=1e-9)
        assert _value("lesionwise_hd95", match) == pytest.approx(old["LesionWise_Score_HD95"], abs=1e-5)
        counts = count(*masks).to_array()[None]
        if masks[0].any() or masks[1].any():
            assert METRICS["dice"].from_counts(counts)[0] == pytest.approx(old["Legacy_Dice"])
            assert METRICS["specificity"].from_counts(counts)[0] == pytest.approx(old["Specificity"])
        if masks[1].any():
            assert METRICS["sensitivity"].from_counts(counts)[0] == pytest.approx(old["Sensitivity"])
        new = STORED["brats_evaluation"][str(seed)][region]
        if masks[0].any() and masks[1].any():
            assert METRICS["dice"].from_counts(counts)[0] == pytest.approx(new["global_bin_dsc"], abs=1e-6)


def _ball(shape, centre, radius):
    return sum((g - c) ** 2 for g, c in zip(np.indices(shape), centre, strict=True)) <= radius**2


def test_a_missed_and_an_invented_lesion_count_like_a_large_one():
    shape = (60, 40, 40)
    ref = _ball(shape, (14, 20, 20), 10) | _ball(shape, (44, 10, 10), 3)
    pred = _ball(shape, (14, 20, 20), 10) | _ball(shape, (44, 32, 32), 3)
    match = match_lesions(pred, ref)
    assert match.to_json() == {"tp": 1, "fn": 1, "fp": 1}
    assert _value("lesionwise_dice", match) == pytest.approx(1 / 3)
    assert _value("lesionwise_hd95", match) == pytest.approx(2 * 374 / 3)
    assert _value("lesion_f1", match) == pytest.approx(0.5)
    assert METRICS["dice"].from_counts(count(pred, ref).to_array()) > 0.95, "the whole-region score hides both"


def test_satellites_belong_to_their_lesion_and_specks_do_not_count():
    shape = (60, 40, 40)
    ref = _ball(shape, (20, 20, 20), 8) | _ball(shape, (20, 20, 32), 2)  # 2 voxels apart: one lesion
    assert match_lesions(ref, ref).to_json() == {"tp": 1, "fn": 0, "fp": 0}
    speck = _ball(shape, (50, 10, 10), 1)
    assert match_lesions(ref & ~speck, ref | speck).to_json() == {"tp": 1, "fn": 0, "fp": 0}
    assert match_lesions(ref, ref | speck, (3, 3, 3)).to_json() == {"tp": 1, "fn": 1, "fp": 0}, "limit in mm³"


def test_empty_masks():
    nothing, ball = np.zeros((20, 20, 20), bool), _ball((20, 20, 20), (10, 10, 10), 5)
    values = {
        pair: [_value(n, match_lesions(*masks)) for n in ("lesionwise_dice", "lesionwise_hd95", "lesion_f1")]
        for pair, masks in {"both": (nothing, nothing), "ref": (nothing, ball), "pred": (ball, nothing)}.items()
    }
    assert values == {"both": [1, 0, 1], "ref": [0, 374, 0], "pred": [0, 374, 0]}


def test_scores_of_cases_with_their_all_empty_baseline():
    cases = []
    for k in range(3):
        ref = _ball((30, 30, 30), (15, 15, 15), 6 if k else 0)
        if not k:
            ref[:] = False
        pred = _ball((30, 30, 30), (15, 15, 15 + k), 6) if k else ref
        cases.append(
            score_case(
                pred.astype(np.uint8), ref.astype(np.uint8), case=f"c{k}", regions=["tumor"], scheme=BINARY,
                metrics=LESION_METRICS,
            )
        )  # fmt: skip
    scores = {
        s.metric: s
        for s in aggregate(cases, metrics=LESION_METRICS, units=(Unit.PATIENT, Unit.POOLED))
        if s.unit is Unit.PATIENT
    }
    assert scores["lesionwise_dice"].n == 3 and scores["lesionwise_dice"].mean == pytest.approx(scores["dice"].mean)
    assert scores["lesionwise_dice"].all_empty == pytest.approx(1 / 3)
    assert scores["lesionwise_hd95"].all_empty == pytest.approx(2 * 374 / 3)
    assert scores["lesionwise_hd95"].length_unit == "mm"
    assert cases[1].row(EmptyPolicy.BRATS, LESION_METRICS)["tumor"]["lesions"] == {"tp": 1, "fn": 0, "fp": 0}
    assert "Lesion-wise Dice (BraTS 2023)" in render_scores(list(scores.values()))


def test_sparse_labels_have_no_lesions():
    ref = np.zeros((6, 6, 6), np.uint8)
    known = np.ones(ref.shape, bool)
    known[0] = False
    with pytest.raises(InputError, match="lesionwise_dice"):
        score_case(ref, ref, case="a", regions=["tumor"], scheme=BINARY, metrics=["lesionwise_dice"], known=known)
