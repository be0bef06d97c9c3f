"""The part of a case's report that tells what was done to the study before the model saw it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from tumorscope.report.case_tables import html_row


def preparation(record: Mapping[str, Any]) -> str:
    """Return the section as HTML; nothing where the input was no study that could be prepared (pictures, masks).

    Args:
        record: From :func:`~tumorscope.report.record.case_record`; ``preprocessing`` has the sentences (``said``), the
            ``moves`` of the sequences and the ``seconds`` of each step.
    """
    steps = record.get("preprocessing")
    if steps is None:
        return ""
    said = steps.get("said") or [steps["state"], "Nothing was done: the study went to the model as it is."]
    rows = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    parts = [f'<section class="preparation"><h2>Preparation of the study</h2>\n<ol>{rows}</ol>']
    moves = steps.get("moves", {})
    if moves:
        head = ["Sequence", "Moved, mm", "Turned", "Mutual information gained, nats"]
        lines = [html_row([escape(name), *_numbers(move)]) for name, move in moves.items()]
        parts.append(f'<div class="wide"><table>{html_row(head, "th")}{"".join(lines)}</table></div>')
    seconds = ", ".join(f"{step} {s:.1f}" for step, s in steps.get("seconds", {}).items())
    parts.append(f'<p class="small">Seconds: {escape(seconds)}.</p>' if seconds else "")
    return "\n".join([*parts, "</section>"])


def _numbers(move: Mapping[str, float]) -> list[str]:
    return [f"{move['shift_mm']:.1f}", f"{move['rotation_deg']:.1f}°", f"{move['information_gained']:.3f}"]
