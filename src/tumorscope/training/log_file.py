"""Training logs of any origin: Keras' ``training.log``, Lightning's ``metrics.csv``, our ``log.csv`` (S2-42)."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path

from tumorscope.core.errors import InputError
from tumorscope.training.log_columns import Part, is_epoch, lower_is_better, read_column

#: What a run's folder is searched for, in this order.
LOG_NAMES = ("log.csv", "training.log", "metrics.csv", "training.csv", "history.csv")
#: Order of quantities; others follow as the file has them.
STANDARD = ("loss", "accuracy", "dice", "iou")
_FIX = "Give a CSV file with one row per epoch, as Keras' CSVLogger writes it"

Points = list[tuple[int, float]]


@dataclass(frozen=True)
class TrainingLog:
    """Curves of one run.

    Attributes:
        path: The file.
        curves: Quantity → part → (epoch counted from 1, value); NaN where the log says so.
        columns: Column as written → what it was read as ("val dice"); columns left out are missing.
        notes: What a reader should know, one sentence each.
    """

    path: Path
    curves: dict[str, dict[Part, Points]]
    columns: dict[str, str]
    notes: list[str] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Number of the last epoch."""
        return max(epoch for parts in self.curves.values() for points in parts.values() for epoch, _ in points)

    def best(self, quantity: str, part: Part = "val") -> tuple[int, float] | None:
        """Return epoch and value of the best point; the earliest of equals, None without a finite one."""
        points = [p for p in self.curves.get(quantity, {}).get(part, []) if math.isfinite(p[1])]
        if not points:
            return None
        return (min if lower_is_better(quantity) else max)(points, key=lambda p: p[1])


def find_log(path: str | Path) -> Path:
    """Return the log that ``path`` is, or that the run folder ``path`` holds.

    Raises:
        InputError: if there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    for name in LOG_NAMES:
        if (path / name).is_file():
            return path / name
    found = f"none of {', '.join(LOG_NAMES)} in {path}" if path.is_dir() else f"nothing at {path}"
    raise InputError(expected="a training log, or a run's folder", found=found, fix=_FIX)


def read_training_log(path: str | Path) -> TrainingLog:
    """Read a training log, whatever its columns are called and whether , ; tab or | parts them.

    Epochs counted from 0 are renumbered from 1. Rows of one epoch are merged (Lightning writes training and
    validation apart). Where the counter starts anew (a run that was started again into the same file), rows are
    numbered on and a note says so; repeated header lines are skipped.

    Args:
        path: The file, or a run's folder.

    Raises:
        InputError: if it is no table of numbers, or holds no curve.
    """
    path = find_log(path)
    header, rows = _table(path)
    notes: list[str] = []
    epochs = _epochs(path, header, rows, notes)
    curves: dict[str, dict[Part, Points]] = {}
    columns: dict[str, str] = {}
    for index, name in enumerate(header):
        column = read_column(name)
        if column is None:
            continue
        points = _points(path, name, epochs, [(at, row[index]) for at, row in rows], notes)
        if not points:
            continue
        taken = column.exact and column.part in curves.get(column.quantity, {})
        quantity = name.strip() if taken else column.quantity
        curves.setdefault(quantity, {})[column.part] = points
        columns[name] = f"{column.part} {quantity}"
    if not curves:
        raise InputError(expected="columns of numbers by epoch", found=f"{', '.join(header)} in {path}", fix=_FIX)
    order = sorted(curves, key=lambda q: STANDARD.index(q) if q in STANDARD else len(STANDARD))
    return TrainingLog(path, {q: curves[q] for q in order}, columns, notes)


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and each row with its line number; decimal commas become points."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(expected="a text file", found=f"other bytes in {path}", fix=_FIX) from error
    except OSError as error:
        raise InputError(expected=f"to read {path}", found=f"{error.strerror}", fix=_FIX) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    header: list[str] = []
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
        elif [cell.strip() for cell in cells] != header:
            if len(cells) != len(header):
                found = f"{len(cells)} cells in line {reader.line_num} of {path}"
                raise InputError(expected=f"{len(header)} cells per row, as in the header", found=found, fix=_FIX)
            rows.append(
                (reader.line_num, [c.strip() if delimiter == "," else c.strip().replace(",", ".") for c in cells])
            )
    if not rows:
        raise InputError(expected="a header and rows of numbers", found=f"{len(rows)} rows in {path}", fix=_FIX)
    return header, rows


def _epochs(path: Path, header: list[str], rows: list[tuple[int, list[str]]], notes: list[str]) -> list[int]:
    """Return the epoch of each row, counted from 1."""
    index = next((i for i, name in enumerate(header) if is_epoch(name)), None)
    if index is None:
        notes.append("The log does not count its epochs: rows were numbered.")
        return list(range(1, len(rows) + 1))
    counted = [_number(path, header[index], line, row[index]) for line, row in rows]
    if not all(math.isfinite(n) and n >= 0 for n in counted):
        raise InputError(expected="epochs that are whole numbers", found=f"others in {path}", fix=_FIX)
    written = [round(n) for n in counted]
    starts = [i for i in range(1, len(written)) if written[i] < written[i - 1]]
    if starts:
        notes.append(f"The epoch counter starts anew {len(starts)} time(s): epochs were numbered on.")
        for start in starts:
            shift = written[start - 1] + 1 - written[start]
            written[start:] = [n + shift for n in written[start:]]
    first = 1 if written[0] == 0 else 0
    return [n + first for n in written]


def _points(path: Path, name: str, epochs: list[int], cells: list[tuple[int, str]], notes: list[str]) -> Points:
    """Return the curve in one column; of several values of one epoch the last counts."""
    points: dict[int, float] = {}
    repeated = False
    for epoch, (line, cell) in zip(epochs, cells, strict=True):
        if cell and cell.lower() not in ("none", "na", "null"):
            repeated |= epoch in points
            points[epoch] = _number(path, name, line, cell)
    bad = [epoch for epoch, value in points.items() if not math.isfinite(value)]
    if repeated:
        notes.append(f"'{name}' has several values per epoch: the last one of each was taken.")
    if bad:
        notes.append(f"'{name}' is no finite number in epoch {', '.join(map(str, bad[:3]))}{' …' * (len(bad) > 3)}.")
    return list(points.items())


def _number(path: Path, name: str, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise InputError(
            expected=f"numbers in column '{name}'", found=f"'{cell}' in line {line} of {path}", fix=_FIX
        ) from error
