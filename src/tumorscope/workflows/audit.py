"""Audit a data set, with or without a split, before anyone trains on it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tumorscope.audit.audited import Audited
from tumorscope.audit.result import AuditResult, run_checks
from tumorscope.audit.scan import scan_cases
from tumorscope.audit.training import parts_of
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, OutputError, UsageError
from tumorscope.core.files import write_text
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Part, Split
from tumorscope.workflows.countdown import countdown

log = logging.getLogger(__name__)
Echo = Callable[[str], None]
#: Case id → part, the unit of the split, and where it comes from.
_Divided = tuple[Mapping[str, Part], str, str]
_WHOLE: _Divided = ({}, "", "")


def audit(
    dataset: str,
    data: str | Path,
    *,
    split: str | Path | None = None,
    against: Sequence[str] = (),
    report: str | Path | None = None,
    store: str | Path | None = None,
    echo: Echo = log.info,
) -> AuditResult:
    """Look for leaks and defects in a data set; arguments are checked before any image is read.

    Args:
        dataset: Data set name.
        data: Its folder.
        split: Split file; without it the parts of the public release, where it has any.
        against: Other data sets as ``NAME=DIR``.
        report: HTML file to write.
        store: Folder that keeps what was read, for the next audit.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: if a data set is not known, or ``against`` is malformed.
        InputError: if nothing can be read, a folder holds no cases, or the split is no split or of other data.
        OutputError: if the report cannot be written.
    """
    begun = time.monotonic()
    others = _named(against, dataset)
    if report is not None:
        _check_writable(Path(report))
    chosen = _load_split(split, dataset) if split is not None else None
    sources = {dataset: DATASETS.load(dataset).discover(data)}
    divided = _parts(sources[dataset], split, chosen)
    sources |= {name: _discover_other(kind, folder) for name, kind, folder in others}
    keep = Path(store) if store else None
    audited = _scanned(dataset, Path(data), sources[dataset], divided, keep, echo)
    found = {name: _scanned(kind, folder, sources[name], _WHOLE, keep, echo) for name, kind, folder in others}
    audited = Audited(**{**vars_of(audited), "others": found})
    findings = run_checks(audited, echo=echo)
    conditions = _conditions(audited, Path(data), split, others, time.monotonic() - begun)
    result = AuditResult(conditions, findings)
    if report is not None:
        from tumorscope.report.audit_html import audit_html
        from tumorscope.workflows.audit_pictures import thumbnails

        echo(f"writing {report}")
        write_text(report, audit_html(result, thumbnails(result, sources, dataset)))
    return result


def vars_of(audited: Audited) -> dict[str, Any]:
    """Return the fields an :class:`Audited` was built from."""
    from dataclasses import fields

    return {f.name: getattr(audited, f.name) for f in fields(audited)}


def _named(texts: Sequence[str], dataset: str) -> list[tuple[str, str, Path]]:
    """Read ``NAME=DIR`` each: what to call it (with its folder where a name repeats), data set name, folder."""
    pairs = [text.partition("=") for text in texts]
    for text, (name, mark, folder) in zip(texts, pairs, strict=True):
        if not mark or not folder:
            raise UsageError(
                expected="--against NAME=DIR", found=f"'{text}'", fix="Name data set and folder: --against coco=DIR"
            )
        DATASETS.check(name)
    names = [dataset, *(name for name, _, _ in pairs)]
    return [(n if names.count(n) == 1 else f"{n} in {folder}", n, Path(folder)) for n, _, folder in pairs]


def _check_writable(report: Path) -> None:
    """Make sure that the page can be written, without making a folder yet."""
    folder = next(p for p in report.absolute().parents if os.access(p, os.F_OK))
    if report.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        found = "a folder of that name" if report.is_dir() else f"no right to write in {folder}"
        found = found if folder.is_dir() else f"a file at {folder}"
        raise OutputError(expected=f"to be able to write {report}", found=found, fix="Name another file after --report")


def _load_split(path: str | Path, dataset: str) -> Split:
    split = Split.load(path)
    if split.dataset != dataset:
        raise InputError(
            expected=f"a split of '{dataset}'",
            found=f"one of another data set, '{split.dataset}', in {path}",
            fix="Name another file after --split, or another data set after --dataset",
        )
    return split


def _discover_other(name: str, folder: Path) -> list[Case]:
    dataset: Dataset = DATASETS.load(name)
    try:
        return dataset.discover(folder)
    except InputError as error:
        if error.option != "--data":
            raise
        against = f"--against {name}="
        raise error.replace(fix=error.fix.replace(error.option, against), option=against) from error


def _scanned(name: str, folder: Path, cases: list[Case], divided: _Divided, store: Path | None, echo: Echo) -> Audited:
    dataset: Dataset = DATASETS.load(name)
    echo(f"{name}: reading {len(cases)} cases below {folder}")
    scans = scan_cases(cases, store=store, progress=countdown(echo, "read "))
    if all(s.trouble for s in scans):
        raise InputError(
            expected=f"cases of '{name}' that can be read",
            found=f"none of {len(scans)}; the first says: {scans[0].message}",
            fix="Run tumorscope inspect on one of them",
        )
    described = tuple(map(str, dataset.sequences)) if name != "folder" else ()
    return Audited(name, dataset.title, scans, described, *divided, dataset.sliced)


def _parts(cases: Sequence[Case], path: str | Path | None, split: Split | None) -> _Divided:
    """Return case id → part, the unit of the split, and where it comes from."""
    if split is not None:
        parts = parts_of(split)
        known = {c.id for c in cases}
        if not any(i in known or i.rpartition("_z")[0] in known for i in parts):
            example = f", e.g. {next(iter(parts))}" if parts else ""
            raise InputError(
                expected="a split of these cases",
                found=f"none of its {len(parts)} ids among them{example}",
                fix="Point --data at the data the split was made on",
            )
        return parts, split.unit, f"{path} (unit {split.unit}, seed {split.seed}, hash {split.hash})"
    released: dict[str, Part] = {c.id: c.release_part for c in cases if c.release_part}
    return (released, "release", "the parts of the public release") if len(set(released.values())) > 1 else _WHOLE


def _conditions(
    audited: Audited, data: Path, split: str | Path | None, others: Sequence[tuple[str, str, Path]], seconds: float
) -> dict[str, Any]:
    from tumorscope import __version__

    sizes = {part: audited.part_size(part) for part in ("train", "val", "test")} if audited.divided else {}
    counted = ", ".join(f"{n} {part}" for part, n in sizes.items())
    pictures = sorted({s.picture for s in audited.scans if s.picture})
    return {
        "data set": f"{audited.name}: {audited.title}",
        "folder": str(data),
        "cases": len(audited.scans),
        "slices": len(audited.case),
        "split": f"{audited.origin}; slices: {counted}"
        if audited.divided
        else "none: nothing across parts was checked",
        "compared with": ", ".join(f"{name}={folder}" for _, name, folder in others) or None,
        "slices described by": ", ".join(pictures) or None,
        "seconds": round(seconds, 1),
        "version": __version__,
    }
