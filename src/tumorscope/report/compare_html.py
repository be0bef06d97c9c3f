"""A comparison as one HTML file with everything inside, ready to print."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tumorscope.figures.compare import win_loss_figure
from tumorscope.figures.compare_cases import case_values_figure
from tumorscope.figures.save import png_bytes
from tumorscope.inference.cost import COUNTED
from tumorscope.metrics import METRICS
from tumorscope.report.comparison import Comparison, title
from tumorscope.report.notice import ESSENTIALS, NOTICE
from tumorscope.report.type_comparison import TypeComparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE = Path(__file__).parent / "compare.html"
#: Metrics that are drawn, if they were compared.
_DRAWN = ("dice", "hd95")


def compare_html(result: Comparison | TypeComparison) -> str:
    """Return the report."""
    conditions = result.conditions
    if isinstance(result, TypeComparison):
        cases = f"{conditions['n']} pictures"
    else:
        cases = f"{conditions['n_cases']} cases of {conditions['n_patients']} patients"
    part = f", part '{conditions['part']}'" if conditions["part"] else ""
    dataset = conditions["dataset"] or "folders"
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    counted = f"GFLOPs: {COUNTED}. Peak memory: of a process of its own, from its start." if _measured(result) else ""
    fields = {
        "title": escape(" vs ".join(row["name"] for row in result.runs)),
        "subtitle": escape(
            f"{cases} of {dataset}{part}; split: {conditions['split_unit']}; tumorscope {conditions['version']}."
        ),
        "notice": escape(NOTICE),
        "essentials": escape(ESSENTIALS),
        "warnings": f'<div class="notice"><ul>{notes}</ul></div>' if notes else "",
        "runs": _runs(result),
        "figures": "".join(_picture(*figure) for figure in comparison_figures(result)),
        "tables": "".join(
            f'{_heading(heading)}<div class="wide">{_table(columns, rows)}</div>\n'
            for heading, columns, rows in result.tables()
        ),
        "footnotes": escape(" ".join([*result.footnotes, counted])),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(fields)


def comparison_figures(result: Comparison | TypeComparison) -> list[tuple[str, Figure]]:
    """Return the figures of a comparison: description, Figure; none of classifiers."""
    found: list[tuple[str, Figure]] = []
    if isinstance(result, TypeComparison):
        return found
    names = [row["name"] for row in result.runs]
    for metric in _DRAWN:
        rows = [r for r in result.cases if r["metric"] == metric]
        pairs = [p for p in result.pairs if p["metric"] == metric and p["n"]]
        if not rows or not pairs:
            continue
        regions = list(dict.fromkeys(p["region"] for p in pairs))
        values = {
            region: {n: _values([r["values"][n] for r in rows if r["region"] == region]) for n in names}
            for region in regions
        }
        label = title(metric, _length_unit(result, metric))
        heading = f"{label}, one value per case"
        better = heading if METRICS[metric].higher_is_better else f"{heading} (lower is better)"
        found.append((f"Wins and losses: {heading}", win_loss_figure(pairs, better)))
        intervals = _intervals(result, metric)
        found.append((f"Values: {heading}", case_values_figure(values, heading, label, intervals)))
    return found


def _values(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _length_unit(result: Comparison, metric: str) -> str:
    return next((s["length_unit"] for s in result.scores if s["metric"] == metric), "")


def _intervals(result: Comparison, metric: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (region, run) → interval of the mean over cases under the policy of the case rows."""
    policy = result.conditions["empty_policy"]
    return {
        (s["region"], s["run"]): (s["ci95"][0], s["ci95"][1])
        for s in result.scores
        if (s["metric"], s["empty_policy"]) == (metric, policy)
        and s["unit"] in ("patient", "image")
        and s["ci95"][0] is not None
    }


def _measured(result: Comparison | TypeComparison) -> bool:
    return any("parameters" in cost for cost in result.costs)


def _runs(result: Comparison | TypeComparison) -> str:
    columns = {
        "name": "run",
        "kind": "kind",
        "title": "what it is",
        "network": "network",
        "training_split_unit": "trained by split unit",
        "runtime": "runtime",
    }
    shown = [key for key in columns if any(row.get(key) for row in result.runs)]
    rows = [[str(row.get(key) or "–") for key in shown] for row in result.runs]
    return _table([columns[key] for key in shown], rows)


def _heading(text: str) -> str:
    first, _, rest = text.partition(": ")
    return f"<h3>{escape(first)}</h3>\n" + (f'<div class="small">{escape(rest)}</div>\n' if rest else "")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _picture(alt: str, figure: Figure) -> str:
    data = base64.b64encode(png_bytes(figure)).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">\n'
