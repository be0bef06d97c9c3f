"""A plain dict of names whose values are imported only when asked for."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

from tumorscope.core.errors import UsageError


class Registry(dict[str, str]):
    """Maps a public name to ``"module:attribute"``; listing it imports nothing.

    Args:
        kind: What the entries are ("network", "data set"), for error messages.
        entries: Name → ``"package.module:attribute"``.
    """

    def __init__(self, kind: str, entries: dict[str, str]) -> None:
        super().__init__(entries)
        self.kind = kind

    def check(self, name: str) -> None:
        """Make sure that there is an entry called ``name``, without importing it.

        Raises:
            UsageError: if there is none; the message names the nearest one.
        """
        if name not in self:
            near = difflib.get_close_matches(name, self, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(sorted(self))}"
            raise UsageError(expected=f"a known {self.kind}", found=f"'{name}'", fix=hint)

    def load(self, name: str) -> Any:
        """Import and return the entry called ``name``.

        Raises:
            UsageError: if there is none; the message names the nearest one.
        """
        self.check(name)
        module, _, attribute = self[name].partition(":")
        return getattr(import_module(module), attribute)
