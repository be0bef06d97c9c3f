"""Volumes of one patient over time: what was measured at each date, and nothing about response."""

from __future__ import annotations

import base64
import csv
import datetime
import io
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import write_text
from tumorscope.workflows.found import RESULT_MARK


def check_dates(dates: Sequence[str], count: int) -> list[float]:
    """Return the day of each time point, counted from the first.

    Args:
        dates: ISO dates (2024-05-31) or days (0, 92); none: the time points are numbered.
        count: Of time points.

    Raises:
        UsageError: if there are too few, some are neither, or time does not go forward.
    """
    if not dates:
        return [float(i) for i in range(count)]
    try:
        days = [_day(text) for text in dates]
    except ValueError:
        days = []
    if len(days) != count or any(b <= a for a, b in pairwise(days)):
        raise UsageError(
            expected=f"{count} dates (2024-05-31) or days (0, 92), the earliest first",
            found=" ".join(dates),
            fix="Give one for each time point, in the order of the inputs",
        )
    return [day - days[0] for day in days]


def _day(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float(datetime.date.fromisoformat(text).toordinal())


def write_timeline(folders: Sequence[Path], dates: Sequence[str], days: Sequence[float], out: Path) -> dict[str, Any]:
    """Compare results and write ``timeline.json``, ``.csv``, ``.png`` and ``.html`` into ``out``.

    Args:
        folders: Result folders with ``measurements.json``, one per time point.
        dates: As the user gave them; empty: the time points are numbered.
        days: From :func:`check_dates`.
        out: Where to write.

    Returns:
        What ``timeline.json`` holds.

    Raises:
        InputError: if results have no region in common, or volumes in ml are unknown.
        OutputError: if something cannot be written.
    """
    from tumorscope.figures.save import png_bytes, write_figure
    from tumorscope.figures.timeline import timeline_figure
    from tumorscope.report.record import record_json
    from tumorscope.report.timeline import timeline_html

    records = [json.loads((folder / RESULT_MARK).read_text(encoding="utf-8")) for folder in folders]
    found = timeline(records, dates, days)
    figure = timeline_figure(found)
    write_figure(figure, out / "timeline.png")
    write_text(out / "timeline.json", record_json(found))
    write_text(out / "timeline.csv", _csv(found))
    write_text(out / "timeline.html", timeline_html(found, base64.b64encode(png_bytes(figure)).decode()))
    return found


def timeline(records: Sequence[Mapping[str, Any]], dates: Sequence[str], days: Sequence[float]) -> dict[str, Any]:
    """Put the volumes of several results side by side.

    Returns:
        ``points`` (case, label, day, model) and ``regions``: name → one row per point with ``ml``, ``interval_ml``
        (None without probabilities), ``change_ml`` and ``change_percent`` against the first point (percent None
        from 0), and ``beyond_interval``: whether the intervals of this and the first point are apart (None without).

    Raises:
        InputError: as :func:`write_timeline`.
    """
    shared = [n for n in records[0]["regions"] if all(n in r["regions"] for r in records)]
    if not shared or not all(r["spacing_known"] for r in records):
        raise InputError(
            expected="results with the same regions in ml",
            found="no common region" if not shared else "a result without known voxel size",
            fix="Measure all time points with the same label scheme, and state --spacing",
        )
    points = [
        {
            "case": r["case"],
            "label": dates[i] if dates else str(i + 1),
            "day": days[i],
            "model": f"{r['bundle']['name']} {r['bundle']['version']}" if r["bundle"] else "edited by hand",
        }
        for i, r in enumerate(records)
    ]
    notes = []
    if len({p["model"] for p in points}) > 1:
        notes.append("The time points were segmented in different ways: differences may come from that.")
    from tumorscope.report.notice import NOTICE

    return {
        "notice": NOTICE,
        "dated": bool(dates),
        "points": points,
        "regions": {name: _rows(records, name) for name in shared},
        "notes": [*notes, "Volumes as measured; no response category is given."],
        "method": next((r["uncertainty"]["method"] for r in records if r.get("uncertainty")), None),
    }


def _rows(records: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for record in records:
        sure = ((record.get("uncertainty") or {}).get("regions") or {}).get(name)
        ml, interval = record["regions"][name]["ml"], sure["interval_ml"] if sure else None
        first = rows[0] if rows else None
        row = {"ml": ml, "interval_ml": interval, "change_ml": None, "change_percent": None, "beyond_interval": None}
        if first is not None:
            row["change_ml"] = round(ml - first["ml"], 6)
            row["change_percent"] = round(100 * (ml / first["ml"] - 1), 2) if first["ml"] else None
            if interval and first["interval_ml"]:
                (a, b), (c, d) = interval, first["interval_ml"]
                row["beyond_interval"] = a > d or b < c
        rows.append(row)
    return rows


def _csv(found: Mapping[str, Any]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["point", "day", "case", "region", "ml", "low_ml", "high_ml", "change_ml", "change_percent"])
    for name, rows in found["regions"].items():
        for point, row in zip(found["points"], rows, strict=True):
            interval = row["interval_ml"] or ("", "")
            change = ["" if row[k] is None else row[k] for k in ("change_ml", "change_percent")]
            writer.writerow([point["label"], point["day"], point["case"], name, row["ml"], *interval, *change])
    return stream.getvalue()
