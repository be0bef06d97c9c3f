"""Score a classifier on pictures whose tumour type is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.image import Array, Image
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Part, Split
from tumorscope.metrics.type_scores import TypeAnswers, type_scores
from tumorscope.report.type_evaluation import TypeEvaluation
from tumorscope.workflows.conditions import conditions_of
from tumorscope.workflows.train_types import typed_cases

if TYPE_CHECKING:
    from tumorscope.inference.type_predictor import TypePredictor

Echo = Callable[[str], None]
_BATCH = 32


def find_typed(
    dataset: Dataset, data: Path, split: Split | None, part: Part, names: Sequence[str], types: Sequence[str]
) -> list[Case]:
    """Return the pictures to score: those of a part of a split, of these names, or all.

    Raises:
        InputError: if there are none, some that were named are missing, or one has a type the model does not know.
    """
    cases = typed_cases(dataset.discover(data), data)
    cases = split.pick(cases, part) if split else cases
    missing = sorted(set(names) - {c.id for c in cases})
    if missing:
        raise InputError(
            expected=f"ids out of the {len(cases)} pictures found", found=", ".join(missing[:3]), fix="Correct --cases"
        )
    chosen = [c for c in cases if c.id in set(names)] if names else cases
    unknown = sorted({str(c.tumor_type) for c in chosen} - set(types))
    if unknown:
        raise InputError(expected=f"the types {', '.join(types)}", found=f"'{unknown[0]}'", fix="Choose other cases")
    return chosen


def evaluate_types(
    cases: Sequence[Case],
    dataset: Dataset,
    split: Split | None,
    part: Part,
    predictor: TypePredictor,
    overlap: list[str],
    echo: Echo,
) -> TypeEvaluation:
    """Score a classifier that is open already.

    Intervals come from resampling patients or blocks where the data set tells them, else pictures.

    Args:
        cases: From :func:`find_typed`.
        dataset: Where they are from.
        split: The split they are a part of, if any.
        part: Which part.
        predictor: The model.
        overlap: Cases that trained it.
        echo: Receives one line of progress at a time.

    Raises:
        InputError: if nothing can be scored.
    """
    names = predictor.bundle.manifest.outputs.names
    scored, probabilities, foreign, failed = _ask(cases, predictor, echo)
    if not scored:
        reason = next(iter(failed.values()), "no case")
        raise InputError(expected="a picture that can be scored", found=f"none ({reason})", fix="Correct the input")
    truth = np.array([names.index(str(c.tumor_type)) for c in scored], dtype=np.int64)
    answers = TypeAnswers(names, truth, probabilities, [c.patient for c in scored])
    warning = f"{len(overlap)} of {len(scored)} pictures trained this bundle: not a test score" if overlap else ""
    conditions = conditions_of(dataset, split, part, predictor, overlap, "every picture found")
    return TypeEvaluation(
        type_scores(answers, note=warning),
        answers,
        [c.id for c in scored],
        foreign,
        predictor.settings.abstain_below,
        {**conditions, "resampled": _resampled(scored)},
        failed,
    )


def _resampled(cases: Sequence[Case]) -> str:
    units = sorted({c.unit for c in cases})
    return "pictures: patients are unknown, so intervals are too narrow" if units == ["slice"] else " and ".join(units)


def _ask(
    cases: Sequence[Case], predictor: TypePredictor, echo: Echo
) -> tuple[list[Case], Array, list[float | None], dict[str, str]]:
    """Return the cases that could be asked about, probabilities (N, K), how foreign each is, and the failures."""
    scored: list[Case] = []
    found: list[Array] = []
    foreign: list[float | None] = []
    failed: dict[str, str] = {}
    batch: list[Array] = []

    def flush() -> None:
        if batch:
            pictures = np.stack(batch)
            found.append(predictor.probabilities(pictures).astype(np.float64))
            scores = predictor.foreign(pictures)
            foreign.extend([None] * len(batch) if scores is None else scores.tolist())
            batch.clear()

    for number, case in enumerate(cases, 1):
        try:
            loaded = case.loaded((predictor.sequence,))
            images = {s: i for s, i in loaded.images.items() if isinstance(i, Image)}
            batch.append(predictor.prepared(images)[0])
            scored.append(case)
        except TumorscopeError as error:
            failed[case.id] = str(error)
            echo(f"{case.id}: {error}")
        if len(batch) == _BATCH:
            flush()
        if number % 500 == 0:
            echo(f"{number}/{len(cases)} pictures")
    flush()
    return scored, np.concatenate(found) if found else np.zeros((0, 0)), foreign, failed
