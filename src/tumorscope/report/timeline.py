"""Volumes over time as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from tumorscope.report.case_tables import html_row
from tumorscope.report.notice import ESSENTIALS

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Volumes over time · tumorscope</title>
<style>
body {{ font: 15px/1.45 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #16202a; max-width: 1000px;
  margin: 1.5rem auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.05rem; border-bottom: 1px solid #c9d1d9; }}
.notice {{ border: 1px solid #b35900; background: #fff6ec; padding: .35rem .7rem; font-weight: 600; }}
img {{ max-width: 100%; }} table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #dde3e8; }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; }} .small {{ color: #51606d; font-size: .87rem; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 10pt; }} tr, img {{ break-inside: avoid; }}
  @page {{ size: A4; margin: 13mm; }} }}
</style></head><body>
<h1>Volumes over time</h1>
<div class="notice">{notice}</div>
<img alt="Volume of each region over time" src="data:image/png;base64,{chart}">
{tables}
<h2>Please note</h2><ul>{notes}</ul>
<p class="small">{method}</p>
<p class="small">{essentials}</p>
</body></html>
"""


def timeline_html(found: Mapping[str, Any], chart: str) -> str:
    """Return the page.

    Args:
        found: From :func:`~tumorscope.workflows.timeline.timeline`.
        chart: The chart as PNG in base64.
    """
    tables = "".join(_table(found, name) for name in found["regions"])
    notes = "".join(f"<li>{escape(note)}</li>" for note in found["notes"])
    method = escape(f"Intervals: {found['method']}") if found["method"] else ""
    return _PAGE.format(
        notice=escape(found["notice"]),
        essentials=escape(ESSENTIALS),
        chart=chart,
        tables=tables,
        notes=notes,
        method=method,
    )


def _table(found: Mapping[str, Any], name: str) -> str:
    head = ["Date" if found["dated"] else "Time point", "Case", "Volume, ml", "90 % interval, ml"]
    head += ["Change, ml", "Change, %", "Intervals apart"]
    rows = [html_row(head, "th", numbers=2)]
    for point, row in zip(found["points"], found["regions"][name], strict=True):
        low, high = row["interval_ml"] or (None, None)
        apart = {None: "–", True: "yes", False: "no"}[row["beyond_interval"]]
        cells = [escape(point["label"]), escape(point["case"]), f"{row['ml']:.2f}"]
        cells += ["–" if low is None else f"{low:.2f} to {high:.2f}", _signed(row["change_ml"], 2)]
        rows.append(html_row([*cells, _signed(row["change_percent"], 0), apart], numbers=2))
    return f"<h2>{escape(name)}</h2><table>{''.join(rows)}</table>\n"


def _signed(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:+.{digits}f}"
