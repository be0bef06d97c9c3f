"""A fake verb, so that the dispatcher is tested without any workflow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from tyro.conf import Positional

from tumorscope.cli import main as cli
from tumorscope.cli.options import JsonOption, Overrides
from tumorscope.cli.output import Output, output

Behaviour = Callable[[Any, Output], int | None]


@dataclass(frozen=True, kw_only=True)
class FakeCommand:
    """A verb for tests.

    Example: tumorscope fake a b
    """

    positionals: ClassVar[bool] = True
    behaviour: ClassVar[Behaviour]

    things: Positional[tuple[Path, ...]] = ()
    size: int = 1
    overrides: Overrides = field(default_factory=dict)
    json: JsonOption = None

    def run(self) -> int:
        with output(self.json) as out:
            return type(self).behaviour(self, out) or 0


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
