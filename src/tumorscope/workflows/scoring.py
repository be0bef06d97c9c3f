"""From predicted label maps to an Evaluation: what scoring a bundle and scoring folders share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LabelError, TumorscopeError, UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence as MriSequence
from tumorscope.datasets.base import Dataset
from tumorscope.metrics import (
    DEFAULT_METRICS,
    LESION_METRICS,
    PAPER_METRICS,
    CaseScore,
    EmptyPolicy,
    ProbabilitySums,
    Unit,
    aggregate,
    find_metrics,
    probability_sums,
    score_case,
    tumour_free,
)
from tumorscope.report.evaluation import Evaluation
from tumorscope.workflows.label_pairs import regions_of

if TYPE_CHECKING:
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

log = logging.getLogger(__name__)
Echo = Callable[[str], None]
_SETS = {"default": DEFAULT_METRICS, "papers": PAPER_METRICS, "lesionwise": LESION_METRICS}


@dataclass(frozen=True)
class ScoreOptions:
    """What holds for every case.

    Attributes:
        allow_overlap: Score cases a bundle was trained on, and print so on every score.
        metrics: Metric names.
        empty_policy: Overrides the data set's own empty-mask policies.
        echo: Receives one line of progress at a time.
    """

    allow_overlap: bool = False
    metrics: tuple[str, ...] = DEFAULT_METRICS
    empty_policy: str | None = None
    echo: Echo = log.info


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


_Item = TypeVar("_Item", bound=_HasId)


def metric_names(words: Sequence[str]) -> tuple[str, ...]:
    """Return metric names; ``default``, ``papers`` and ``lesionwise`` stand for sets of them.

    Raises:
        UsageError: for an unknown name.
    """
    names = [name for word in words for name in _SETS.get(word, (word,))]
    return tuple(m.name for m in find_metrics(names))


def policies_of(sliced: bool, override: str | None) -> tuple[EmptyPolicy, ...]:
    """Return the empty-mask policies scores are made with, the one of the case rows first.

    Args:
        sliced: Whether slices or pictures are scored, most of which may be empty.
        override: A policy's name, or None.

    Raises:
        UsageError: for an unknown name.
    """
    if override is not None:
        known = [p.value for p in EmptyPolicy]
        if override not in known:
            raise UsageError(
                expected=f"an empty-mask policy ({', '.join(known)})", found=f"'{override}'", fix="Name one"
            )
        return (EmptyPolicy(override),)
    return (EmptyPolicy.BOTH_EMPTY_ONE, EmptyPolicy.POSITIVES_ONLY) if sliced else (EmptyPolicy.BRATS,)


def score_each(
    items: Sequence[_Item], score: Callable[[_Item], CaseScore], echo: Echo
) -> tuple[list[CaseScore], dict[str, str]]:
    """Score every item; one that cannot be scored is named with its reason and the others go on."""
    scored: list[CaseScore] = []
    failed: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        try:
            scored.append(score(item))
            told = _dice_line(scored[-1])
        except TumorscopeError as error:
            failed[item.id] = told = str(error)
        echo(f"{number}/{len(items)} {item.id}: {told}")
    return scored, failed


def score_prediction(case: Case, predictor: Predictor, metrics: tuple[str, ...]) -> CaseScore:
    """Predict a labelled case and score it; probabilities too, where a metric needs them.

    Pixels that nobody labelled (the case's ``ignore_value``) are in no count; metrics of surfaces refuse such cases.

    Raises:
        TumorscopeError: if it cannot be read, predicted or scored.
    """
    case, bundle = case.loaded(), predictor.bundle
    segmentation = predictor.predict({s: i for s, i in case.images.items() if isinstance(i, Image)})
    assert isinstance(case.label, Image) and case.scheme is not None
    truth, known = without_unlabelled(case.label, case.scheme, case.ignore_value)
    label, scheme = _in_classes_of(bundle.scheme, truth, case.scheme)
    schemes = bundle.scheme, scheme
    score = score_masks(case.id, case.patient, segmentation.labels.data, label, schemes, metrics, known)
    if any(m.needs == "probabilities" for m in find_metrics(metrics)):
        score = replace(score, probabilities=_probabilities(segmentation, label, scheme, bundle, known))
    return score


def _in_classes_of(target: LabelScheme, label: Image, scheme: LabelScheme) -> tuple[Image, LabelScheme]:
    """Return a reference in the model's classes where every class has its counterpart there (releases differ)."""
    if scheme.name == target.name or len(target.labels) == 1 or len(scheme.labels) == 1:
        return label, scheme
    try:
        return label.with_data(scheme.convert(label.data, target)), target
    except LabelError:
        return label, scheme


def _probabilities(
    segmentation: Segmentation, label: Image, scheme: LabelScheme, bundle: Bundle, known: Array | None
) -> ProbabilitySums | None:
    """Compare the maps with the reference; None where the reference lacks a channel's class or region."""
    outputs = bundle.manifest.outputs
    names = dict(regions_of(bundle.scheme, scheme).values())
    if not set(outputs.names) <= set(names):
        return None
    maps = {name: segmentation.probabilities[name].data for name in outputs.names}
    masks = {name: scheme.mask(label.data, names[name]) for name in outputs.names}
    return probability_sums(maps, masks, exclusive=outputs.kind != "regions", known=known)


def score_masks(
    name: str,
    patient: str,
    found: Array,
    truth: Image,
    schemes: tuple[LabelScheme, LabelScheme],
    metrics: tuple[str, ...],
    known: Array | None = None,
) -> CaseScore:
    """Score a label map; ``schemes``: of prediction and reference; ``known``: where the reference is labelled."""
    return score_case(
        found,
        truth.data,
        case=name,
        patient=patient,
        regions=regions_of(*schemes),
        scheme=schemes[1],
        pred_scheme=schemes[0],
        spacing=truth.spacing,
        spacing_known=truth.spacing_known,
        metrics=metrics,
        known=known,
    )


def without_unlabelled(label: Image, scheme: LabelScheme, ignored: int | None) -> tuple[Image, Array | None]:
    """Return a reference with 0 where nobody labelled, and where somebody did (x, y, z); None for everywhere.

    Raises:
        LabelError: if ``ignored`` is the background or a class of ``scheme``.
    """
    if ignored is None:
        return label, None
    if ignored in (0, *scheme.values):
        raise LabelError(
            expected=f"a value for unlabelled pixels that is no class ({scheme.listing})",
            found=f"{ignored}",
            fix="Correct --ignore-value",
        )
    known = np.asarray(label.data != ignored)
    return label.with_data(np.where(known, label.data, 0)), known


def unlabelled_words(ignored: int | None) -> dict[str, str]:
    """Say that unlabelled pixels are left out, where there is a value for them."""
    return {} if ignored is None else {"left_out": f"pixels of reference value {ignored}, which nobody labelled"}


def only_sequences(cases: Sequence[Case], names: Sequence[str], bundle: Bundle) -> list[Case]:
    """Return the cases with no other sequences than those named; all of them where none is named.

    Raises:
        UsageError: for an unknown sequence, or if the bundle needs one that is not named or knows none that is.
    """
    kept = {MriSequence.parse(name) for name in names}
    if not kept:
        return list(cases)
    spec = bundle.manifest.preprocess
    needed = set(spec.sequences) - set(spec.optional)
    if not needed <= kept or not kept & set(spec.sequences):
        told = (
            f"{', '.join(s for s in spec.sequences if s in needed) or 'at least one of ' + ', '.join(spec.sequences)}"
        )
        raise UsageError(
            expected=f"the sequences that '{bundle.name}' needs ({told})",
            found=", ".join(s for s in MriSequence if s in kept),
            fix="Add them to --sequences, or score another bundle",
        )
    return [replace(c, images={s: image for s, image in c.images.items() if s in kept}) for c in cases]


def summarise_cases(
    scored: list[CaseScore],
    failed: Mapping[str, str],
    conditions: dict[str, Any],
    options: ScoreOptions,
    dataset: Dataset | None,
) -> Evaluation:
    """Aggregate cases; those that could not be predicted are named, never left out in silence.

    Raises:
        InputError: if no case could be scored.
        UsageError: for an unknown empty-mask policy.
    """
    if not scored:
        reason = next(iter(failed.values()), "no case")
        raise InputError(
            expected="at least one case that can be scored", found=f"none ({reason})", fix="Correct the input"
        )
    scored, conditions = _common_regions(scored, conditions)
    pixels = scored[0].length_unit == "px"
    sliced = dataset.sliced if dataset is not None else pixels
    policies = policies_of(sliced, options.empty_policy)
    single = all(len(r.slices) == 1 for c in scored for r in c.regions.values())
    units = (Unit.IMAGE,) if single else (Unit.PATIENT, Unit.SLICE) if sliced else (Unit.PATIENT,)
    scores = aggregate(scored, metrics=options.metrics, units=(*units, Unit.POOLED), policies=policies)
    overlap = conditions["overlap"]
    if overlap:
        warning = f"{len(overlap)} of {len(scored)} cases trained this bundle: not a test score"
        scores = [replace(s, note="; ".join(filter(None, (s.note, warning)))) for s in scores]
    conditions = {
        **conditions,
        "distances": "px (the size of a pixel is unknown)" if pixels else "mm",
        "case_rows": f"one value per case over its whole volume; empty masks '{policies[0]}'",
        "empty_policy": policies[0].value,
    }
    return Evaluation(scores, scored, conditions, policies, dict(failed), tumour_free(scored))


def _common_regions(scored: list[CaseScore], conditions: dict[str, Any]) -> tuple[list[CaseScore], dict[str, Any]]:
    """Keep the regions that every case has (releases differ in their classes) and say which were left out."""
    shared = [name for name in scored[0].regions if all(name in c.regions for c in scored)]
    dropped = sorted({name for c in scored for name in c.regions} - set(shared))
    if dropped:
        scored = [replace(c, regions={name: c.regions[name] for name in shared}) for c in scored]
        conditions = {**conditions, "regions_not_in_every_case": dropped}
    return scored, conditions


def _dice_line(score: CaseScore) -> str:
    row: Any = score.row(EmptyPolicy.BRATS, ("dice",))
    return "Dice " + ", ".join(f"{name} {row[name]['dice']:.3f}" for name in score.regions)
