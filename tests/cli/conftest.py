"""A fake verb, so that the dispatcher is tested without any workflow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from fake_verb import Behaviour, FakeCommand

from tumorscope.cli import main as cli


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[Behaviour], None]:
    """Install the verb ``fake`` with the given behaviour."""

    def install(behaviour: Behaviour) -> None:
        module = ModuleType("tumorscope.cli.fake")
        module.Command = FakeCommand  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tumorscope.cli.fake", module)
        monkeypatch.setitem(cli.VERBS, "fake", "Only for tests")
        monkeypatch.setattr(FakeCommand, "behaviour", staticmethod(behaviour), raising=False)

    return install
