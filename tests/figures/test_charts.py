"""What the charts show is what they were given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.datasets.splits import Split
from tumorscope.figures.class_balance import class_balance_figure
from tumorscope.figures.confusion import confusion_figure, count_confusion
from tumorscope.figures.diagram_overlap import disc_distance, overlap_diagram, shared_area
from tumorscope.figures.distributions import distribution_figure
from tumorscope.figures.metric_panel import metric_panel
from tumorscope.figures.sample_numbers import score_from_json
from tumorscope.figures.splits import count_cases, split_figure
from tumorscope.figures.validation_test import validation_test_figure
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.score import Score, Unit
from tumorscope.metrics.summary import summarise


def score(metric: str = "dice", unit: str = "patient", policy: str = "brats", region: str = "WT") -> Score:
    return summarise([0.2, 0.6, 0.7], metric=metric, region=region, unit=unit, empty_policy=policy)


class TestScores:
    def test_panel_tells_mean_sd_interval_n_and_policy(self) -> None:
        found = score()
        figure = metric_panel([found, score("iou")])
        words = [t.get_text() for t in figure.axes[0].texts]
        assert words[0] == f"0.500 ± {found.sd:.3f}  [{found.ci95[0]:.3f}, {found.ci95[1]:.3f}]"
        assert "n = 3 patients; empty masks: BraTS until 2022" in figure.get_supxlabel()
        assert "Accuracy" not in figure.get_supxlabel()

    def test_distances_get_an_axis_of_their_own(self) -> None:
        hd95 = summarise([3.0, 5.0], metric="hd95", region="WT", unit="patient", empty_policy="brats", length_unit="mm")
        labels = [a.get_xlabel() for a in metric_panel([score(), hd95, score("accuracy")]).axes]
        assert labels == ["score (0 worst, 1 best)", "distance (mm)"]

    @pytest.mark.parametrize("other", [score(unit="slice"), score(policy="positives-only")])
    def test_units_and_policies_are_never_mixed(self, other: Score) -> None:
        with pytest.raises(InputError, match="one unit and one empty-mask policy"):
            metric_panel([score(), other])
        with pytest.raises(InputError, match="one unit and one empty-mask policy"):
            validation_test_figure({"val": [score()], "test": [other]})

    def test_validation_and_test_bars(self) -> None:
        figure = validation_test_figure({"val": [score(), score("iou")], "test": [score()]})
        (axes,) = figure.axes
        assert [round(p.get_height(), 3) for p in axes.patches] == [0.5, 0.5, 0.5]
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["validation", "test"]
        low, high = score().ci95
        assert list(axes.lines[0].get_ydata()) == [low, high]

    def test_json_and_back(self) -> None:
        assert score_from_json(score().to_json() | {"on": "lgg"}) == score()
        assert score().unit is Unit.PATIENT and score().empty_policy is EmptyPolicy.BRATS


def test_distribution_shows_every_case_and_leaves_nan_out() -> None:
    figure = distribution_figure({"WT": {"dice": [0.5, math.nan, 0.9]}, "ET": {"dice": [0.1, 0.2, 0.3]}})
    (axes,) = figure.axes
    dots = [sorted(line.get_ydata()) for line in axes.lines if line.get_marker() == "o"]
    assert [list(map(float, d)) for d in dots] == [[0.5, 0.9], [0.1, 0.2, 0.3]]
    means = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "D"]
    assert means == pytest.approx([0.7, 0.2])
    assert "n = 2 to 3 patients" in figure.get_supxlabel()
    with pytest.raises(InputError, match="values of at least one case"):
        distribution_figure({"WT": {"dice": [math.nan]}})


class TestSplits:
    def test_cases_are_counted_by_part_and_group(self) -> None:
        cases = [
            Case(id=f"c{i}", patient=f"p{i}", images={}, site=site) for i, site in enumerate(("A", "B", None, "A"))
        ]
        split = Split(dataset="x", unit="patient", seed=0, parts={"train": ["c0", "c1", "c3"], "test": ["c2"]})
        counts = count_cases(split, cases, lambda case: case.site)
        assert counts == {"train": {"A": 2, "B": 1}, "test": {"not known": 1}}

    def test_bars_have_the_counts_and_leaks_are_told(self) -> None:
        counts = {"train": {"tumour": 30, "no tumour": 60}, "test": {"no tumour": 10}}
        figure = split_figure(counts, unit="slices", split_unit="slice")
        widths = [p.get_width() for p in figure.axes[0].patches]
        assert widths == [30, 60, 0, 10]
        assert [t.get_text() for t in figure.axes[0].texts if "%" in t.get_text()] == ["90 (90%)", "10 (10%)"]
        assert "slices of one patient lie in several parts" in figure.get_supxlabel()


def test_class_balance_tells_how_much_rarer_a_class_is() -> None:
    figure = class_balance_figure({"background": 990, "ED": 9, "ET": 1, "NCR/NET": 0}, unit="voxels", n="1 case")
    words = [t.get_text() for t in figure.axes[0].texts]
    assert words == ["990 (99.00%)", "9 (0.90%, 1 : 110)", "1 (0.10%, 1 : 990)", "none"]
    assert figure.axes[0].get_xscale() == "log"
    with pytest.raises(InputError, match="counts of at least one class"):
        class_balance_figure({"a": 0}, unit="voxels", n="1 case")


class TestConfusion:
    def test_rows_are_truth(self) -> None:
        reference, prediction = np.array([0, 0, 4, 4, 1]), np.array([0, 4, 4, 4, 0])
        counts = count_confusion(reference, prediction, (0, 1, 4))
        assert counts.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 2]]
        words = [t.get_text() for t in confusion_figure(counts, ["a", "b", "c"]).axes[0].texts]
        assert words[0] == "1\n50.0%" and words[8] == "2\n100.0%"

    def test_bad_input(self) -> None:
        with pytest.raises(InputError, match="one shape"):
            count_confusion(np.zeros(3), np.zeros(4), (0, 1))
        with pytest.raises(InputError, match="label values"):
            count_confusion(np.array([0, 2]), np.array([0, 1]), (0, 1))
        with pytest.raises(InputError, match="none negative"):
            confusion_figure(np.zeros((2, 3)), ["a", "b"])


class TestOverlap:
    @given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0, 1))
    def test_discs_share_the_area_asked_for(self, first: float, second: float, share: float) -> None:
        wanted = share * math.pi * min(first, second) ** 2
        distance = disc_distance(first, second, wanted)
        assert shared_area(first, second, distance) == pytest.approx(wanted, rel=1e-4, abs=1e-6)

    @settings(max_examples=3)
    @given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500))
    def test_formulas(self, tp: int, fp: int, fn: int) -> None:
        titles = [axes.get_title() for axes in overlap_diagram(tp, fp, fn).axes]
        assert f"= {2 * tp / (2 * tp + fp + fn):.3f}" in titles[0]
        assert f"{tp} / {tp + fp + fn} = {tp / (tp + fp + fn):.3f}" in titles[1]

    def test_nothing_to_draw(self) -> None:
        with pytest.raises(InputError, match="at least one voxel"):
            overlap_diagram(0, 0, 5)
