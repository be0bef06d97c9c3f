"""Errors a user can act on: what was expected, what was found, what to do."""

from __future__ import annotations

from typing import Self


class TumorscopeError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        expected: What the code needed, in words a user understands.
        found: What was there instead (name the file).
        fix: One imperative sentence: what to do now.
        option: The option of the command line that ``fix`` names, as it stands there; where a scan is given in
            another way (the app, Python), its words take the option's place.
    """

    #: Exit code of a command that ends with this error.
    exit_code = 2

    def __init__(self, *, expected: str, found: str, fix: str, option: str = "") -> None:
        self.expected, self.found, self.fix, self.option = expected, found, fix, option
        end = "" if fix.endswith(("?", ".")) else "."
        super().__init__(f"Expected {expected}; found {found}. {fix}{end}")

    def replace(self, **parts: str) -> Self:
        """Return the same error with other parts, e.g. ``found`` with the name of the file."""
        return type(self)(**self._parts() | parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the parts when the error crosses a process border."""
        return _rebuild, (type(self), self._parts())

    def _parts(self) -> dict[str, str]:
        return {"expected": self.expected, "found": self.found, "fix": self.fix, "option": self.option}


def _rebuild(kind: type[TumorscopeError], parts: dict[str, str]) -> TumorscopeError:
    return kind(**parts)


class InputError(TumorscopeError):
    """A file or folder handed in cannot be used as it is."""


class GeometryError(InputError):
    """Images that must share a grid do not, or an affine is unusable."""


class LabelError(InputError):
    """A label map holds values its scheme does not know, or no scheme can be told."""


class LeakError(TumorscopeError):
    """Evaluation would score cases that the model was trained on."""


class OutputError(TumorscopeError):
    """A result cannot be written."""


class UsageError(TumorscopeError):
    """The command line or the recipe itself is wrong."""

    exit_code = 64


class MissingDependencyError(TumorscopeError):
    """An optional package is needed and not installed."""
