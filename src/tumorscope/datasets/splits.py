"""Which patients train, validate and test a model."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LeakError, UsageError
from tumorscope.core.files import content_hash, write_text

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
#: Units through which patients can leak, as every score names them.
_LEAKY = {"slice": "slice-wise: patients leak", "release": "as released: patients may leak"}


class Split(BaseModel):
    """A split: case ids by part, and how it was made.

    Attributes:
        dataset: Data set name.
        unit: What was kept together: ``patient``, ``block`` (where patient ids are missing), ``site``; ``slice`` and
            ``release`` (as published) keep nothing together.
        seed: Of the shuffle.
        parts: Part → sorted case ids.
        hash: Over dataset, unit and parts; fills itself in, and is checked when read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    unit: str
    seed: int
    parts: dict[Part, list[str]]
    hash: str = ""

    def model_post_init(self, context: object) -> None:
        """Check that no case is in two parts; fill in or check the hash.

        Raises:
            InputError: if a case is in two parts or twice in one, or the file was edited after it was made.
        """
        every = [case_id for ids in self.parts.values() for case_id in ids]
        if len(set(every)) < len(every):
            repeated = next(case_id for case_id in every if every.count(case_id) > 1)
            raise InputError(
                expected="each case once in a split", found=f"'{repeated}' more often", fix="Make the split again"
            )
        body = json.dumps([self.dataset, self.unit, self.parts], sort_keys=True)
        true_hash = content_hash(body.encode())
        if self.hash and self.hash != true_hash:
            raise InputError(
                expected=f"a split whose hash is {true_hash}",
                found=f"{self.hash}",
                fix="Make the split again instead of editing it",
            )
        object.__setattr__(self, "hash", true_hash)

    @property
    def unit_text(self) -> str:
        """The unit, with its warning where patients can leak."""
        return _LEAKY.get(self.unit, self.unit)

    def pick(self, cases: Iterable[Case], part: Part) -> list[Case]:
        """Return the cases of ``part``.

        Raises:
            InputError: if cases of that part are not among ``cases``.
        """
        wanted = set(self.parts.get(part, []))
        found = [c for c in cases if c.id in wanted]
        missing = sorted(wanted - {c.id for c in found})
        if missing:
            raise InputError(
                expected=f"all {len(wanted)} cases of part '{part}'",
                found=f"{len(missing)} missing, e.g. {', '.join(missing[:3])}",
                fix="Point --data at the data the split was made on",
            )
        return found

    def check_patients(self, cases: Iterable[Case]) -> None:
        """Make sure that no patient is in two parts; units ``slice`` and ``release`` say themselves that patients leak.

        Raises:
            LeakError: naming the first patient in two parts.
        """
        part_of = {case_id: part for part, ids in self.parts.items() for case_id in ids}
        seen: dict[str, tuple[str, str]] = {}
        for case in cases if self.unit not in _LEAKY else ():
            if case.id not in part_of:
                continue
            first, part = seen.setdefault(case.patient, (case.id, part_of[case.id]))
            if part != part_of[case.id]:
                raise LeakError(
                    expected="every patient in one part of the split",
                    found=f"patient {case.patient} in '{part}' ({first}) and '{part_of[case.id]}' ({case.id})",
                    fix="Make the split by patient (tumorscope split)",
                )

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        write_text(path, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read a split file.

        Raises:
            InputError: if there is no such file, or it is not a split.
        """
        try:
            return cls.model_validate_json(Path(path).read_text(encoding="utf-8"))
        except (ValidationError, OSError, UnicodeDecodeError) as error:
            raise InputError(
                expected="a split file (JSON)", found=_what_is_wrong(error, path), fix="Make one with tumorscope split"
            ) from error


def _what_is_wrong(error: ValidationError | OSError | UnicodeDecodeError, path: str | Path) -> str:
    """Say in plain words why ``path`` cannot be read as a split."""
    if isinstance(error, FileNotFoundError):
        return f"no such file: {path}"
    if isinstance(error, IsADirectoryError):
        return f"a folder: {path}"
    if isinstance(error, OSError):
        return f"{(error.strerror or 'an unreadable file').lower()}: {path}"
    if isinstance(error, UnicodeDecodeError):
        return f"a file that is not text, so not JSON: {path}"
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]")
    should = first["msg"].removeprefix("Input ").partition(",")[0]
    reasons = {
        "json_invalid": "text that is not JSON",
        "model_type": "JSON without keys",
        "missing": f"that the key '{key}' is missing",
        "extra_forbidden": f"the unknown key '{key}'",
        "literal_error": f"the unknown part '{first['input']}' (not {', '.join(PARTS)})",
    }
    return f"{reasons.get(first['type'], f'that {key!r} {should}')} in {path}"


def _by_patient(cases: Iterable[Case]) -> dict[str, list[Case]]:
    patients: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        patients[case.patient].append(case)
    return dict(patients)


def _shuffled_strata(
    patients: dict[str, list[Case]], stratify: Callable[[Case], object] | None, seed: int
) -> list[list[str]]:
    """Return shuffled patient lists, one per stratum (of the patient's first case)."""
    strata: dict[str, list[str]] = defaultdict(list)
    for patient in sorted(patients):
        strata[str(stratify(patients[patient][0])) if stratify else ""].append(patient)
    rng = random.Random(seed)
    lists = [strata[key] for key in sorted(strata)]
    for names in lists:
        rng.shuffle(names)
    return lists


def _fixed(patients: dict[str, list[Case]], held_out: Iterable[str]) -> list[str]:
    """Return the patients that ``held_out`` names by themselves or by one of their cases."""
    named = set(held_out)
    return [p for p, members in patients.items() if any(c.names & named for c in members)]


def _draw(strata: list[list[str]], val: float, test: float) -> dict[str, Part]:
    """Give each stratum's patients to the parts; what rounding takes from one stratum the next one gets."""
    assignment: dict[str, Part] = {}
    carry = [0.0, 0.0]
    for names in strata:
        counts: list[int] = []
        for index, fraction in enumerate((val, test)):
            exact = fraction * len(names) + carry[index]
            counts.append(min(round(exact), len(names) - sum(counts)))
            carry[index] = exact - counts[index]
        for position, name in enumerate(names):
            assignment[name] = "val" if position < counts[0] else "test" if position < sum(counts) else "train"
    return assignment


def _split(dataset: str, unit: str, seed: int, assignment: dict[str, Part], patients: dict[str, list[Case]]) -> Split:
    parts: dict[Part, list[str]] = {part: [] for part in PARTS}
    for patient, part in assignment.items():
        parts[part] += [c.id for c in patients[patient]]
    units = {c.unit for members in patients.values() for c in members}
    unit = next((known for known in ("slice", "block") if known in units), unit)
    return Split(dataset=dataset, unit=unit, seed=seed, parts={p: sorted(ids) for p, ids in parts.items()})


def patient_split(
    cases: Sequence[Case],
    dataset: str,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    stratify: Callable[[Case], object] | None = None,
    held_out: Iterable[str] = (),
) -> Split:
    """Split patients at random, each stratum in the same proportions.

    Args:
        cases: All labelled cases.
        dataset: Data set name.
        fractions: Train, validation, test; they sum to 1.
        seed: Of the shuffle.
        stratify: Case → stratum, e.g. its grade.
        held_out: Patients or case ids that are always test; where any of them is among ``cases``, only train and
            validation are drawn, in their proportion.

    Raises:
        UsageError: if the fractions do not sum to 1 or a part that should have patients has none.
    """
    if abs(sum(fractions) - 1) > 1e-6 or min(fractions) < 0 or fractions[0] == 0:
        raise UsageError(
            expected="split fractions that sum to 1, with some for training",
            found=f"{fractions}",
            fix="Correct data.fractions",
        )
    patients = _by_patient(cases)
    assignment: dict[str, Part] = dict.fromkeys(_fixed(patients, held_out), "test")
    free = {p: c for p, c in patients.items() if p not in assignment}
    train, val, test = fractions
    if assignment:
        train, val, test = train / (train + val), val / (train + val), 0.0
    assignment.update(_draw(_shuffled_strata(free, stratify, seed), val, test))
    split = _split(dataset, "patient", seed, assignment, patients)
    for part, fraction in zip(PARTS, (train, val, test), strict=True):
        if fraction > 0 and not split.parts[part]:
            raise UsageError(
                expected=f"at least one patient for '{part}' ({fraction:.0%})",
                found=f"{len(patients)} patients in all",
                fix="Add data or change data.fractions",
            )
    return split


def k_folds(
    cases: Sequence[Case],
    dataset: str,
    folds: int = 5,
    seed: int = 0,
    stratify: Callable[[Case], object] | None = None,
    held_out: Iterable[str] = (),
) -> list[Split]:
    """Return ``folds`` splits whose validation parts are disjoint and cover all patients that are not held out.

    Raises:
        UsageError: if there are fewer patients than folds.
    """
    patients = _by_patient(cases)
    test = _fixed(patients, held_out)
    free = {p: c for p, c in patients.items() if p not in test}
    if folds < 2 or len(free) < folds:
        raise UsageError(
            expected=f"at least {max(folds, 2)} patients for {folds} folds", found=f"{len(free)}", fix="Use fewer folds"
        )
    order = [name for names in _shuffled_strata(free, stratify, seed) for name in names]
    splits = []
    for fold in range(folds):
        validation = set(order[fold::folds])
        assignment: dict[str, Part] = dict.fromkeys(test, "test")
        assignment.update({p: "val" if p in validation else "train" for p in order})
        splits.append(_split(dataset, "patient", seed, assignment, patients))
    return splits


def leave_one_site_out(
    cases: Sequence[Case], dataset: str, validation: float = 0.15, seed: int = 0
) -> dict[str, Split]:
    """Return one split per site: that site tests, the others train and validate.

    Raises:
        UsageError: if fewer than two sites are known.
    """
    sites = sorted({c.site for c in cases if c.site})
    if len(sites) < 2:
        raise UsageError(expected="cases of at least two known sites", found=f"{sites}", fix="Use a patient-wise split")
    result = {}
    for site in sites:
        held = [c.patient for c in cases if c.site == site]
        split = patient_split(cases, dataset, (1 - validation, validation, 0.0), seed, held_out=held)
        result[site] = Split(dataset=dataset, unit="site", seed=seed, parts=split.parts)
    return result
