"""Score a bundle on a data set, or label maps against references."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LeakError, TumorscopeError, UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.hashing import case_hashes
from tumorscope.datasets.splits import Part, Split
from tumorscope.metrics import DEFAULT_METRICS, CaseScore, EmptyPolicy, Unit, aggregate, score_case
from tumorscope.report.evaluation import Evaluation
from tumorscope.workflows.label_pairs import find_pairs, read_pair, regions_of

if TYPE_CHECKING:
    from tumorscope.bundles.bundle import Bundle

log = logging.getLogger(__name__)
Echo = Callable[[str], None]


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
    if pred is not None and ref is not None:
        return _evaluate_folders(Path(pred), Path(ref), metrics, _policies(None, empty_policy), echo)
    if bundle is None or dataset is None or data is None:
        raise UsageError(
            expected="--dataset NAME and --data DIR with --bundle", found="one of them missing", fix="Add it"
        )
    return _evaluate_bundle(
        str(bundle),
        dataset,
        Path(data),
        split,
        part,
        allow_overlap,
        (runtime, device, tta),
        metrics,
        empty_policy,
        echo,
    )


def _evaluate_bundle(
    bundle_name: str,
    dataset_name: str,
    data: Path,
    split_file: str | Path | None,
    part: Part,
    allow_overlap: bool,
    running: tuple[str, str, bool],
    metrics: tuple[str, ...],
    empty_policy: str | None,
    echo: Echo,
) -> Evaluation:
    from tumorscope import __version__
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

    bundle = Bundle.load(bundle_name)
    dataset: Dataset = DATASETS.load(dataset_name)
    cases = _labelled(dataset.discover(data), data)
    split = Split.load(split_file) if split_file else None
    cases = split.pick(cases, part) if split else cases
    predictor = Predictor(bundle, running[0], running[1], tta=running[2])
    seen = set(bundle.manifest.training.case_hashes)
    scored: list[CaseScore] = []
    failed: dict[str, str] = {}
    overlap: list[str] = []
    for number, case in enumerate(cases, 1):
        try:
            loaded = case.loaded()
            if seen & set(case_hashes(loaded)):
                overlap.append(case.id)
                _refuse_overlap(bundle, case, allow_overlap)
            scored.append(_score(loaded, predictor, bundle, metrics))
        except LeakError:
            raise
        except TumorscopeError as error:
            failed[case.id] = str(error)
        echo(f"{number}/{len(cases)} {case.id}: {failed.get(case.id) or _dice_line(scored[-1])}")
    conditions: dict[str, Any] = {
        "dataset": dataset.name,
        "split_unit": split.unit if split else "none: every labelled case found",
        "split_hash": split.hash if split else None,
        "part": part if split else None,
        "bundle": bundle.name,
        "bundle_version": bundle.manifest.version,
        "version": __version__,
        "runtime": predictor.runtime.description,
        "test_time_augmentation": running[2],
        "overlap": overlap,
    }
    return _summarise(scored, failed, conditions, metrics, _policies(dataset, empty_policy), dataset.sliced)


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


def _refuse_overlap(bundle: Bundle, case: Case, allowed: bool) -> None:
    if not allowed:
        raise LeakError(
            expected=f"cases that '{bundle.name}' has not seen",
            found=f"{case.id}, one of its training or validation cases",
            fix="Evaluate on other cases, or add --allow-overlap to have it printed beside every score",
        )


def _score(case: Case, predictor: Any, bundle: Bundle, metrics: tuple[str, ...]) -> CaseScore:
    images = {s: i for s, i in case.images.items() if isinstance(i, Image)}
    segmentation: Segmentation = predictor.predict(images)
    assert isinstance(case.label, Image) and case.scheme is not None
    regions = regions_of(bundle.scheme, case.scheme)
    schemes = bundle.scheme, case.scheme
    return _score_masks(case.id, case.patient, segmentation.labels.data, case.label, regions, schemes, metrics)


def _score_masks(
    name: str,
    patient: str,
    found: Array,
    truth: Image,
    regions: dict[str, tuple[str, str]],
    schemes: tuple[LabelScheme, LabelScheme],
    metrics: tuple[str, ...],
) -> CaseScore:
    return score_case(
        found,
        truth.data,
        case=name,
        patient=patient,
        regions=regions,
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
    sliced: bool,
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
    units = (Unit.PATIENT, Unit.SLICE) if sliced else (Unit.PATIENT,)
    single = all(len(r.slices) == 1 for c in scored for r in c.regions.values())
    scores = aggregate(
        scored, metrics=metrics, units=(Unit.IMAGE,) if single else (*units, Unit.POOLED), policies=policies
    )
    overlap = conditions["overlap"]
    if overlap:
        warning = f"{len(overlap)} of {len(scored)} cases trained this bundle: not a test score"
        scores = [replace(s, note="; ".join(filter(None, (s.note, warning)))) for s in scores]
    return Evaluation(scores, scored, conditions, policies, dict(failed))


def _evaluate_folders(
    pred: Path, ref: Path, metrics: tuple[str, ...], policies: tuple[EmptyPolicy, ...], echo: Echo
) -> Evaluation:
    from tumorscope import __version__

    pairs = find_pairs(pred, ref)
    scored: list[CaseScore] = []
    failed: dict[str, str] = {}
    for number, (name, files) in enumerate(pairs.items(), 1):
        try:
            found, truth, pred_scheme, scheme = read_pair(*files)
            regions = regions_of(pred_scheme, scheme)
            scored.append(_score_masks(name, name, found.data, truth, regions, (pred_scheme, scheme), metrics))
        except TumorscopeError as error:
            failed[name] = str(error)
        echo(f"{number}/{len(pairs)} {name}: {failed.get(name) or _dice_line(scored[-1])}")
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
    return _summarise(scored, failed, conditions, metrics, policies, sliced=False)


def _dice_line(score: CaseScore) -> str:
    row = score.row(EmptyPolicy.BRATS, ("dice",))
    values = [f"{name} {_dice(row[name])}" for name in score.regions]
    return "Dice " + ", ".join(values)


def _dice(entry: object) -> str:
    value = entry["dice"] if isinstance(entry, dict) else None
    return "-" if value is None else f"{value:.3f}"
