"""Every score from counts: tp, fp, fn, tn, an explicit region, unit and empty-mask policy, and an interval."""

from tumorscope.metrics.aggregate import aggregate
from tumorscope.metrics.case_score import CaseScore, RegionScore, score_case
from tumorscope.metrics.consistency import ImpossibleScoreError, check_pair, check_scores, explain_f1, explain_pair
from tumorscope.metrics.counts import Counts, count, count_slices
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.lesionwise import LesionMatch, match_lesions
from tumorscope.metrics.metric import Metric, SurfaceDistances
from tumorscope.metrics.probability import ProbabilitySums, probability_sums
from tumorscope.metrics.registry import DEFAULT_METRICS, LESION_METRICS, METRICS, PAPER_METRICS, find_metrics
from tumorscope.metrics.render import render_scores
from tumorscope.metrics.score import Score, Unit
from tumorscope.metrics.summary import summarise, summarise_pooled
from tumorscope.metrics.surface import surface_distances, surface_values
from tumorscope.metrics.trivial import empty_prediction
from tumorscope.metrics.tumour_free import TumourFree, tumour_free

__all__ = [
    "DEFAULT_METRICS",
    "LESION_METRICS",
    "METRICS",
    "PAPER_METRICS",
    "CaseScore",
    "Counts",
    "EmptyPolicy",
    "ImpossibleScoreError",
    "LesionMatch",
    "Metric",
    "ProbabilitySums",
    "RegionScore",
    "Score",
    "SurfaceDistances",
    "TumourFree",
    "Unit",
    "aggregate",
    "check_pair",
    "check_scores",
    "count",
    "count_slices",
    "empty_prediction",
    "explain_f1",
    "explain_pair",
    "find_metrics",
    "match_lesions",
    "probability_sums",
    "render_scores",
    "score_case",
    "summarise",
    "summarise_pooled",
    "surface_distances",
    "surface_values",
    "tumour_free",
]
