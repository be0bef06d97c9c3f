"""Compare classifiers on the same pictures."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import content_hash, write_text
from tumorscope.core.image import Image
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Part, Split
from tumorscope.metrics.paired_types import paired_types
from tumorscope.metrics.type_scores import TypeAnswers
from tumorscope.report.type_comparison import TypeComparison
from tumorscope.workflows.candidates import Candidate, read_evaluation
from tumorscope.workflows.comparable import check_comparable, check_training_units
from tumorscope.workflows.evaluate import evaluate
from tumorscope.workflows.evaluate_types import find_typed
from tumorscope.workflows.run_rows import run_row

Echo = Callable[[str], None]
#: Slices that are timed, after one that warms up.
_TIMED = 24


@dataclass(frozen=True)
class TypeCohort:
    """The pictures that bundles are scored on, and how.

    Attributes:
        dataset: Data set name.
        data: Its folder.
        split: Split file, or None.
        part: Part of the split.
        cases: Ids; none for all.
        runtime: As for prediction.
        device: As for prediction.
        tta: As for prediction.
        allow_overlap: Score pictures that trained a run, and say so.
    """

    dataset: str | None
    data: str | Path | None
    split: str | Path | None = None
    part: Part = "test"
    cases: tuple[str, ...] = ()
    runtime: str = "auto"
    device: str = "auto"
    tta: bool = False
    allow_overlap: bool = False


def are_classifiers(candidates: Sequence[Candidate]) -> bool:
    """Return whether all candidates tell tumour types.

    Raises:
        InputError: if some do and some segment.
    """
    found = {
        c.name: "confusion" in c.evaluation if c.bundle is None else c.bundle.manifest.outputs.kind == "types"
        for c in candidates
    }
    if len(set(found.values())) > 1:
        told = ", ".join(f"'{name}' {'tells types' if is_one else 'segments'}" for name, is_one in found.items())
        raise InputError(expected="runs of one task", found=told, fix="Compare classifiers with classifiers")
    return all(found.values())


def compare_types(
    candidates: Sequence[Candidate], cohort: TypeCohort, store: Path, *, cost: bool, seed: int, n_boot: int, echo: Echo
) -> TypeComparison:
    """Compare classifiers picture by picture.

    Args:
        candidates: Bundles of classifiers, or their stored evaluations.
        cohort: What bundles are scored on.
        store: Folder of stored evaluations.
        cost: Also measure milliseconds per slice.
        seed: Of the bootstrap.
        n_boot: Number of resamples.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: if the arguments do not say what to score.
        LeakError: if pictures were trained on and ``cohort.allow_overlap`` is not set.
        InputError: if the runs have other pictures, classes or rules.
    """
    from tumorscope import __version__

    notes = check_training_units(candidates, allow_overlap=cohort.allow_overlap)
    scored = [_evaluated(c, cohort, store, echo) for c in candidates]
    notes += check_comparable(scored, allow_overlap=cohort.allow_overlap)
    answers = {c.name: _answers(c, scored[0]) for c in scored}
    pairs: list[dict[str, Any]] = [
        {"first": a, "second": b, **paired_types(answers[a], answers[b], seed=seed, n_boot=n_boot).to_json()}
        for a, b in itertools.combinations(answers, 2)
    ]
    first = scored[0].evaluation
    kept = ("dataset", "split_unit", "split_hash", "part", "resampled")
    conditions = {k: first["conditions"].get(k) for k in kept}
    conditions |= {"n": len(first["cases"]), "n_boot": n_boot, "seed": seed, "version": __version__}
    tables = {c.name: {row["case"]: row["answer"] for row in c.evaluation["cases"]} for c in scored}
    return TypeComparison(
        runs=[run_row(c) for c in scored],
        scores=[
            {"run": c.name, **s, "note": "; ".join(filter(None, (s["note"], *notes)))}
            for c in scored
            for s in c.evaluation["scores"]
            if "sd" not in s  # that of "tumour type" repeats the accuracy
        ],
        pairs=pairs,
        cases=[
            {"case": r["case"], "truth": r["truth"], "answers": {n: t[r["case"]] for n, t in tables.items()}}
            for r in first["cases"]
        ],
        costs=[_cost(c, cohort, measure=cost, echo=echo) for c in scored],
        conditions=conditions,
        notes=notes,
    )


def _evaluated(candidate: Candidate, cohort: TypeCohort, store: Path, echo: Echo) -> Candidate:
    """Return the candidate with its evaluation: the stored one, or one made now and stored."""
    if candidate.bundle is None:
        return candidate
    if cohort.dataset is None or cohort.data is None:
        raise UsageError(
            expected="--dataset NAME and --data DIR, to score the runs on", found="one of them missing", fix="Add it"
        )
    facts = replace(cohort, split=Split.load(cohort.split).hash if cohort.split else None)
    weights = sorted(candidate.bundle.manifest.weights_sha256.values())
    file = store / f"types-{content_hash(json.dumps([vars(facts), weights], default=str).encode())}.json"
    if file.is_file():
        echo(f"{candidate.name}: stored evaluation {file}")
    else:
        echo(f"{candidate.name}: scoring")
        result = evaluate(bundle=candidate.bundle.folder, **vars(cohort), echo=echo)
        write_text(file, json.dumps(result.to_json(), indent=1, allow_nan=False))
    return replace(candidate, evaluation=read_evaluation(file))


def _answers(candidate: Candidate, first: Candidate) -> TypeAnswers:
    """Return a candidate's answers in the order of the first one's pictures and classes."""
    names = first.evaluation["confusion"]["classes"]
    own = candidate.evaluation["confusion"]["classes"]
    if sorted(own) != sorted(names):
        raise InputError(
            expected=f"runs of the same classes ({', '.join(names)} of '{first.name}')",
            found=f"{', '.join(own)} of '{candidate.name}'",
            fix="Compare models of the same task",
        )
    rows = {row["case"]: row for row in candidate.evaluation["cases"]}
    ordered = [rows[row["case"]] for row in first.evaluation["cases"]]
    columns = [own.index(name) for name in names]
    probabilities = np.array([row["probabilities"] for row in ordered], dtype=np.float64)[:, columns]
    truth = np.array([names.index(row["truth"]) for row in ordered], dtype=np.int64)
    return TypeAnswers(names, truth, probabilities, [row["patient"] for row in ordered])


def _cost(candidate: Candidate, cohort: TypeCohort, *, measure: bool, echo: Echo) -> dict[str, Any]:
    """Return size and work of a bundle, and what one slice takes after loading, read from memory."""
    bundle = candidate.bundle
    if bundle is None or cohort.dataset is None or cohort.data is None:
        return {"run": candidate.name}
    from tumorscope.inference.cost import network_cost
    from tumorscope.inference.type_predictor import TypePredictor

    found: dict[str, Any] = {"run": candidate.name, **network_cost(bundle).to_json()}
    if not measure:
        return found
    predictor = TypePredictor(bundle, cohort.runtime, cohort.device, cohort.tta)
    split = Split.load(cohort.split) if cohort.split else None
    types = bundle.manifest.outputs.names
    cases = find_typed(DATASETS.load(cohort.dataset), Path(cohort.data), split, cohort.part, cohort.cases, types)
    echo(f"{candidate.name}: timing")
    laps = []
    for case in cases[: 1 + _TIMED]:
        loaded = case.loaded((predictor.sequence,)).images
        images = {s: i for s, i in loaded.items() if isinstance(i, Image)}
        started, used = time.perf_counter(), time.process_time()
        predictor.predict(images)
        laps.append((time.perf_counter() - started, time.process_time() - used))
    timed = laps[1:] or laps
    return {
        **found,
        "ms_per_slice": round(1000 * statistics.median(lap[0] for lap in timed), 2),
        "processor_ms_per_slice": round(1000 * statistics.median(lap[1] for lap in timed), 2),
        "slices_timed": len(timed),
        "runtime": predictor.runtime.description,
    }
