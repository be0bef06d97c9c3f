"""Compare runs, bundles or stored evaluations on the same cases."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import UsageError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Part, Split
from tumorscope.metrics import METRICS
from tumorscope.metrics.paired import holm, least_holm, paired
from tumorscope.metrics.summary import N_BOOT
from tumorscope.report.comparison import Comparison
from tumorscope.report.type_comparison import TypeComparison
from tumorscope.workflows.candidates import Candidate, Cohort, check_unseen, evaluated, read_candidates
from tumorscope.workflows.case_cost import run_cost
from tumorscope.workflows.comparable import check_comparable, check_training_units, shared_regions
from tumorscope.workflows.compare_types import TypeCohort, are_classifiers, compare_types
from tumorscope.workflows.evaluate import find_cases
from tumorscope.workflows.run_rows import run_row
from tumorscope.workflows.scoring import ScoreOptions, metric_names, policies_of

log = logging.getLogger(__name__)
Echo = Callable[[str], None]
#: What is compared when nothing else is asked for.
COMPARED = ("dice", "iou", "sensitivity", "precision", "hd95")


def compare(
    runs: Sequence[str],
    *,
    dataset: str | None = None,
    data: str | Path | None = None,
    split: str | Path | None = None,
    part: Part = "test",
    cases: Sequence[str] = (),
    out: str | Path = "compare",
    metrics: Sequence[str] = COMPARED,
    empty_policy: str | None = None,
    allow_overlap: bool = False,
    validation: bool = False,
    cost: bool = True,
    runtime: str = "auto",
    device: str = "auto",
    tta: bool = False,
    seed: int = 0,
    n_boot: int = N_BOOT,
    echo: Echo = log.info,
) -> Comparison | TypeComparison:
    """Compare runs case by case; classifiers, of whose scores none needs a mask, among themselves.

    Evaluations and costs are stored in ``out``, so that a repeated comparison computes nothing again.

    Args:
        runs: Training-run folders, bundles, or JSON files of ``evaluate``; ``NAME=RUN`` names one.
        dataset: Data set name; needed with ``data`` unless all runs are stored evaluations.
        data: Its folder.
        split: Split file; default: every labelled case found.
        part: Which part of the split.
        cases: Only these, by id.
        out: Folder for what is stored.
        metrics: Metric names.
        empty_policy: Overrides the data set's own empty-mask policies.
        allow_overlap: Go on where cases were trained on, and print so beside every score.
        validation: Also score each run on the cases that validated its own training.
        cost: Also measure seconds and memory, in processes of their own.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also average the mirrored prediction.
        seed: Of the bootstrap.
        n_boot: Number of resamples.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: if the arguments do not say what to compare.
        LeakError: if cases were trained on and ``allow_overlap`` is not given.
        InputError: if the runs have other cases, references, units of split or rules.
    """
    policies_of(False, empty_policy)
    options = ScoreOptions(allow_overlap, metric_names(metrics), empty_policy, echo)
    candidates = read_candidates(runs)
    if are_classifiers(candidates):
        pictures = TypeCohort(dataset, data, split, part, tuple(cases), runtime, device, tta, allow_overlap)
        place = ensure_folder(out) / "evaluations"
        return compare_types(candidates, pictures, place, cost=cost, seed=seed, n_boot=n_boot, echo=echo)
    cohort = _cohort(candidates, dataset, data, split, part, cases, (runtime, device, tta))
    store = ensure_folder(out) / "evaluations"
    notes = check_training_units(candidates, allow_overlap=allow_overlap)
    if cohort is not None:
        check_unseen(candidates, cohort, store, options)
        candidates = [evaluated(c, cohort, store, options) for c in candidates]
    notes += check_comparable(candidates, allow_overlap=allow_overlap)
    regions = shared_regions(candidates)
    checked = [] if not (validation and cohort) else _validation(candidates, cohort, store, options)
    rows = _case_rows(candidates, regions, options.metrics)
    return Comparison(
        runs=[run_row(c) for c in candidates],
        scores=_noted(_score_rows(candidates, regions, options.metrics), notes),
        pairs=_pairs([c.name for c in candidates], rows, seed, n_boot),
        cases=rows,
        tumour_free=_tumour_free(candidates, regions),
        costs=[run_cost(c, cohort, store, measure=cost, echo=echo) for c in candidates],
        validation=_score_rows(checked, regions, options.metrics),
        conditions=_conditions(candidates, rows, n_boot, seed),
        notes=notes,
    )


def write_report(result: Comparison | TypeComparison, path: str | Path) -> Path:
    """Write the comparison as one HTML file.

    Raises:
        OutputError: if it cannot be written.
    """
    from tumorscope.report.compare_html import compare_html

    write_text(path, compare_html(result))
    return Path(path)


def _cohort(
    candidates: Sequence[Candidate],
    dataset: str | None,
    data: str | Path | None,
    split: str | Path | None,
    part: Part,
    cases: Sequence[str],
    how: tuple[str, str, bool],
) -> Cohort | None:
    """Return the cases that bundles are scored on; None where every run is a stored evaluation."""
    if all(c.bundle is None for c in candidates):
        return None
    if dataset is None or data is None:
        raise UsageError(
            expected="--dataset NAME and --data DIR, to score the runs on", found="one of them missing", fix="Add it"
        )
    source, chosen = DATASETS.load(dataset), Split.load(split) if split else None
    found = find_cases(source, Path(data), chosen, part, cases)
    return Cohort(source, Path(data), chosen, None if split is None else Path(split), part, found, *how)


def _validation(candidates: Sequence[Candidate], cohort: Cohort, store: Path, options: ScoreOptions) -> list[Candidate]:
    """Score each bundle on the cases that validated its own training; those without such a part are passed over.

    Raises:
        InputError: if those cases are not in the data.
    """
    found = []
    for candidate in (c for c in candidates if c.bundle is not None):
        assert candidate.bundle is not None
        recorded = candidate.bundle.manifest.training.split
        if not recorded.get("parts", {}).get("val"):
            options.echo(f"{candidate.name}: no validation part is recorded (a bundle of folds has none of its own)")
            continue
        split = Split.model_validate(recorded)
        cases = find_cases(cohort.dataset, cohort.data, split, "val")
        own = replace(cohort, part="val", split=split, cases=cases)
        found.append(evaluated(replace(candidate, evaluation={}), own, store, replace(options, allow_overlap=True)))
    return found


def _score_rows(
    candidates: Sequence[Candidate], regions: Sequence[str], metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the scores of all runs, blocks of the same region, unit and policy together."""
    rows = [
        {"run": c.name, **score}
        for c in candidates
        for score in c.evaluation["scores"]
        if score["metric"] in metrics and (score["region"] in regions or not METRICS[score["metric"]].of_region)
    ]
    blocks = list(dict.fromkeys((r["region"], r["unit"], r["empty_policy"]) for r in rows))
    return sorted(rows, key=lambda r: blocks.index((r["region"], r["unit"], r["empty_policy"])))


def _noted(rows: list[dict[str, Any]], notes: Sequence[str]) -> list[dict[str, Any]]:
    """Put what must be said beside every score beside every score."""
    return [{**row, "note": "; ".join(filter(None, (row["note"], *notes)))} for row in rows]


def _case_rows(candidates: Sequence[Candidate], regions: Sequence[str], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return, per case, region and metric, the value of every run; metrics that a run lacks are left out."""
    tables = {c.name: {row["case"]: row for row in c.evaluation["cases"]} for c in candidates}
    rows = []
    for row in sorted(candidates[0].evaluation["cases"], key=lambda r: str(r["case"])):
        for region, metric in itertools.product(regions, metrics):
            found = {name: table[row["case"]][region] for name, table in tables.items()}
            if METRICS[metric].of_region and all(metric in values for values in found.values()):
                values = {name: entry[metric] for name, entry in found.items()}
                facts = {"case": row["case"], "patient": row["patient"], "region": region, "metric": metric}
                rows.append({**facts, "values": values})
    return rows


def _pairs(names: Sequence[str], rows: Sequence[dict[str, Any]], seed: int, n_boot: int) -> list[dict[str, Any]]:
    """Compare every two runs in every region and metric; Holm's correction is over the tests of one metric."""
    found: list[dict[str, Any]] = []
    for metric in dict.fromkeys(r["metric"] for r in rows):
        family = []
        for region in dict.fromkeys(r["region"] for r in rows):
            mine = [r for r in rows if (r["metric"], r["region"]) == (metric, region)]
            for first, second in itertools.combinations(names, 2):
                values = [np.array([r["values"][n] for r in mine], dtype=np.float64) for n in (first, second)]
                result = paired(
                    *values,
                    groups=[r["patient"] for r in mine],
                    higher_is_better=METRICS[metric].higher_is_better,
                    seed=seed,
                    n_boot=n_boot,
                )
                family.append((first, second, region, result))
        corrected = holm([r.p for *_, r in family]) if len(family) > 1 else [None]
        least = least_holm([r.p_least for *_, r in family])
        for (first, second, region, result), p, low in zip(family, corrected, least, strict=True):
            facts = {"first": first, "second": second, "metric": metric, "region": region}
            found.append({**facts, **replace(result, p_holm=p, n_tests=len(family), p_least=low).to_json()})
    return found


def _tumour_free(candidates: Sequence[Candidate], regions: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"run": c.name, **row}
        for region in regions
        for c in candidates
        for row in c.evaluation["tumour_free_slices"]
        if row["region"] == region
    ]


def _conditions(
    candidates: Sequence[Candidate], rows: Sequence[dict[str, Any]], n_boot: int, seed: int
) -> dict[str, Any]:
    from tumorscope import __version__

    first = candidates[0].evaluation["conditions"]
    kept = ("dataset", "split_unit", "split_hash", "part", "empty_policy", "distances", "case_rows")
    return {
        **{key: first.get(key) for key in kept},
        "n_cases": len({r["case"] for r in rows}),
        "n_patients": len({r["patient"] for r in rows}),
        "n_boot": n_boot,
        "seed": seed,
        "version": __version__,
    }
