"""The page on image models is what its generator writes from the stored results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def generator(benchmark_module):
    return benchmark_module("generative_page")


def test_the_page_is_up_to_date(generator) -> None:
    assert (ROOT / "docs" / "generative.md").read_text(encoding="utf-8") == generator.page()


def test_numbers_come_from_the_results(generator, tmp_path: Path) -> None:
    score = {"mean": 31.234, "ci95": [30.0, 32.0], "n": 96, "patients": 12}
    methods = {m: dict.fromkeys(("ssim", "ms_ssim", "psnr", "nmse"), score) for m in ("input", "network")}
    stored = {
        "bundle": "denoise",
        "degradation": {"name": "rician"},
        "level_unit": "%",
        "tuned": {},
        "training": {},
        "sizes": {"128 px": {"0.06": methods | {"network minus others": {"input": methods["input"]}}}},
    }
    (tmp_path / "denoise.json").write_text(json.dumps(stored))
    page = generator.page(tmp_path)
    assert "| 6 % | **network** |" in page and "31.23 (30.00 to 32.00)" in page
    assert "`denoise`" not in page.split("## Not measured yet")[1]
