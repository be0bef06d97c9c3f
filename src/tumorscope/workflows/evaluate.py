"""Score a bundle on a data set, or label maps against references."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LeakError, TumorscopeError, UsageError
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.hashing import known_by
from tumorscope.datasets.published_splits import cases_of
from tumorscope.datasets.slicewise import SliceReader
from tumorscope.datasets.splits import Part, Split
from tumorscope.metrics import DEFAULT_METRICS
from tumorscope.report.evaluation import Evaluation
from tumorscope.report.type_evaluation import TypeEvaluation
from tumorscope.workflows.conditions import conditions_of
from tumorscope.workflows.evaluate_folders import evaluate_folders
from tumorscope.workflows.label_pairs import Missing
from tumorscope.workflows.scoring import (
    ScoreOptions,
    metric_names,
    only_sequences,
    policies_of,
    score_each,
    score_prediction,
    summarise_cases,
    unlabelled_words,
)

if TYPE_CHECKING:
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

log = logging.getLogger(__name__)
Echo = Callable[[str], None]


def evaluate(
    *,
    bundle: str | Path | None = None,
    dataset: str | None = None,
    data: str | Path | None = None,
    split: str | Path | None = None,
    part: Part = "test",
    cases: Sequence[str] = (),
    sequences: Sequence[str] = (),
    pred: str | Path | None = None,
    ref: str | Path | None = None,
    missing: Missing = "error",
    allow_overlap: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    tta: bool = False,
    metrics: tuple[str, ...] = DEFAULT_METRICS,
    empty_policy: str | None = None,
    ignore_value: int | None = None,
    echo: Echo = log.info,
) -> Evaluation | TypeEvaluation:
    """Score a bundle on labelled cases, or a folder of label maps against a folder of references.

    A classifier is scored on cases whose tumour type is known; of the metrics' arguments it takes none.

    Args:
        bundle: Name or folder; with ``dataset`` and ``data``.
        dataset: Data set name.
        data: Its folder.
        split: Split file; default: every labelled case found.
        part: Which part of the split.
        cases: Only these, by id.
        sequences: What the bundle is shown of each case, by name; default everything there is.
        pred: Folder of predicted label maps; with ``ref``.
        ref: Folder of reference label maps.
        missing: What a reference without prediction means: ``error``, or an ``empty`` prediction, said in the result.
        allow_overlap: Score cases the bundle was trained on, and print so on every score.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also average the mirrored prediction.
        metrics: Metric names; ``papers`` stands for everything the judged papers print.
        empty_policy: Overrides the data set's own empty-mask policies.
        ignore_value: Reference value of pixels that nobody labelled: they are in no count. Default: what the bundle was
            trained with, on the data set it was trained on.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: if the arguments do not say what to score.
        LeakError: if cases were trained on and ``allow_overlap`` is not given.
        InputError: if nothing can be scored.
    """
    if (pred is None) != (ref is None) or (pred is None) == (bundle is None):
        raise UsageError(
            expected="either --bundle with --dataset and --data, or --pred with --ref",
            found="another combination",
            fix="Give one of the two",
        )
    options = ScoreOptions(allow_overlap, metric_names(metrics), empty_policy, echo)
    policies_of(False, empty_policy)
    if pred is not None and ref is not None:
        return evaluate_folders(Path(pred), Path(ref), missing, options, ignore_value)
    if bundle is None or dataset is None or data is None:
        raise UsageError(
            expected="--dataset NAME and --data DIR with --bundle", found="one of them missing", fix="Add it"
        )
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

    model, source = Bundle.load(bundle), DATASETS.load(dataset)
    chosen = Split.load(split) if split else None
    if model.manifest.outputs.kind == "types":
        return _evaluate_classifier(model, source, Path(data), chosen, part, cases, options, (runtime, device, tta))
    ignored = ignore_value if ignore_value is not None else _ignored_in_training(model, dataset)
    found = [replace(c, ignore_value=ignored) for c in find_cases(source, Path(data), chosen, part, cases)]
    overlap = check_overlap(model, hashes_of(found), allow=allow_overlap)
    found = only_sequences(found, sequences, model)
    predictor = Predictor(model, runtime, device, tta=tta)
    return evaluate_cases(found, source, chosen, part, predictor, overlap, options)


def _evaluate_classifier(
    bundle: Bundle,
    dataset: Dataset,
    data: Path,
    split: Split | None,
    part: Part,
    names: Sequence[str],
    options: ScoreOptions,
    how: tuple[str, str, bool],
) -> TypeEvaluation:
    from tumorscope.inference.type_predictor import TypePredictor
    from tumorscope.workflows.evaluate_types import evaluate_types, find_typed

    found = find_typed(dataset, data, split, part, names, bundle.manifest.outputs.names)
    overlap = check_overlap(bundle, hashes_of(found), allow=options.allow_overlap)
    predictor = TypePredictor(bundle, *how)
    return evaluate_types(found, dataset, split, part, predictor, overlap, options.echo)


def _ignored_in_training(bundle: Bundle, dataset: str) -> int | None:
    training = bundle.manifest.training
    return training.recipe.get("data", {}).get("ignore_value") if training.dataset == dataset else None


def find_cases(
    dataset: Dataset, data: Path, split: Split | None = None, part: Part = "test", names: Sequence[str] = ()
) -> list[Case]:
    """Return the labelled cases to score: those of a part of a split, of these names, or all.

    Where a split divides cases into slices, the name of a case stands for all its slices of that part.

    Raises:
        InputError: if there are none, or some that were named are missing.
    """
    cases = _labelled(dataset.discover(data), data)
    cases = split.pick(cases_of(cases, split.unit), part) if split else cases
    unknown = sorted(set(names).difference(*(_names_of(c) for c in cases)))
    if unknown:
        example = " or ".join(dict.fromkeys(f"'{name}'" for name in _names_of(cases[0]))) if cases else "none"
        raise InputError(
            expected=f"ids out of the {len(cases)} {'slices' if split and split.unit == 'slice' else 'cases'} found"
            f"{f' in part {part!r}' if split else ''}, e.g. {example}",
            found=f"{', '.join(unknown[:3])}",
            fix="Correct --cases",
        )
    return [c for c in cases if not set(names).isdisjoint(_names_of(c))] if names else cases


def _names_of(case: Case) -> tuple[str, ...]:
    """Return the id of a case; of a slice, also that of the case it is from."""
    return (case.id, case.reader.parent.id) if isinstance(case.reader, SliceReader) else (case.id,)


def hashes_of(cases: Sequence[Case]) -> dict[str, frozenset[str]]:
    """Return case id → content hashes; an unreadable case has none and gets its reason when it is scored."""
    found = {}
    for case in cases:
        try:
            found[case.id] = known_by(case)
        except TumorscopeError as error:
            log.debug("%s: %s", case.id, error)
            found[case.id] = frozenset()
    return found


def check_overlap(bundle: Bundle, hashes: Mapping[str, frozenset[str]], *, allow: bool) -> list[str]:
    """Return the cases the bundle was trained or validated on.

    Args:
        bundle: The model.
        hashes: Of the cases it is to be scored on, from :func:`hashes_of`.
        allow: Whether there may be any.

    Raises:
        LeakError: if there are any and ``allow`` is False.
    """
    seen = set(bundle.manifest.training.case_hashes)
    overlap = [name for name, found in hashes.items() if seen & found]
    if overlap and not allow:
        raise LeakError(
            expected=f"cases that '{bundle.name}' has not seen",
            found=f"{len(overlap)} of {len(hashes)} among its training or validation cases: {', '.join(overlap[:5])}",
            fix=unseen_cases(bundle),
        )
    return overlap


def unseen_cases(bundle: Bundle) -> str:
    """Say how to score a bundle on cases it has not seen."""
    kept = bundle.manifest.training.recipe.get("data", {}).get("held_out")
    where = (
        f"Make a split of its test patients (tumorscope split --test-list {kept}) and give it"
        if kept
        else "Choose other cases (a training run keeps its split in split.json)"
    )
    return f"{where} with --split, or add --allow-overlap to have it printed beside every score"


def evaluate_cases(
    cases: Sequence[Case],
    dataset: Dataset,
    split: Split | None,
    part: Part,
    predictor: Predictor,
    overlap: list[str],
    options: ScoreOptions,
) -> Evaluation:
    """Score a model that is open already.

    Args:
        cases: Labelled, from :func:`find_cases`.
        dataset: Where they are from.
        split: The split they are a part of, if any.
        part: Which part.
        predictor: The model.
        overlap: From :func:`check_overlap`.
        options: What holds for every case.

    Raises:
        InputError: if nothing can be scored.
    """
    scored, failed = score_each(cases, lambda case: score_prediction(case, predictor, options.metrics), options.echo)
    conditions = {
        **conditions_of(dataset, split, part, predictor, overlap, "every labelled case found"),
        "sequences": list(dict.fromkeys(", ".join(c.sequences) for c in cases)),
        **unlabelled_words(next((c.ignore_value for c in cases if c.ignore_value is not None), None)),
    }
    return summarise_cases(scored, failed, conditions, options, dataset)


def _labelled(cases: list[Case], data: Path) -> list[Case]:
    """Return the labelled cases.

    Raises:
        InputError: if there are none (BraTS validation folders).
    """
    labelled = [c for c in cases if c.label is not None]
    if not labelled:
        raise InputError(
            expected="cases with reference label maps",
            found=f"{len(cases)} cases without labels below {data} (BraTS validation folders have none)",
            fix="Evaluate on labelled cases, e.g. a held-out part of the training data",
        )
    return labelled
