"""Fixtures every room's tests share."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# Seconds on a busy machine say nothing about the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session", autouse=True)
def _own_key(tmp_path_factory: pytest.TempPathFactory):
    """Keep tests from making a key for pseudonyms in the user's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORSCOPE_KEY", str(tmp_path_factory.mktemp("key") / "pseudonym.key"))
        yield


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with the real data for tests; skips where it is absent."""
    folder = Path(os.environ.get("TUMORSCOPE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real test data not found at {folder}: set TUMORSCOPE_TEST_DATA to run this test")
    return folder


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a module of benchmarks/ by name, anew."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))

    def load(name: str) -> ModuleType:
        sys.modules.pop(name, None)
        return import_module(name)

    return load
