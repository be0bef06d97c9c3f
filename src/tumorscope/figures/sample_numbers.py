"""The aggregate numbers that charts of the gallery show (made by ``benchmarks/sample_numbers.py``)."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.score import Score, Unit


@cache
def sample_numbers() -> dict[str, Any]:
    """Return all of them; not to be changed."""
    text = (Path(__file__).parent / "samples" / "numbers.json").read_text(encoding="utf-8")
    numbers: dict[str, Any] = json.loads(text)
    return numbers


def score_from_json(row: dict[str, Any]) -> Score:
    """Return the score that :meth:`~tumorscope.metrics.score.Score.to_json` wrote; what else stands there is left."""
    low, high = row["ci95"]
    typed = {"ci95": (low, high), "unit": Unit(row["unit"]), "empty_policy": EmptyPolicy(row["empty_policy"])}
    known = {field.name for field in fields(Score)}
    return Score(**{key: value for key, value in (row | typed).items() if key in known})
