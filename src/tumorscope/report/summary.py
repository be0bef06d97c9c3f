"""The outcome of a run over many cases: one row each, for people, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class CaseRow:
    """What became of one case.

    Attributes:
        case: Its name.
        status: "ok" or "failed".
        error: One sentence; empty if ok.
        seconds: Wall time, files written.
        peak_memory_mb: Largest resident memory of the process while it ran.
        bundle: The model.
        volumes: Region → ``{"voxels": …, "ml": … or None}``, and ``interval_ml`` (low, high; 90 %) where it is known.
        folder: Where the results lie; empty if failed.
        notes: What the user should know.
        tumor_type: What a classifier said, for people; empty where none was asked.
    """

    case: str
    status: Literal["ok", "failed"]
    error: str = ""
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    bundle: str = ""
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    folder: str = ""
    notes: tuple[str, ...] = ()
    tumor_type: str = ""

    def line(self, width: int = 0) -> str:
        """Return one line for people; the name is padded to ``width``."""
        start = f"{self.status:<6}  {self.case:<{width}}  {self.seconds:6.1f} s"
        if self.status == "failed":
            return f"{start}  {self.error}"
        sizes = ", ".join(_size(name, volume) for name, volume in self.volumes.items())
        sizes = "; ".join(filter(None, (sizes, self.tumor_type)))
        return f"{start}  {self.peak_memory_mb:5.0f} MB  {sizes}"


def _size(name: str, volume: dict[str, Any]) -> str:
    return f"{name} {volume['voxels']} px" if volume["ml"] is None else f"{name} {volume['ml']:.2f} ml"


def summary_csv(rows: Sequence[CaseRow]) -> str:
    """Return the rows as CSV.

    Volumes are in ml with their 90 % interval where spacing is known (else empty), and in voxels always.
    """
    regions = list(dict.fromkeys(name for row in rows for name in row.volumes))
    columns = ["case", "status", "seconds", "peak_memory_mb", "bundle"]
    columns += [f"{name}_{kind}" for name in regions for kind in ("ml", "ml_low", "ml_high", "voxels")]
    typed = any(row.tumor_type for row in rows)
    columns += ["tumor_type"] * typed
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*columns, "error", "notes"])
    for row in rows:
        start = [row.case, row.status, f"{row.seconds:.2f}", f"{row.peak_memory_mb:.0f}", row.bundle]
        sizes = [value for name in regions for value in _cells(row.volumes.get(name, {}))]
        told = [row.tumor_type] * typed
        writer.writerow([*start, *("" if v is None else v for v in sizes), *told, row.error, " ".join(row.notes)])
    return stream.getvalue()


def _cells(volume: dict[str, Any]) -> tuple[Any, ...]:
    return volume.get("ml"), *(volume.get("interval_ml") or (None, None)), volume.get("voxels")
