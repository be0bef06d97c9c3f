"""What the judged papers print, computed like with like: known answers and the identities behind the trap rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.labels import BINARY, BRATS, BRATS_2015, BRATS_2023, BRATS_2024
from tumorscope.metrics import (
    METRICS,
    PAPER_METRICS,
    CaseScore,
    EmptyPolicy,
    Score,
    Unit,
    aggregate,
    probability_sums,
    render_scores,
    score_case,
    tumour_free,
)

NAMES = "background + NCR/NET + ED + ET"


def label_map(seed: int, shape: tuple[int, int, int] = (12, 11, 6), share: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 1, 2, 4], size=shape, p=[1 - share, share / 3, share / 3, share / 3]).astype(np.uint8)
    labels[..., 0] = 0
    return labels


def scored(pred: np.ndarray, ref: np.ndarray, **options: object) -> CaseScore:
    defaults = {"case": "a", "regions": ("WT", "TC", "ET"), "scheme": BRATS, "metrics": PAPER_METRICS}
    return score_case(pred, ref, **(defaults | options))  # type: ignore[arg-type]


def table(cases: list[CaseScore], unit: Unit, policy: EmptyPolicy = EmptyPolicy.BRATS) -> dict[str, Score]:
    found = aggregate(cases, metrics=PAPER_METRICS, units=(unit,), policies=(policy,), n_boot=50)
    return {s.metric: s for s in found if not METRICS[s.metric].of_region}


def test_pooled_scores_agree_with_scikit_learn() -> None:
    pred, ref = label_map(1), label_map(2)
    ours = table([scored(pred, ref)], Unit.POOLED)
    truth, found = ref.ravel(), pred.ravel()
    assert ours["global_accuracy"].mean == pytest.approx(sk.accuracy_score(truth, found))
    assert ours["mean_accuracy"].mean == pytest.approx(sk.balanced_accuracy_score(truth, found))
    assert ours["mean_iou_with_background"].mean == pytest.approx(sk.jaccard_score(truth, found, average="macro"))
    assert ours["fw_iou"].mean == pytest.approx(sk.jaccard_score(truth, found, average="weighted"))
    assert ours["mean_dice_with_background"].mean == pytest.approx(sk.f1_score(truth, found, average="macro"))
    tumour = {"labels": [1, 2, 4], "average": "macro"}
    assert ours["mean_iou"].mean == pytest.approx(sk.jaccard_score(truth, found, **tumour))
    assert ours["mean_dice"].mean == pytest.approx(sk.f1_score(truth, found, **tumour))
    assert ours["mean_iou_with_background"].region == NAMES
    assert ours["mean_iou"].region == "NCR/NET + ED + ET"
    assert ours["mean_iou"].reduction.startswith("macro")


def test_pooling_with_background_turns_precision_and_sensitivity_into_accuracy() -> None:
    """S2-50, S4-57: with one label per voxel all three are one number, and specificity follows from it."""
    ours = table([scored(label_map(3), label_map(4))], Unit.POOLED)
    accuracy = ours["global_accuracy"].mean
    assert accuracy is not None
    assert ours["micro_precision"].mean == ours["micro_sensitivity"].mean == accuracy
    assert ours["micro_specificity"].mean == pytest.approx(1 - (1 - accuracy) / 3)
    assert pytest.approx(0.9979, abs=2e-4) == 1 - (1 - 0.9935) / 3, "S2-47 and S2-50 fit this formula"


def test_mean_iou_with_background_can_exceed_the_dice_of_the_tumour() -> None:
    """S1-18, S2-48: the pair the papers print is of two different class sets."""
    ref, pred = np.zeros((20, 20, 1), dtype=np.uint8), np.zeros((20, 20, 1), dtype=np.uint8)
    ref[4:8, 4:8], pred[4:8, 6:10] = 1, 1
    case = scored(pred, ref, regions=("tumor",), scheme=BINARY)
    ours = table([case], Unit.IMAGE)
    dice = next(s.mean for s in aggregate([case], metrics=["dice"], units=(Unit.IMAGE,), n_boot=10))
    assert dice == 0.5
    assert ours["mean_iou_with_background"].mean == pytest.approx((1 / 3 + 376 / 392) / 2)
    assert ours["mean_iou_with_background"].mean > 0.5 > ours["mean_iou"].mean == pytest.approx(1 / 3)  # type: ignore[operator]
    assert ours["global_accuracy"].all_empty == pytest.approx(384 / 400)


def test_absent_classes_follow_the_policy() -> None:
    ref = np.where(label_map(5) == 4, 0, label_map(5))
    case = scored(ref, ref)
    assert table([case], Unit.PATIENT)["mean_dice"].mean == 1
    assert table([case], Unit.PATIENT, EmptyPolicy.SKIP_BOTH_EMPTY)["mean_dice"].mean == 1
    wrong = ref.copy()
    wrong[0, 0, 1] = 4
    values = {p: table([scored(wrong, ref)], Unit.PATIENT, p)["mean_dice"].mean for p in EmptyPolicy}
    assert values[EmptyPolicy.BRATS] == pytest.approx(values[EmptyPolicy.SKIP_BOTH_EMPTY])
    assert values[EmptyPolicy.BRATS] < 0.7 < values[EmptyPolicy.POSITIVES_ONLY], "ET is not in the reference"  # type: ignore[operator]


def test_slices_without_tumour_count_as_the_policy_says() -> None:
    ref = label_map(6)
    case = scored(ref, ref)
    every = table([case], Unit.SLICE, EmptyPolicy.BOTH_EMPTY_ONE)["mean_iou"]
    positive = table([case], Unit.SLICE, EmptyPolicy.POSITIVES_ONLY)["mean_iou"]
    assert (every.n, every.n_excluded, positive.n, positive.n_excluded) == (6, 0, 5, 1)
    alone = table([case], Unit.SLICE, EmptyPolicy.BOTH_EMPTY_ONE)["global_accuracy"]
    assert alone.all_empty == pytest.approx(np.mean(ref == 0))


def test_schemes_are_brought_to_the_one_that_says_less() -> None:
    older = label_map(7).copy()
    older[0, 0, 1:3] = 3
    assert scored(label_map(7), older, scheme=BRATS_2015, pred_scheme=BRATS).classes == ("NCR/NET", "ED", "ET")
    new = np.where(label_map(7) == 4, 3, label_map(7))
    binary = scored(
        (new > 0).astype(np.uint8), new, scheme=BRATS_2023, pred_scheme=BINARY, regions={"WT": ("tumor", "WT")}
    )
    assert binary.classes == ("tumor",)
    assert table([binary], Unit.PATIENT)["global_accuracy"].mean == 1
    empty = np.zeros_like(new)
    nothing = scored(new, empty, scheme=BINARY, pred_scheme=BRATS_2023, regions={"tumor": ("WT", "tumor")})
    assert nothing.classes == ("tumor",), "an empty reference has the same classes as any other"
    with pytest.raises(LabelError):
        scored(new, np.where(new == 3, 4, new), scheme=BRATS_2024, pred_scheme=BRATS_2023)
    with pytest.raises(InputError, match="different classes"):
        aggregate([binary, scored(new, new, case="b", scheme=BRATS_2023, regions=("WT",))], metrics=["mean_iou"])


def test_mse_is_the_brier_score_and_rounding_differs_from_argmax() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, size=(9, 8, 3))
    logits = rng.normal(size=(4, 9, 8, 3)) + 1.5 * np.moveaxis(np.eye(4)[truth], -1, 0)
    p = np.exp(logits) / np.exp(logits).sum(axis=0)
    maps = {name: p[k].astype(np.float32) for k, name in ((1, "NCR/NET"), (2, "ED"), (3, "ET"))}
    sums = probability_sums(
        maps, {name: truth == k for k, name in ((1, "NCR/NET"), (2, "ED"), (3, "ET"))}, exclusive=True
    )
    assert sums.channels == ("background", "NCR/NET", "ED", "ET")
    total = sums.slices.sum(axis=0)
    one_hot = np.moveaxis(np.eye(4)[truth], -1, 0)
    assert METRICS["mse"].from_probabilities(total) == pytest.approx(np.mean((p - one_hot) ** 2), abs=1e-6)  # type: ignore[misc]
    rounded = p >= 0.5
    tp = np.sum(rounded & (one_hot > 0))
    assert METRICS["rounded_precision"].from_probabilities(total) == pytest.approx(tp / rounded.sum())  # type: ignore[misc]
    assert METRICS["rounded_sensitivity"].from_probabilities(total) == pytest.approx(tp / truth.size)  # type: ignore[misc]
    argmax = np.mean(p.argmax(axis=0) == truth)
    assert tp / rounded.sum() > argmax > tp / truth.size, "voxels without any p ≥ 0.5 raise precision above sensitivity"


def test_nested_channels_have_no_background() -> None:
    mask = np.zeros((4, 4, 2), dtype=bool)
    maps = {"WT": np.full(mask.shape, 0.5, np.float32), "ET": np.zeros(mask.shape, np.float32)}
    sums = probability_sums(maps, {"WT": mask, "ET": mask}, exclusive=False)
    assert sums.channels == ("WT", "ET")
    assert METRICS["mse"].from_probabilities(sums.slices.sum(axis=0)) == pytest.approx(0.125)  # type: ignore[misc]
    with pytest.raises(GeometryError):
        probability_sums(maps, {"WT": mask}, exclusive=False)


def test_table_and_row_carry_them_with_a_warning() -> None:
    case = scored(label_map(8), label_map(9))
    row = case.row(EmptyPolicy.BRATS, PAPER_METRICS)
    classes = row["classes"]
    assert isinstance(classes, dict) and classes["mse"] is None and 0 < classes["fw_iou"] < 1
    text = render_scores(aggregate([case], metrics=["fw_iou", "global_accuracy"], n_boot=20))
    assert "Scores with background mislead" in text and "Sensitivity" in text and NAMES in text
    alone = [s for s in aggregate([case], metrics=["fw_iou"], n_boot=20) if s.metric == "fw_iou"]
    with pytest.raises(InputError, match="beside fw_iou"):
        render_scores(alone)


def test_the_reference_is_recognised_whatever_was_predicted() -> None:
    ref = label_map(10)
    first, second, other = scored(ref, ref), scored(np.zeros_like(ref), ref), scored(ref, np.roll(ref, 1, axis=0))
    assert [r.reference for r in first.regions.values()] == [r.reference for r in second.regions.values()]
    assert all(first.regions[n].reference != other.regions[n].reference for n in first.regions)
    assert len({r.reference for r in first.regions.values()}) == 3
    empty = scored(ref, np.zeros_like(ref)), scored(np.zeros_like(ref), np.zeros_like(ref))
    assert empty[0].regions["WT"].reference == empty[1].regions["WT"].reference


def test_false_alarms_on_tumour_free_slices() -> None:
    ref, pred = (np.zeros((10, 10, 5), dtype=np.uint8) for _ in range(2))
    ref[2:4, 2:4, 1] = pred[2:4, 2:4, 1] = 1
    pred[0:2, 0:2, 2], pred[5, 5, 3] = 1, 1
    options = {"regions": ("tumor",), "scheme": BINARY, "spacing": (1.0, 1.0, 5.0)}
    alarm = scored(pred, ref, case="a", **options)
    clean = scored(ref, ref, case="b", **options)
    result = tumour_free([alarm, clean], n_boot=200)[0]
    assert (result.n, result.n_patients, result.n_alarms) == (8, 2, 2)
    assert result.rate == 0.25
    assert result.mean_px == pytest.approx(5 / 8) and result.mean_px_alarm == pytest.approx(2.5)
    assert result.mean_ml == pytest.approx(5 / 8 * 0.005)
    low, high = result.ci95
    assert low == 0 and high == 0.5
    none = tumour_free([clean], n_boot=10)[0]
    assert none.rate == 0 and none.ci95 == pytest.approx((0, 0.975)), "one patient without alarm proves little"
    pixels = tumour_free([scored(pred, ref, spacing_known=False, **{**options, "spacing": (1, 1, 1)})], n_boot=10)[0]
    assert pixels.mean_ml is None and "ml" not in pixels.line
    full = tumour_free([scored(np.ones((3, 3, 2), np.uint8), np.ones((3, 3, 2), np.uint8), **options)], n_boot=10)[0]
    assert (full.n, full.rate, full.mean_px) == (0, None, None) and "every slice" in full.line
    assert not any(isinstance(v, float) and math.isnan(v) for v in full.to_json().values())


@pytest.mark.parametrize("exclusive", [True, False])
def test_probabilities_where_nobody_labelled_are_in_no_sum(exclusive: bool) -> None:
    rng = np.random.default_rng(5)
    maps = {"tumor": rng.random((6, 4, 3)).astype(np.float32)}
    masks = {"tumor": rng.random((6, 4, 3)) < 0.4}
    known = np.zeros((6, 4, 3), bool)
    known[2:, :, 1:] = True
    found = probability_sums(maps, masks, exclusive=exclusive, known=known)
    cut = ({n: a[2:, :, 1:] for n, a in arrays.items()} for arrays in (maps, masks))
    wanted = probability_sums(*cut, exclusive=exclusive)
    assert found.channels == wanted.channels
    np.testing.assert_allclose(found.slices, wanted.slices, rtol=1e-6)
