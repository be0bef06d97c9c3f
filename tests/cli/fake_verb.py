"""A verb for tests; in a module of its own name, because annotations are resolved through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tyro.conf import Positional

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
