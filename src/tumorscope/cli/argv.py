"""What has to be done to the words of a command line before tyro parses them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tumorscope.core.errors import UsageError

#: Stands for "JSON on stdout" after ``--json``.
STDOUT = "-"


def take_flag(words: list[str], flag: str) -> tuple[list[str], bool]:
    """Remove ``flag`` from anywhere before ``--``; return the rest and whether it was there."""
    end = words.index("--") if "--" in words else len(words)
    rest = [word for word in words[:end] if word != flag] + words[end:]
    return rest, len(rest) < len(words)


def fill_json(words: list[str], positionals: bool) -> list[str]:
    """Turn a bare ``--json`` into ``--json -`` (stdout).

    The next word is the FILE of ``--json`` when it is not an option. In verbs with positional arguments it must
    also end in ``.json`` (any other name: ``--json=FILE``), so that ``predict --json scan.nii.gz`` never takes
    the scan for the file to write.
    """
    out: list[str] = []
    for index, word in enumerate(words):
        out.append(word)
        if word != "--json":
            continue
        following = words[index + 1] if index + 1 < len(words) else "--"
        is_file = not following.startswith("-") and (not positionals or following.endswith(".json"))
        if not is_file and following != STDOUT:
            out.append(STDOUT)
    return out


def take_overrides(words: list[str], own: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Separate recipe values (``--optimizer.lr 3e-4``, ``--seed=7``) from a verb's own options.

    Args:
        words: The verb's words.
        own: Long option names of the verb itself, without dashes.

    Returns:
        The words left for tyro, and dotted recipe key → value as text. Dashes in keys become underscores.

    Raises:
        UsageError: if a key has no value, comes twice, or looks like a mistyped option of the verb.
    """
    own = {*own, "help"}
    rest: list[str] = []
    overrides: dict[str, str] = {}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return [*rest, word, *queue], overrides
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name.removeprefix("no-") in own:
            rest.append(word)
            continue
        _refuse_typo(name, own)
        if not equals:
            if not queue or queue[0].startswith("--"):
                raise UsageError(expected=f"a value after --{name}", found="none", fix=f"Write --{name} VALUE")
            value = queue.pop(0)
        key = name.replace("-", "_")
        if key in overrides:
            raise UsageError(expected=f"--{name} once", found="it twice", fix="Keep one of the two")
        overrides[key] = value
    return rest, overrides


def _refuse_typo(name: str, own: Iterable[str]) -> None:
    near = difflib.get_close_matches(name, list(own), n=1, cutoff=0.75)
    if near and "." not in name:
        raise UsageError(expected="an option or a recipe value", found=f"--{name}", fix=f"Did you mean --{near[0]}?")
