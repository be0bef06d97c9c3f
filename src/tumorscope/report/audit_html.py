"""The report of an audit: a single HTML file with everything inside, ready to print."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from tumorscope.audit.finding import Example, Finding, Place, Severity
from tumorscope.audit.result import AuditResult
from tumorscope.metrics import METRICS, Score
from tumorscope.report.notice import ESSENTIALS

_TEMPLATE = Path(__file__).parent / "audit.html"
_WORDS = {
    Severity.LEAK: "Leak",
    Severity.DEFECT: "Defect",
    Severity.REMARK: "Remark",
    Severity.OK: "OK",
}


def audit_html(result: AuditResult, pictures: Mapping[Place, bytes]) -> str:
    """Return the page.

    Args:
        result: The audit.
        pictures: Slice → PNG, for the examples.
    """
    worst = min((list(Severity).index(f.severity) for f in result.findings), default=3)
    shown = [f for f in result.findings if f.severity is not Severity.OK]
    fields = {
        "title": escape(str(result.conditions["data set"])),
        "worst": list(Severity)[worst].value,
        "verdict": escape(result.verdict),
        "conditions": _rows([(k, v) for k, v in result.conditions.items() if v is not None]),
        "overview": "".join(_line(f) for f in result.findings),
        "essentials": escape(ESSENTIALS),
        "findings": "".join(_section(f, pictures) for f in shown),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(fields)


def _rows(pairs: list[tuple[str, Any]]) -> str:
    return "".join(f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>\n" for k, v in pairs)


def _line(finding: Finding) -> str:
    name, severity = escape(finding.check), finding.severity
    where = f'<a href="#{name}">{name}</a>' if severity is not Severity.OK else name
    return (
        f'<tr><td><span class="tag {severity.value}">{_WORDS[severity]}</span></td><td class="check">{where}</td>'
        f"<td>{escape(finding.headline)}</td></tr>\n"
    )


def _section(finding: Finding, pictures: Mapping[Place, bytes]) -> str:
    tag = f'<span class="tag {finding.severity.value}">{_WORDS[finding.severity]}</span>'
    parts = [
        f'<section id="{escape(finding.check)}"><h2>{tag} {escape(finding.check)}</h2>',
        f"<p>{escape(finding.headline)}</p>",
        f'<p class="fix"><b>What to do:</b> {escape(finding.fix)}</p>' if finding.fix else "",
        _examples(finding.examples, pictures),
        _scores(finding.scores),
        _numbers(finding) if not finding.scores else "",
        "".join(f'<p class="small">{escape(sentence)}</p>' for sentence in finding.details),
        "</section>\n",
    ]
    return "\n".join(part for part in parts if part)


def _examples(examples: tuple[Example, ...], pictures: Mapping[Place, bytes]) -> str:
    with_pictures = [e for e in examples if any(p in pictures for p in e.places)]
    blocks = []
    for example in with_pictures:
        shown = [p for p in example.places if p in pictures]
        images = "".join(
            f'<img alt="{escape(p[1])}, slice {p[2] + 1}" src="data:image/png;base64,'
            f'{base64.b64encode(pictures[p]).decode()}">'
            for p in shown
        )
        blocks.append(f"<figure><div>{images}</div><figcaption>{escape(example.text)}</figcaption></figure>")
    plain = "".join(f"<li>{escape(e.text)}</li>" for e in examples if e not in with_pictures)
    grid = f'<div class="grid">{"".join(blocks)}</div>' if blocks else ""
    return grid + (f"<ul>{plain}</ul>" if plain else "")


def _numbers(finding: Finding) -> str:
    if not finding.numbers:
        return ""
    rows = "".join(
        f'<tr><td>{escape(str(k))}</td><td class="n">{escape(_value(v))}</td></tr>' for k, v in finding.numbers.items()
    )
    return f'<table class="numbers">{rows}</table>'


def _scores(scores: tuple[Score, ...]) -> str:
    if not scores:
        return ""
    head = "".join(f"<th>{h}</th>" for h in ("Baseline", "Region", "Metric", "Empty masks", "Unit"))
    head += "".join(f'<th class="n">{h}</th>' for h in ("Mean", "95 % interval", "n"))
    return f'<table class="scores"><tr>{head}</tr>{"".join(map(_score, scores))}</table>'


def _score(score: Score) -> str:
    metric = METRICS[score.metric].title if score.metric in METRICS else score.metric
    low, high = score.ci95
    interval = "–" if low is None or high is None or score.n_groups < 2 else f"{low:.3f} to {high:.3f}"
    cells = (score.note.partition(";")[0], score.region, metric, score.empty_policy.value, score.unit.value)
    numbers = ("–" if score.mean is None else f"{score.mean:.3f}", interval, str(score.n))
    texts = "".join(f"<td>{escape(c)}</td>" for c in cells)
    return f"<tr>{texts}{''.join(f'<td class=n>{n}</td>' for n in numbers)}</tr>"


def _value(value: Any) -> str:
    if value is None:
        return "not defined"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else str(value)
