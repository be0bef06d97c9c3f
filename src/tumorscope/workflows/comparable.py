"""What may be compared: the same cases, the same reference, the same unit of split and the same rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorscope.core.errors import InputError, LeakError
from tumorscope.metrics.case_score import CLASSES
from tumorscope.workflows.candidates import Candidate


def check_training_units(candidates: Sequence[Candidate], *, allow_overlap: bool) -> list[str]:
    """Make sure that the bundles were trained by the same unit of split: a slice-wise one saw the test patients.

    Args:
        candidates: Those without a bundle are passed over.
        allow_overlap: Go on all the same.

    Returns:
        What must be said beside every score, one sentence each.

    Raises:
        LeakError: if the units differ.
    """
    units = {c.name: c.bundle.manifest.training.split.get("unit") for c in candidates if c.bundle is not None}
    known = {name: unit for name, unit in units.items() if unit}
    if len(set(known.values())) < 2:
        return []
    told = "; ".join(f"{name}: {unit}" for name, unit in known.items())
    if not allow_overlap:
        raise LeakError(
            expected="runs that were trained by the same unit of split",
            found=f"{told} (a patient's other slices may have trained one of them)",
            fix="Compare runs of one protocol, or add --allow-overlap to have it printed beside every score",
        )
    return [f"trained by different units of split ({told}): not a fair comparison"]


def check_comparable(candidates: Sequence[Candidate], *, allow_overlap: bool) -> list[str]:
    """Make sure that candidates were scored on the same cases in the same way.

    Args:
        candidates: With evaluations.
        allow_overlap: Go on where cases were trained on.

    Returns:
        What must be said beside every score, one sentence each.

    Raises:
        LeakError: if cases of the comparison were trained on.
        InputError: if the comparison would not be fair; one sentence says why.
    """
    first = candidates[0]
    for other in candidates[1:]:
        _check_cases(first, other)
        _check_references(first, other)
        _check_conditions(first, other)
    return _check_overlap(candidates, allow_overlap)


def shared_regions(candidates: Sequence[Candidate]) -> list[str]:
    """Return the regions that all candidates have, in the order of the first.

    Raises:
        InputError: if they share none.
    """
    found = [regions_of_row(c.evaluation["cases"][0]) for c in candidates]
    shared = [name for name in found[0] if all(name in names for names in found)]
    if not shared:
        raise InputError(
            expected="a region that all runs score",
            found="; ".join(f"{c.name}: {', '.join(names)}" for c, names in zip(candidates, found, strict=True)),
            fix="Compare models of the same task",
        )
    return shared


def regions_of_row(row: Mapping[str, Any]) -> list[str]:
    """Return the regions of one case's row."""
    return [name for name, value in row.items() if isinstance(value, dict) and name != CLASSES]


def _check_cases(first: Candidate, other: Candidate) -> None:
    here, there = ({row["case"] for row in c.evaluation["cases"]} for c in (first, other))
    if here != there:
        differing = sorted(here ^ there)
        raise InputError(
            expected=f"the same cases for every run ({len(here)} of '{first.name}')",
            found=f"{len(differing)} cases that only one of '{first.name}' and '{other.name}' has scores for: "
            f"{', '.join(differing[:3])}",
            fix="Evaluate both on the same cases, or name the common ones with --cases",
        )


def _check_references(first: Candidate, other: Candidate) -> None:
    rows = {row["case"]: row for row in other.evaluation["cases"]}
    for row in first.evaluation["cases"]:
        beside = rows[row["case"]]
        for region in set(regions_of_row(row)) & set(regions_of_row(beside)):
            a, b = row[region], beside[region]
            if a["reference"] != b["reference"] or a["tp"] + a["fn"] != b["tp"] + b["fn"]:
                raise InputError(
                    expected="the same reference for every run",
                    found=f"another reference mask of {region} in case {row['case']} for '{other.name}' than for "
                    f"'{first.name}'",
                    fix="Evaluate both against the same reference label maps",
                )


def _check_conditions(first: Candidate, other: Candidate) -> None:
    words = {"split_unit": "unit of split", "part": "part of the split", "empty_policy": "empty-mask policy"}
    for key, word in words.items():
        here, there = (c.evaluation["conditions"].get(key) for c in (first, other))
        if here != there:
            raise InputError(
                expected=f"the same {word} for every run",
                found=f"'{here}' for '{first.name}' and '{there}' for '{other.name}'",
                fix="Evaluate both in the same way",
            )


def _check_overlap(candidates: Sequence[Candidate], allow: bool) -> list[str]:
    said = []
    for candidate in candidates:
        overlap = candidate.evaluation["conditions"].get("overlap") or []
        if overlap and not allow:
            raise LeakError(
                expected=f"cases that '{candidate.name}' has not seen",
                found=f"{len(overlap)} among its training or validation cases: {', '.join(overlap[:5])}",
                fix="Choose other cases with --split, or add --allow-overlap to have it printed beside every score",
            )
        if overlap:
            total = len(candidate.evaluation["cases"])
            said.append(f"{candidate.name}: {len(overlap)} of {total} cases trained it: not a test score")
    return said
