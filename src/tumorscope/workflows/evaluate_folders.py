"""Score a folder of label maps against a folder of references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tumorscope.metrics import CaseScore
from tumorscope.report.evaluation import Evaluation
from tumorscope.workflows.label_pairs import LabelPair, Missing, find_pairs, read_pair
from tumorscope.workflows.scoring import (
    ScoreOptions,
    score_each,
    score_masks,
    summarise_cases,
    unlabelled_words,
    without_unlabelled,
)


def evaluate_folders(pred: Path, ref: Path, missing: Missing, options: ScoreOptions, ignored: int | None) -> Evaluation:
    """Score a folder of label maps against a folder of references.

    Args:
        pred: Predicted label maps.
        ref: Reference label maps.
        missing: What a reference without prediction means.
        options: What holds for every case.
        ignored: Reference value of pixels that nobody labelled, if any.

    Raises:
        InputError: if nothing can be scored.
    """
    from tumorscope import __version__

    def score(pair: LabelPair) -> CaseScore:
        found, truth, *schemes = read_pair(pair, ignored)
        truth, known = without_unlabelled(truth, schemes[1], ignored)
        return score_masks(pair.id, pair.id, found.data, truth, (schemes[0], schemes[1]), options.metrics, known)

    pairs = find_pairs(pred, ref, missing)
    scored, failed = score_each(pairs, score, options.echo)
    conditions: dict[str, Any] = {
        "dataset": None,
        "split_unit": "none: every pair found",
        "split_hash": None,
        "bundle": None,
        "version": __version__,
        "overlap": None,
        **unlabelled_words(ignored),
        "pred": str(pred),
        "ref": str(ref),
    }
    absent = [pair.id for pair in pairs if pair.pred is None]
    if absent:
        conditions["missing_predictions_scored_as_empty"] = absent
    return summarise_cases(scored, failed, conditions, options, None)
