"""Make split files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import ensure_folder
from tumorscope.datasets import DATASETS
from tumorscope.datasets.group_split import group_split
from tumorscope.datasets.published_splits import release_split, slice_split
from tumorscope.datasets.slicewise import as_slices
from tumorscope.datasets.splits import Split, k_folds, leave_one_site_out, patient_split
from tumorscope.recipes.recipe import held_out

Kind = Literal["random", "folds", "sites", "slices", "release", "groups"]


def make_split_files(
    dataset: str,
    data: str | Path,
    output: str | Path,
    *,
    kind: Kind = "random",
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    folds: int = 5,
    stratify: Literal["grade", "site", "tumor_type"] | None = None,
    test_list: str | None = None,
    seed: int = 0,
    against: Sequence[str] = (),
) -> dict[str, Split]:
    """Split a data set by patient and write the split files.

    Args:
        dataset: Data set name.
        data: Its folder.
        output: Folder for ``split.json``, ``fold-<i>.json`` or ``site-<name>.json``.
        kind: One random split, k folds, or one split per site left out for testing; ``slices`` (at random, whoever
            they belong to) and ``release`` (the public release's parts) are published protocols that leak patients;
            ``groups`` keeps single pictures together that look the same, and writes two draws of the validation part.
        fractions: Train, validation, test of a random split; of a release without validation part, its second is used.
        folds: Number of folds.
        stratify: Keep the proportions of grades, sites or tumour types.
        test_list: Fixed test list whose patients are always test.
        seed: Of the shuffle.
        against: For groups: data sets (``NAME=DIR``) whose patients or blocks the pictures may copy.

    Returns:
        File name → split.

    Raises:
        InputError: if there is no labelled case, or the stratum is not known.
        UsageError: if the numbers do not work out.
    """
    found = DATASETS.load(dataset).discover(data)
    if kind == "groups":
        return _group_splits(found, dataset, fractions, held_out(test_list), seed, against, ensure_folder(output))
    cases = [c for c in found if c.label is not None]
    if not cases:
        raise InputError(expected="labelled cases to split", found=f"none below {data}", fix="Point --data at them")
    if stratify and all(getattr(c, stratify) is None for c in cases):
        raise InputError(expected=f"cases of known {stratify}", found="none", fix="Split without --stratify")
    if kind in ("slices", "release") and (stratify or test_list):
        raise UsageError(
            expected=f"--kind {kind} by itself", found="--stratify or --test-list with it", fix="Leave one out"
        )
    splits = _splits(cases, dataset, kind, fractions, folds, stratify, held_out(test_list), seed)
    folder = ensure_folder(output)
    for name, split in splits.items():
        split.save(folder / name)
    return splits


def _group_splits(
    cases: list[Case],
    dataset: str,
    fractions: tuple[float, float, float],
    fixed: list[str],
    seed: int,
    against: Sequence[str],
    folder: Path,
) -> dict[str, Split]:
    """Write two splits of look-alikes with one test part; pictures of a release's test part only test."""
    from tumorscope.audit.audited import Audited
    from tumorscope.audit.groups import grouped
    from tumorscope.audit.scan import scan_cases

    others = []
    for text in against:
        name, mark, place = text.partition("=")
        if not mark:
            raise UsageError(expected="--against NAME=DIR", found=f"'{text}'", fix="Name data set and folder")
        others.append(Audited(name, "", scan_cases(DATASETS.load(name).discover(place), thorough=False)))
    typed = [c for c in cases if c.tumor_type is not None]
    if not typed:
        raise InputError(expected="pictures of a known tumour type", found="none", fix="Use four_class or figshare")
    together = grouped(typed, Audited(dataset, "", scan_cases(typed, thorough=False)), others)
    splits = {f"split-{d}.json": group_split(together, dataset, fractions, seed, fixed, d) for d in (0, 1)}
    for name, split in splits.items():
        split.save(folder / name)
    return splits


def _splits(
    cases: list[Case],
    dataset: str,
    kind: Kind,
    fractions: tuple[float, float, float],
    folds: int,
    stratify: str | None,
    fixed: list[str],
    seed: int,
) -> dict[str, Split]:
    """Return file name → split."""
    key = None if stratify is None else lambda case: getattr(case, stratify)
    if kind == "slices":
        return {"split.json": slice_split(as_slices(cases), dataset, fractions, seed)}
    if kind == "release":
        return {"split.json": release_split(cases, dataset, fractions[1], seed)}
    if kind == "random":
        return {"split.json": patient_split(cases, dataset, fractions, seed, key, fixed)}
    if kind == "folds":
        made = k_folds(cases, dataset, folds, seed, key, fixed)
        return {f"fold-{i}.json": split for i, split in enumerate(made)}
    if fixed:
        raise UsageError(expected="either --kind sites or a fixed test list", found="both", fix="Leave one out")
    return {f"site-{site}.json": s for site, s in leave_one_site_out(cases, dataset, seed=seed).items()}


def describe(name: str, split: Split) -> str:
    """Return one line: file, unit, seed, hash, cases per part."""
    counts = ", ".join(f"{len(ids)} {part}" for part, ids in split.parts.items())
    return f"{name}: unit {split.unit_text}, seed {split.seed}, hash {split.hash}: {counts}"
