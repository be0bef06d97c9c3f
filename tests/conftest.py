"""Fixtures every room's tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Seconds on a busy machine say nothing about the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with the real data for tests; skips where it is absent."""
    folder = Path(os.environ.get("TUMORSCOPE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real test data not found at {folder}: set TUMORSCOPE_TEST_DATA to run this test")
    return folder
