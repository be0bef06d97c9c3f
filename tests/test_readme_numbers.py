"""Single figures in the README and on the app's page are those of the stored results."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def generator(benchmark_module):
    return benchmark_module("readme_tables")


@pytest.mark.parametrize(("page", "least"), [("README.md", 15), ("docs/how-to/app.md", 4)])
def test_numbers_are_up_to_date(generator, page: str, least: int) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count("<!--=") >= least
    assert generator.with_numbers(text) == text, "run python benchmarks/readme_tables.py"


def test_a_number_typed_by_hand_is_replaced(generator) -> None:
    (right,) = {generator.with_numbers(f"<!--=brats-3d WT-->{typed}<!--/-->") for typed in ("0.99", "")}
    assert right == f"<!--=brats-3d WT-->{generator.NUMBERS['brats-3d WT']()}<!--/-->" and "0.99" not in right
