"""RUN of ``tumorscope compare`` → something with scores: a train run, a bundle, or a stored evaluation."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LeakError, UsageError
from tumorscope.core.files import content_hash, write_text
from tumorscope.core.image import Image
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Part, Split
from tumorscope.workflows.evaluate import check_overlap, evaluate_cases, hashes_of, unseen_cases
from tumorscope.workflows.scoring import ScoreOptions

log = logging.getLogger(__name__)
Echo = Callable[[str], None]


@dataclass(frozen=True)
class Candidate:
    """One of the things compared.

    Attributes:
        name: Unique among those compared.
        source: As the user gave it.
        bundle: Its trained model; None for a stored evaluation.
        evaluation: What ``evaluate --json`` writes; empty until it is computed.
    """

    name: str
    source: str
    bundle: Bundle | None = None
    evaluation: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cohort:
    """The cases that bundles are scored on, and how.

    Attributes:
        dataset: Data set.
        data: Its folder.
        split: Split, if any, and its file.
        split_file: Where it was read from.
        part: Part of the split.
        cases: Labelled cases.
        runtime: As for prediction.
        device: As for prediction.
        tta: As for prediction.
    """

    dataset: Dataset
    data: Path
    split: Split | None
    split_file: Path | None
    part: Part
    cases: Sequence[Case]
    runtime: str = "auto"
    device: str = "auto"
    tta: bool = False

    @cached_property
    def hashes(self) -> dict[str, frozenset[str]]:
        """Content hashes of the cases, read once."""
        return hashes_of(self.cases)


def read_candidates(runs: Sequence[str]) -> list[Candidate]:
    """Open what is to be compared.

    A RUN is the folder of a training run (its ``bundle`` is taken), a bundle's name or folder, or a JSON file of
    ``tumorscope evaluate``; ``NAME=RUN`` gives it a name.

    Raises:
        UsageError: below two runs, or if one is none of these, or two have one name.
        InputError: if a file is not an evaluation.
    """
    if len(runs) < 2:
        raise UsageError(expected="at least two runs to compare", found=f"{len(runs)}", fix="Name another RUN")
    found = [_open(run) for run in runs]
    names = [c.name for c in found]
    if len(set(names)) < len(names):
        found = [replace(c, name=c.name if names.count(c.name) == 1 else f"{c.name} ({c.source})") for c in found]
    names = [c.name for c in found]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise UsageError(
            expected="every run once, under a name of its own", found=f"'{repeated[0]}' twice", fix="Write NAME=RUN"
        )
    return found


def _open(run: str) -> Candidate:
    label, equals, source = run.partition("=")
    if not equals or Path(run).exists():
        label, source = "", run
    path = Path(source)
    if path.is_file():
        return Candidate(label or path.stem, source, evaluation=read_evaluation(path))
    if (path / "bundle" / "bundle.json").is_file():
        return Candidate(label or path.resolve().name, source, Bundle.load(path / "bundle"))
    try:
        bundle = Bundle.load(source)
    except UsageError as error:
        raise UsageError(
            expected=f"a training run's folder, a bundle, or a JSON file of tumorscope evaluate ({error.expected})",
            found=f"'{source}'",
            fix="Name one of these",
        ) from error
    name = bundle.name if source == bundle.name else path.resolve().name
    return Candidate(label or name, source, bundle)


def read_evaluation(path: Path) -> dict[str, Any]:
    """Read what ``tumorscope evaluate --json FILE`` wrote.

    Raises:
        InputError: if the file is something else.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        fits = {"scores", "cases", "conditions", "tumour_free_slices"} <= set(content)
        fits = fits and "empty_policy" in content["conditions"]
    except (OSError, ValueError, TypeError, UnicodeDecodeError):
        fits = False
    if not fits:
        raise InputError(
            expected="a JSON file of tumorscope evaluate", found=f"something else at {path}", fix="Evaluate again"
        )
    return dict(content)


def evaluated(candidate: Candidate, cohort: Cohort, store: Path, options: ScoreOptions) -> Candidate:
    """Return the candidate with its evaluation: the stored one, or one computed now and stored.

    Args:
        candidate: With a bundle, or with an evaluation already.
        cohort: The cases.
        store: Folder of stored evaluations.
        options: What holds for every case.

    Raises:
        LeakError: if cases were trained on and ``options.allow_overlap`` is not set.
        InputError: if nothing can be scored.
    """
    if candidate.bundle is None:
        return candidate
    file = _place(candidate.name, candidate.bundle, cohort, store, options)
    if file.is_file():
        content = read_evaluation(file)
        overlap = content["conditions"]["overlap"]
        if overlap and not options.allow_overlap:
            raise LeakError(
                expected=f"cases that '{candidate.name}' has not seen",
                found=f"{len(overlap)} of {len(content['cases'])} among those it was trained on",
                fix=unseen_cases(candidate.bundle),
            )
        options.echo(f"{candidate.name}: stored evaluation {file}")
        return replace(candidate, evaluation=content)
    from tumorscope.inference.predictor import Predictor

    overlap = check_overlap(candidate.bundle, cohort.hashes, allow=options.allow_overlap)
    options.echo(f"{candidate.name}: scoring {len(cohort.cases)} cases")
    predictor = Predictor(candidate.bundle, cohort.runtime, cohort.device, tta=cohort.tta)
    result = evaluate_cases(cohort.cases, cohort.dataset, cohort.split, cohort.part, predictor, overlap, options)
    write_text(file, json.dumps(result.to_json(), indent=1, allow_nan=False))
    return replace(candidate, evaluation=json.loads(file.read_text(encoding="utf-8")))


def check_unseen(candidates: Sequence[Candidate], cohort: Cohort, store: Path, options: ScoreOptions) -> None:
    """Make sure, before any is scored, that no bundle was trained on the cases (stored evaluations tell it themselves).

    Raises:
        LeakError: if one was and ``options.allow_overlap`` is not set.
    """
    for one in candidates:
        if one.bundle is not None and not _place(one.name, one.bundle, cohort, store, options).is_file():
            check_overlap(one.bundle, cohort.hashes, allow=options.allow_overlap)


def _place(name: str, bundle: Bundle, cohort: Cohort, store: Path, options: ScoreOptions) -> Path:
    """Return the file that keeps, or will keep, an evaluation."""
    readable = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:60]
    return store / f"{readable}-{_key(bundle, cohort, options)}.json"


def _key(bundle: Bundle, cohort: Cohort, options: ScoreOptions) -> str:
    """Return a name that changes with the model, the cases' files and what is computed."""
    from tumorscope import __version__

    manifest = bundle.manifest.model_dump(mode="json", exclude={"scores", "limits", "title"}, exclude_defaults=True)
    facts = [
        manifest,
        cohort.dataset.name,
        None if cohort.split is None else cohort.split.hash,
        cohort.part,
        [_signature(case) for case in cohort.cases],
        [cohort.runtime, cohort.device, cohort.tta, options.metrics, options.empty_policy, __version__],
    ]
    return content_hash(json.dumps(facts, sort_keys=True, default=str).encode())


def _signature(case: Case) -> list[object]:
    """Return what changes when a case's files change."""
    parent = getattr(case.reader, "parent", None)
    sources = [*case.images.values(), case.label] if parent is None else [*parent.images.values(), parent.label]
    files = {file for source in sources if isinstance(source, Path) for file in _files(source)}
    if not files:
        from tumorscope.datasets.hashing import case_hashes

        whole = case.loaded()
        held = isinstance(whole.label, Image)
        return [case.id, case_hashes(whole) if held else ""]
    return [case.id, *((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(files))]


def _files(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_file()] if path.is_dir() else [path] if path.exists() else []
