"""Errors a user can act on: what was expected, what was found, what to do."""

from __future__ import annotations


class TumorscopeError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        expected: What the code needed, in words a user understands.
        found: What was there instead (name the file).
        fix: One imperative sentence: what to do now.
    """

    #: Exit code of a command that ends with this error.
    exit_code = 2

    def __init__(self, *, expected: str, found: str, fix: str) -> None:
        self.expected, self.found, self.fix = expected, found, fix
        end = "" if fix.endswith(("?", ".")) else "."
        super().__init__(f"Expected {expected}; found {found}. {fix}{end}")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the three parts when the error crosses a process border."""
        return _rebuild, (type(self), self.expected, self.found, self.fix)


def _rebuild(kind: type[TumorscopeError], expected: str, found: str, fix: str) -> TumorscopeError:
    return kind(expected=expected, found=found, fix=fix)


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
