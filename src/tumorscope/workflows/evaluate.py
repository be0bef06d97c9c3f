"""Score a bundle on a data set, or label maps against references."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LeakError, TumorscopeError, UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.hashing import case_hashes
from tumorscope.datasets.published_splits import cases_of
from tumorscope.datasets.splits import Part, Split
from tumorscope.metrics import DEFAULT_METRICS, CaseScore, EmptyPolicy, Unit, aggregate, score_case
from tumorscope.report.evaluation import Evaluation
from tumorscope.workflows.label_pairs import LabelPair, find_pairs, read_pair, regions_of

if TYPE_CHECKING:
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

log = logging.getLogger(__name__)
Echo = Callable[[str], None]


@dataclass(frozen=True)
class _Options:
    """What holds for every case."""

    allow_overlap: bool
    metrics: tuple[str, ...]
    empty_policy: str | None
    echo: Echo


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


_Item = TypeVar("_Item", bound=_HasId)


def evaluate(
    *,
    bundle: str | Path | None = None,
    dataset: str | None = None,
    data: str | Path | None = None,
    split: str | Path | None = None,
    part: Part = "test",
    pred: str | Path | None = None,
    ref: str | Path | None = None,
    allow_overlap: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    tta: bool = False,
    metrics: tuple[str, ...] = DEFAULT_METRICS,
    empty_policy: str | None = None,
    echo: Echo = log.info,
) -> Evaluation:
    """Score a bundle on labelled cases, or a folder of label maps against a folder of references.

    Args:
        bundle: Name or folder; with ``dataset`` and ``data``.
        dataset: Data set name.
        data: Its folder.
        split: Split file; default: every labelled case found.
        part: Which part of the split.
        pred: Folder of predicted label maps; with ``ref``.
        ref: Folder of reference label maps.
        allow_overlap: Score cases the bundle was trained on, and print so on every score.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also average the mirrored prediction.
        metrics: Metric names.
        empty_policy: Overrides the data set's own empty-mask policies.
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
    options = _Options(allow_overlap, metrics, empty_policy, echo)
    if pred is not None and ref is not None:
        return _evaluate_folders(Path(pred), Path(ref), options)
    if bundle is None or dataset is None or data is None:
        raise UsageError(
            expected="--dataset NAME and --data DIR with --bundle", found="one of them missing", fix="Add it"
        )
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

    model, source = Bundle.load(bundle), DATASETS.load(dataset)
    chosen = Split.load(split) if split else None
    predictor = Predictor(model, runtime, device, tta=tta)
    return _evaluate_bundle(model, source, Path(data), chosen, part, predictor, options)


def _evaluate_bundle(
    bundle: Bundle,
    dataset: Dataset,
    data: Path,
    split: Split | None,
    part: Part,
    predictor: Predictor,
    options: _Options,
) -> Evaluation:
    from tumorscope import __version__

    cases = _labelled(dataset.discover(data), data)
    cases = split.pick(cases_of(cases, split.unit), part) if split else cases
    overlap = _overlap(bundle, cases)
    if overlap and not options.allow_overlap:
        raise LeakError(
            expected=f"cases that '{bundle.name}' has not seen",
            found=f"{len(overlap)} of {len(cases)} among its training or validation cases: {', '.join(overlap[:5])}",
            fix="Choose other cases with --split, or add --allow-overlap to have it printed beside every score",
        )
    scored, failed = _each(cases, lambda case: _score(case, predictor, bundle, options), options.echo)
    conditions: dict[str, Any] = {
        "dataset": dataset.name,
        "split_unit": split.unit_text if split else "none: every labelled case found",
        "split_hash": split.hash if split else None,
        "part": part if split else None,
        "bundle": bundle.name,
        "bundle_version": bundle.manifest.version,
        "version": __version__,
        "runtime": predictor.runtime.description,
        "test_time_augmentation": predictor.tta,
        "overlap": overlap,
    }
    return _summarise(scored, failed, conditions, options.metrics, _policies(dataset, options.empty_policy), dataset)


def _each(
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


def _overlap(bundle: Bundle, cases: list[Case]) -> list[str]:
    """Return the cases the bundle was trained or validated on; unreadable ones get their reason when scored."""
    seen = set(bundle.manifest.training.case_hashes)
    found = []
    for case in cases:
        try:
            if seen & set(case_hashes(case.loaded())):
                found.append(case.id)
        except TumorscopeError as error:
            log.debug("%s: %s", case.id, error)
    return found


def _score(case: Case, predictor: Predictor, bundle: Bundle, options: _Options) -> CaseScore:
    case = case.loaded()
    segmentation = predictor.predict({s: i for s, i in case.images.items() if isinstance(i, Image)})
    assert isinstance(case.label, Image) and case.scheme is not None
    schemes = bundle.scheme, case.scheme
    return _score_masks(case.id, case.patient, segmentation.labels.data, case.label, schemes, options.metrics)


def _score_masks(
    name: str,
    patient: str,
    found: Array,
    truth: Image,
    schemes: tuple[LabelScheme, LabelScheme],
    metrics: tuple[str, ...],
) -> CaseScore:
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
    )


def _policies(dataset: Dataset | None, override: str | None) -> tuple[EmptyPolicy, ...]:
    if override is not None:
        known = [p.value for p in EmptyPolicy]
        if override not in known:
            raise UsageError(
                expected=f"an empty-mask policy ({', '.join(known)})", found=f"'{override}'", fix="Name one"
            )
        return (EmptyPolicy(override),)
    if dataset is not None and dataset.sliced:
        return EmptyPolicy.BOTH_EMPTY_ONE, EmptyPolicy.POSITIVES_ONLY
    return (EmptyPolicy.BRATS,)


def _summarise(
    scored: list[CaseScore],
    failed: Mapping[str, str],
    conditions: dict[str, Any],
    metrics: tuple[str, ...],
    policies: tuple[EmptyPolicy, ...],
    dataset: Dataset | None,
) -> Evaluation:
    """Aggregate cases; those that could not be predicted are named, never left out in silence.

    Raises:
        InputError: if no case could be scored.
    """
    if not scored:
        reason = next(iter(failed.values()), "no case")
        raise InputError(
            expected="at least one case that can be scored", found=f"none ({reason})", fix="Correct the input"
        )
    scored, conditions = _common_regions(scored, conditions)
    units = (Unit.PATIENT, Unit.SLICE) if dataset is not None and dataset.sliced else (Unit.PATIENT,)
    single = all(len(r.slices) == 1 for c in scored for r in c.regions.values())
    scores = aggregate(
        scored, metrics=metrics, units=(Unit.IMAGE,) if single else (*units, Unit.POOLED), policies=policies
    )
    overlap = conditions["overlap"]
    if overlap:
        warning = f"{len(overlap)} of {len(scored)} cases trained this bundle: not a test score"
        scores = [replace(s, note="; ".join(filter(None, (s.note, warning)))) for s in scores]
    return Evaluation(scores, scored, conditions, policies, dict(failed))


def _evaluate_folders(pred: Path, ref: Path, options: _Options) -> Evaluation:
    from tumorscope import __version__

    def score(pair: LabelPair) -> CaseScore:
        found, truth, *schemes = read_pair(pair)
        return _score_masks(pair.id, pair.id, found.data, truth, (schemes[0], schemes[1]), options.metrics)

    scored, failed = _each(find_pairs(pred, ref), score, options.echo)
    conditions = {
        "dataset": None,
        "split_unit": "none: every pair found",
        "split_hash": None,
        "bundle": None,
        "version": __version__,
        "overlap": None,
        "pred": str(pred),
        "ref": str(ref),
    }
    return _summarise(scored, failed, conditions, options.metrics, _policies(None, options.empty_policy), None)


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
