"""What a hyper-parameter search varies: ``KEY=KIND:VALUES`` for keys of the recipe."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import yaml

from tumorscope.core.errors import UsageError

if TYPE_CHECKING:
    from optuna import Trial

Kind = Literal["loguniform", "uniform", "int", "choice"]
Scalar = str | int | float | bool | None

_FORMS = (
    "KEY=loguniform:LOW:HIGH, KEY=uniform:LOW:HIGH[:STEP], KEY=int:LOW:HIGH[:STEP] or KEY=choice:A,B,C "
    "(choice:[32,64]|[16,32] for lists)"
)
#: Keys that would change what is compared, and why each is refused.
_FIXED = {
    "data": "cases and split are the same in every trial",
    "outputs": "every trial learns the same outputs",
    "training.monitor": "every trial keeps its best epoch in the same way",
    "training.devices": "start the same command several times instead: the processes share the search",
    "name": "it changes nothing",
    "title": "it changes nothing",
    "limits": "it changes nothing",
}
_FREE = ("data.tumour_fraction", "data.samples_per_epoch")


@dataclass(frozen=True)
class Parameter:
    """One dimension of the search.

    Attributes:
        key: Dotted key of the recipe.
        kind: How values are drawn.
        low: Of a range.
        high: Of a range, included.
        step: Of a range that is a grid; None: continuous.
        choices: The values of a choice, as the recipe takes them.
    """

    key: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    choices: tuple[Any, ...] = ()

    @property
    def labels(self) -> list[Scalar]:
        """The choices as the study stores them: lists and sections as JSON text."""
        return [label(value) for value in self.choices]

    @property
    def grid(self) -> list[Scalar] | None:
        """Every value of a discrete parameter as the study stores it; None for a continuous one."""
        if self.kind == "choice":
            return self.labels
        if self.step is None:
            return None
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        values = [round(self.low + i * self.step, 12) for i in range(count)]
        return [int(v) for v in values] if self.kind == "int" else list(values)

    @property
    def ends(self) -> list[Any]:
        """The values that bound it, as the recipe takes them."""
        if self.kind == "choice":
            return list(self.choices)
        return [int(self.low), int(self.high)] if self.kind == "int" else [self.low, self.high]

    def suggest(self, trial: Trial) -> Scalar:
        """Draw a value for ``trial``."""
        if self.kind == "choice":
            drawn: Scalar = trial.suggest_categorical(self.key, self.labels)
            return drawn
        if self.kind == "int":
            return trial.suggest_int(self.key, int(self.low), int(self.high), step=int(self.step or 1))
        return trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.kind == "loguniform")

    def value(self, stored: Scalar) -> Any:
        """Return the recipe's value for one the study stores."""
        if self.kind != "choice":
            return stored
        same = [c for c in self.choices if label(c) == stored and isinstance(label(c), type(stored))]
        return same[0] if same else stored

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        if self.kind == "choice":
            return f"{self.key}=choice:{'|'.join(_word(value) for value in self.choices)}"
        numbers = [self.low, self.high, *([] if self.step is None or self.kind == "int" else [self.step])]
        if self.kind == "int" and self.step != 1:
            numbers.append(self.step or 1)
        return f"{self.key}={self.kind}:{':'.join(f'{n:g}' for n in numbers)}"


def label(value: Any) -> Scalar:
    """Return ``value`` as a scalar: lists and sections as JSON text."""
    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value)


def parse_parameter(text: str) -> Parameter:
    """Read ``optimizer.lr=loguniform:1e-5:1e-2``.

    Args:
        text: ``KEY=KIND:VALUES``. Choices are separated by commas outside brackets, or by ``|``; each is read as
            YAML, so it may be a list or a whole section.

    Raises:
        UsageError: if it cannot be read, or the key is one that must not vary between trials.
    """
    key, equals, rest = text.partition("=")
    kind, colon, values = rest.partition(":")
    key = key.strip().replace("-", "_")
    if not (key and equals and colon and values.strip()):
        raise _wrong(text)
    _check_key(key)
    if kind == "choice":
        return Parameter(key, "choice", choices=_choices(values, text))
    if kind not in ("loguniform", "uniform", "int"):
        raise _wrong(text)
    return _range(key, kind, values, text)  # type: ignore[arg-type]


def parse_parameters(texts: list[str]) -> list[Parameter]:
    """Read all parameters of a search.

    Raises:
        UsageError: if there is none, one cannot be read, or a key comes twice.
    """
    found = [parse_parameter(text) for text in texts]
    if not found:
        raise UsageError(expected="at least one --param", found="none", fix=f"Write {_FORMS}")
    for first, second in pairwise(sorted(p.key for p in found)):
        if first == second:
            raise UsageError(expected=f"--param {first} once", found="it twice", fix="Keep one of the two")
    return found


def with_values(
    content: Mapping[str, Any], parameters: list[Parameter], stored: Mapping[str, Scalar]
) -> dict[str, Any]:
    """Return the recipe's ``content`` with the drawn values.

    A value that is a section replaces that section; keys inside it are set afterwards.

    Args:
        content: Sections and values of the recipe; left as it is.
        parameters: Of the search.
        stored: Key → drawn value as the study stores it.

    Raises:
        UsageError: if a key leads through something that is no section.
    """
    changed = copy.deepcopy(dict(content))
    for parameter in sorted(parameters, key=lambda p: p.key.count(".")):
        *sections, last = parameter.key.split(".")
        node: Any = changed
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                raise UsageError(expected="a dotted recipe key", found=f"'{parameter.key}'", fix="Check its spelling")
        node[last] = copy.deepcopy(parameter.value(stored[parameter.key]))
    return changed


def _check_key(key: str) -> None:
    if key in _FREE:
        return
    for fixed, why in _FIXED.items():
        if key == fixed or key.startswith(f"{fixed}."):
            raise UsageError(expected="a parameter a search may vary", found=f"'{key}' ({why})", fix="Leave it out")


def _range(key: str, kind: Kind, values: str, text: str) -> Parameter:
    try:
        low, high, *steps = (float(part) for part in values.split(":"))
    except ValueError as error:
        raise _wrong(text) from error
    numbers = (low, high, *steps)
    possible = low < high and len(steps) <= (kind != "loguniform") and all(step > 0 for step in steps)
    possible &= all(math.isfinite(n) and (kind != "int" or n.is_integer()) for n in numbers)
    if not possible or (kind == "loguniform" and low <= 0):
        raise _wrong(text)
    step = steps[0] if steps else (1.0 if kind == "int" else None)
    return Parameter(key, kind, low, high, step)


def _choices(values: str, text: str) -> tuple[Any, ...]:
    parts = _parts(values, "|")
    if len(parts) == 1:
        parts = _parts(values, ",")
    try:
        found = [_scalar(yaml.safe_load(part)) for part in parts]
    except yaml.YAMLError as error:
        raise _wrong(text) from error
    names = [(type(label(value)), label(value)) for value in found]
    if len(set(names)) < len(names):
        raise UsageError(expected="each choice once", found=f"'{text}'", fix="Leave the repeated one out")
    if any(not part.strip() for part in parts):
        raise _wrong(text)
    return tuple(found)


def _scalar(value: Any) -> Any:
    """Read a number as YAML 1.1 does not: ``1e-3``, also inside lists and sections."""
    if isinstance(value, dict):
        return {key: _scalar(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_scalar(inner) for inner in value]
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _word(value: Any) -> str:
    """Return ``value`` as it is written on the command line."""
    if isinstance(value, str) and _scalar(yaml.safe_load(value)) == value:
        return value
    return json.dumps(value)


def _parts(text: str, separator: str) -> list[str]:
    """Split at ``separator`` outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _wrong(text: str) -> UsageError:
    return UsageError(expected=f"--param {_FORMS}", found=f"'{text}'", fix="Correct this --param")
