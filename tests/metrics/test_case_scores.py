"""From label maps to scores and the printed table."""

from __future__ import annotations

import json
import pickle
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.core.errors import GeometryError, InputError, LabelError, UsageError
from tumorscope.core.labels import BINARY, BRATS, BRATS_2023
from tumorscope.metrics import (
    METRICS,
    CaseScore,
    EmptyPolicy,
    ImpossibleScoreError,
    Unit,
    aggregate,
    count_slices,
    render_scores,
    score_case,
    surface_values,
)

REGIONS = ("WT", "TC", "ET")


def tumour(shift: int = 0, enhancing: int = 4, shape: tuple[int, int, int] = (24, 24, 10)) -> np.ndarray:
    labels = np.zeros(shape, dtype=np.uint8)
    labels[4 + shift : 18 + shift, 4:18, 2:8] = 2
    labels[6 + shift : 12 + shift, 6:12, 3:7] = 1
    labels[8 + shift : 12 + shift, 8:12, 3:7] = enhancing
    return labels


def scored(name: str, pred: np.ndarray, ref: np.ndarray, **options: object) -> CaseScore:
    return score_case(pred, ref, case=name, **({"regions": REGIONS, "scheme": BRATS} | options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cases() -> list[CaseScore]:
    """Four cases of three patients; in the last the reference has no enhancing tumour."""
    no_et = np.where(tumour() == 4, 1, tumour())
    return [
        scored("a1", tumour(1), tumour(), patient="a"),
        scored("a2", tumour(2), tumour(), patient="a"),
        scored("b", tumour(), tumour()),
        scored("c", no_et, no_et),
    ]


def test_row_of_a_case() -> None:
    row = scored("a", tumour(1), tumour(), spacing=(2.0, 1.0, 1.0)).row(EmptyPolicy.BRATS, slices=True)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert (row["case"], row["patient"], row["length_unit"]) == ("a", "a", "mm")
    wt = row["WT"]
    assert isinstance(wt, dict)
    assert (wt["tp"], wt["fp"], wt["fn"]) == (13 * 14 * 6, 14 * 6, 14 * 6)
    assert wt["dice"] == pytest.approx(13 / 14)
    assert wt["hd95"] == pytest.approx(2)
    assert np.sum(wt["slices"], axis=0).tolist() == [wt[k] for k in ("tp", "fp", "fn", "tn")]
    assert len(wt["slices"]) == 10


def test_other_conventions_and_names() -> None:
    two_schemes = scored("a", tumour(enhancing=3), tumour(), pred_scheme=BRATS_2023)
    assert all(r.counts.fp == r.counts.fn == 0 for r in two_schemes.regions.values())
    binary = scored("a", (tumour() > 0).astype(np.uint8), tumour(), pred_scheme=BINARY, regions={"WT": ("tumor", "WT")})
    row = binary.row(EmptyPolicy.BRATS)
    assert row["WT"]["dice"] == 1  # type: ignore[index]
    assert scored("a", tumour().astype(float), tumour()).row(EmptyPolicy.BRATS)["ET"]["hd95"] == 0  # type: ignore[index]


def test_without_spacing_lengths_are_pixels() -> None:
    result = scored("a", tumour(2), tumour(), spacing=(3.0, 3.0, 3.0), spacing_known=False)
    assert result.length_unit == "px"
    assert result.row(EmptyPolicy.BRATS)["WT"]["hd95"] == pytest.approx(2)  # type: ignore[index]


def test_policy_decides_the_row() -> None:
    missed = scored("a", np.where(tumour() == 4, 1, tumour()), tumour())

    def et(policy: EmptyPolicy) -> dict[str, float]:
        return missed.row(policy)["ET"]  # type: ignore[return-value]

    assert (et(EmptyPolicy.BRATS)["dice"], et(EmptyPolicy.BRATS)["hd95"]) == (0, pytest.approx(373.1287))
    assert et(EmptyPolicy.SKIP_BOTH_EMPTY)["hd95"] is None
    assert et(EmptyPolicy.POSITIVES_ONLY)["hd95"] == pytest.approx(np.sqrt(24**2 + 24**2 + 10**2))


def test_surfaces_are_measured_only_when_asked() -> None:
    result = scored("a", tumour(), tumour(), metrics=["dice"])
    assert result.regions["WT"].surface == {}
    assert "hd95" not in result.row(EmptyPolicy.BRATS)["WT"]  # type: ignore[operator]
    assert [s.metric for s in aggregate([result], n_boot=10)].count("hd95") == 0


def test_case_scores_cross_process_borders(cases: list[CaseScore]) -> None:
    copy = pickle.loads(pickle.dumps(cases[0]))
    assert copy.row(EmptyPolicy.BRATS) == cases[0].row(EmptyPolicy.BRATS)


@pytest.mark.parametrize(
    ("pred", "options", "error"),
    [
        (tumour()[:-1], {}, GeometryError),
        (tumour() * 2, {}, LabelError),
        (np.where(tumour() == 4, np.nan, tumour()), {}, InputError),
        (tumour() + 0.5, {}, LabelError),
        (tumour(), {"regions": ["XX"]}, LabelError),
        (tumour(), {"regions": {"case": ("WT", "WT")}}, InputError),
        (tumour(), {"regions": []}, InputError),
        (tumour(), {"spacing": (1.0, 1.0)}, InputError),
        (tumour(), {"metrics": ["dise"]}, UsageError),
    ],
)
def test_bad_cases(pred: np.ndarray, options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        scored("a", pred, tumour(), **options)


def test_aggregate_over_patients(cases: list[CaseScore]) -> None:
    scores = {(s.region, s.metric): s for s in aggregate(cases, n_boot=200)}
    wt = scores["WT", "dice"]
    assert wt.mean == pytest.approx((13 / 14 + 12 / 14 + 1 + 1) / 4)
    assert (wt.n, wt.n_groups, wt.all_empty) == (4, 3, 0)
    et = scores["ET", "dice"]
    assert et.mean == pytest.approx((0.75 + 0.5 + 1 + 1) / 4)
    assert et.all_empty == pytest.approx(0.25), "nothing predicted is right where there is nothing"
    assert scores["ET", "hd95"].all_empty == pytest.approx(3 * 373.12866 / 4)
    assert scores["ET", "hd95"].length_unit == "mm"


def test_every_unit_and_policy(cases: list[CaseScore]) -> None:
    units = (Unit.PATIENT, Unit.SLICE, Unit.POOLED)
    policies = (EmptyPolicy.BOTH_EMPTY_ONE, EmptyPolicy.POSITIVES_ONLY)
    found = aggregate(cases, metrics=["dice", "iou", "hd95"], units=units, policies=policies, n_boot=100)
    scores = {(s.unit, s.empty_policy, s.region, s.metric): s for s in found}
    assert len(scores) == 3 * (3 + 2 + 2) * 2
    both, positives = (scores[Unit.SLICE, p, "ET", "dice"] for p in policies)
    assert (both.n, both.n_excluded, both.n_groups) == (40, 0, 3)
    assert both.mean == pytest.approx((10 * 1 + 4 * (0.75 + 0.5 + 1) + 3 * 6) / 40)
    assert both.all_empty == pytest.approx(28 / 40)
    assert (positives.n, positives.n_excluded, positives.n_groups) == (12, 28, 2)
    assert positives.mean == pytest.approx(0.75)
    pooled = scores[Unit.POOLED, policies[0], "ET", "dice"]
    tp, fp, fn, _ = sum(c.regions["ET"].counts.to_array() for c in cases)
    assert pooled.mean == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert (pooled.n, pooled.n_groups) == (4, 3)


def test_aggregate_ignores_the_order_of_cases() -> None:
    rng = np.random.default_rng(0)
    maps = [rng.choice([0, 1, 2, 4], size=(5, 5, 3), p=[1 - p, p / 4, p / 2, p / 4]) for p in rng.random(24)]
    cases = [scored(f"c{i}", maps[i], maps[i + 12], patient=f"p{i // 2}") for i in range(12)]
    units = (Unit.PATIENT, Unit.SLICE, Unit.POOLED)
    wanted = aggregate(cases, units=units, n_boot=50)
    for _ in range(5):
        order = rng.permutation(12)
        assert aggregate([cases[i] for i in order], units=units, n_boot=50) == wanted


def test_contradicting_scores_are_never_returned(cases: list[CaseScore], monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(METRICS["iou"], from_counts=METRICS["specificity"].from_counts)
    monkeypatch.setitem(METRICS, "iou", broken)
    with pytest.raises(ImpossibleScoreError):
        aggregate(cases, metrics=["dice", "iou"], n_boot=10)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from((0.0, 0.02, 0.5)), st.sampled_from((0.0, 0.02, 0.5)))
def test_a_case_scores_as_its_masks_do(seed: int, in_pred: float, in_ref: float) -> None:
    """Counting and measuring inside the tumour's box must not change anything."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, size=3))
    pred, ref = (rng.choice([0, 1, 2, 4], size=shape, p=[1 - p, p / 4, p / 2, p / 4]) for p in (in_pred, in_ref))
    result = scored("a", pred, ref, spacing=(1.0, 2.0, 3.0))
    for name, region in result.regions.items():
        masks = BRATS.mask(pred, name), BRATS.mask(ref, name)
        np.testing.assert_array_equal(region.slices, count_slices(*masks))
        wanted = surface_values(*masks, [METRICS["hd95"], METRICS["surface_dice"]], (1.0, 2.0, 3.0))
        assert region.surface == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("z", [0, 3, 9])
def test_a_tumour_in_one_slice_of_a_volume_is_measured_in_3d(z: int) -> None:
    """Every voxel of a one-voxel-thick plate is surface, wherever in the volume it lies."""
    ref = np.zeros((12, 12, 10), dtype=np.uint8)
    ref[1:11, 1:11, z] = 4
    pred = ref.copy()
    pred[5, 5, z] = 0
    found = scored("a", pred, ref, metrics=["hausdorff"]).regions["ET"].surface
    assert found["hausdorff"] == 1


def test_images(cases: list[CaseScore]) -> None:
    pictures = [scored(f"i{k}", tumour(k)[:, :, 4:5], tumour()[:, :, 4:5]) for k in range(3)]
    result = aggregate(pictures, metrics=["dice", "hausdorff", "hd95"], units=[Unit.IMAGE], n_boot=50)
    assert result[0].unit is Unit.IMAGE and result[0].n == 3
    with pytest.raises(InputError, match="image"):
        aggregate(cases, units=[Unit.IMAGE])


def test_bad_sets_of_cases(cases: list[CaseScore]) -> None:
    pixels = scored("p", tumour(), tumour(), spacing_known=False)
    fewer = scored("f", tumour(), tumour(), regions=["WT"])
    bare = scored("g", tumour(), tumour(), metrics=["dice"])
    for bad in ([], [cases[0], cases[0]], [cases[0], pixels], [cases[0], fewer], [cases[0], bare]):
        with pytest.raises(InputError):
            aggregate(bad)


def test_table_puts_class_wise_scores_beside_accuracy(cases: list[CaseScore]) -> None:
    scores = aggregate(cases, metrics=["accuracy", "hd95"], units=(Unit.PATIENT, Unit.SLICE), n_boot=100)
    text = render_scores(scores)
    empty = np.mean([1 - 14 * 14 * 6 / (24 * 24 * 10)] * 4)
    assert text.count(f"the accuracy of an all-empty prediction here is {empty:.3f}") == 2
    first = text[: text.index("TC, per patient")]
    for word in ("WT, per patient volume", "Dice", "Sensitivity", "Specificity", "Accuracy", "HD95 (mm)", "brats"):
        assert word in first
    assert "3 patients" in text
    with pytest.raises(InputError, match="accuracy alone"):
        render_scores([s for s in scores if s.metric == "accuracy"])


def test_table_says_what_was_left_out(cases: list[CaseScore]) -> None:
    text = render_scores(aggregate(cases, metrics=["dice"], policies=[EmptyPolicy.POSITIVES_ONLY], n_boot=50))
    assert "3 (1 left out)" in text
    alone = render_scores(aggregate(cases[:1], metrics=["dice"], n_boot=50))
    assert " to " not in alone, "one case has no interval"
    assert "no interval" in alone
    assert render_scores([]) == "No scores."


def test_a_whole_brats_case_is_fast() -> None:
    ref = np.zeros((240, 240, 155), dtype=np.uint8, order="F")
    ref[80:150, 90:160, 50:100] = 2
    ref[95:130, 105:140, 60:90] = 1
    ref[100:120, 110:130, 65:85] = 4
    scored("warm", tumour(), tumour())
    start = time.process_time()
    scored("case", np.roll(ref, 2, axis=0), ref)
    assert time.process_time() - start < 3


def some_known(shape: tuple[int, int, int] = (24, 24, 10)) -> np.ndarray:
    """Half of every slice is labelled, and nothing of the first slice that shows tumour."""
    known = np.ones(shape, bool)
    known[:10] = False
    known[:, :, 2] = False
    return known


COUNTED = (
    "dice",
    "iou",
    "sensitivity",
    "specificity",
    "accuracy",
    "global_accuracy",
    "mean_iou_with_background",
    "fw_iou",
)


def test_what_nobody_labelled_is_in_no_count() -> None:
    """Scores of half a picture are those of that half cut out, whatever was predicted in the other."""
    pred, ref, known = tumour(3), tumour(), some_known()
    cut = np.delete(np.arange(10), 2)
    whole = scored("a", pred[10:][..., cut], ref[10:][..., cut], metrics=COUNTED)
    for outside in (0, 4):
        sparse = scored("a", np.where(known, pred, outside), ref, metrics=COUNTED, known=known)
        for name in REGIONS:
            np.testing.assert_array_equal(sparse.regions[name].slices, whole.regions[name].slices)
        np.testing.assert_array_equal(sparse.class_slices, whole.class_slices)
        for policy in EmptyPolicy:
            found, wanted = sparse.row(policy, COUNTED), whole.row(policy, COUNTED)
            assert all(found[n][m] == wanted[n][m] for n in REGIONS for m in ("dice", "specificity"))  # type: ignore[index]
            assert found["classes"] == wanted["classes"]


def test_other_values_may_stand_where_nobody_labelled() -> None:
    known = some_known()
    ref = np.where(known, tumour(), 77)
    counts = scored("a", tumour(), ref, metrics=["dice"], known=known).regions["WT"].counts
    assert (counts.fp, counts.fn, counts.size) == (0, 0, int(known.sum()))
    with pytest.raises(LabelError, match="77"):
        scored("a", tumour(), ref, metrics=["dice"])


def test_a_reference_labelled_elsewhere_is_another_reference() -> None:
    known = some_known()
    half = scored("a", tumour(), np.where(known, tumour(), 0), metrics=["dice"])
    sparse = scored("a", tumour(), tumour(), metrics=["dice"], known=known)
    assert half.regions["WT"].reference != sparse.regions["WT"].reference
    everywhere = scored("a", tumour(), tumour(), metrics=["dice"], known=np.ones_like(known))
    plain = scored("a", tumour(), tumour(), metrics=["dice"])
    assert everywhere.regions["WT"].reference == plain.regions["WT"].reference


def test_surfaces_are_refused_where_voxels_are_not_labelled() -> None:
    known = some_known()
    with pytest.raises(InputError, match=r"hd95.*nobody labelled.*--metrics"):
        scored("a", tumour(), tumour(), metrics=["dice", "hd95"], known=known)
    assert "hd95" in scored("a", tumour(), tumour(), known=np.ones_like(known)).regions["WT"].surface
    with pytest.raises(InputError, match="labelled voxels"):
        scored("a", tumour(), tumour(), metrics=["dice"], known=np.zeros_like(known))
    with pytest.raises(GeometryError, match="labelled voxels"):
        scored("a", tumour(), tumour(), metrics=["dice"], known=known[..., :4])
