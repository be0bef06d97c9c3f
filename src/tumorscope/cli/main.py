"""Entry point: find the verb, parse its options, run it, turn what happens into an exit code."""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

from tumorscope.cli import argv as words_of
from tumorscope.cli.failures import USAGE, guarded
from tumorscope.cli.output import write
from tumorscope.core.errors import UsageError

#: Verb → one line for ``tumorscope --help``. Verb ``x-y`` is the dataclass ``Command`` in ``cli/x_y.py``.
VERBS: dict[str, str] = {
    "predict": "Segment scans, measure the tumour, write maps and reports",
    "measure": "Measure a mask edited elsewhere; compare time points of one patient",
    "train": "Train a network from a recipe and export it as a bundle",
    "denoise": "Take noise out of images",
    "reconstruct": "Reconstruct images from undersampled k-space; thin slices from thick ones",
    "enhance": "Correct bias field and contrast of images",
    "synth": "Make synthetic slices or volumes, marked as such",
    "reader-study": "Make a blinded form with real and synthetic images, and score the answers",
    "tune": "Search hyper-parameters of a recipe",
    "evaluate": "Score a bundle, or a folder of results, against reference maps",
    "audit": "Look for leaks and defects in a data set and its split before training",
    "compare": "Compare models case by case on the same cases, with tests and cost",
    "split": "Divide a data set into train, validation and test patients",
    "ensemble": "Average several bundles of one recipe into one",
    "curves": "Draw training curves of any CSV log; best epoch and over-fitting",
    "figure": "Draw a case, a data set or a prediction: planes, montages, overlays, probabilities",
    "inspect": "Show shape, spacing, orientation, sequences and label values of files",
    "info": "List bundles, recipes, data sets, networks, losses, metrics, label schemes",
    "doctor": "Check this installation and this machine",
    "phantom": "Make a synthetic patient with a known tumour",
    "demo": "Make a phantom patient, segment it, show the result",
    "app": "Open the tool in a browser",
}

_HELP = """usage: tumorscope [-h] [--version] VERB ...

Brain-tumour MRI: read a scan, map the tumour, measure it, say how sure. Research use only.

{verbs}

everywhere:
  --help          options and an example of a verb: tumorscope predict --help
  --json [FILE]   the result as JSON, on stdout or in FILE
  --traceback     show the whole Python traceback of an error
  --version       print the version

exit codes: 0 all done, 1 some failed, 2 nothing done, 64 the command line was wrong

example: tumorscope predict scans/patient7 -o out
"""


class Verb(Protocol):
    """What ``cli/<verb>.py`` must define as ``Command``: a dataclass with its options and ``run``."""

    def run(self) -> int:
        """Do the work and return the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: ``sys.argv[1:]``) and return the exit code.

    0 all done, 1 some failed, 2 nothing done, 64 wrong command line, 130 stopped by Ctrl-C.
    """
    words, traceback = words_of.take_flag(list(sys.argv[1:] if argv is None else argv), "--traceback")
    with guarded(traceback=traceback) as outcome:
        try:
            outcome.code = _dispatch(words)
        except SystemExit:  # from tyro, after it printed help or a complaint
            write(sys.stdout, "")
            raise
    return outcome.code


def _dispatch(words: list[str]) -> int:
    first = words[0] if words else ""
    if first in ("--help", "-h", "help"):
        write(sys.stdout, _help())
        return 0
    if first in ("--version", "-V"):
        import tumorscope

        write(sys.stdout, f"tumorscope {tumorscope.__version__}\n")
        return 0
    if not first:
        write(sys.stderr, _help())
        return USAGE
    return _parse(first, words[1:]).run()


def _help() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {name:<{width}}   {summary}" for name, summary in VERBS.items()]
    return _HELP.format(verbs="\n".join(["verbs:", *lines]))


def _parse(verb: str, words: list[str]) -> Verb:
    """Return the verb's dataclass filled from ``words``; tyro prints help and complaints itself and exits."""
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "Run tumorscope --help"
        raise UsageError(expected=f"a verb ({', '.join(VERBS)})", found=f"'{verb}'", fix=hint)
    kind: Any = import_module(f"tumorscope.cli.{verb.replace('-', '_')}").Command
    return parse(kind, verb, words)


def parse(kind: Any, verb: str, words: list[str]) -> Verb:
    """Fill the dataclass ``kind`` from ``words``.

    A dataclass with ``positionals = True`` takes positional arguments; one with a field ``overrides`` gets the
    recipe values that are not options of its own.

    Raises:
        SystemExit: 0 after ``--help``, 2 after a mistake (``main`` makes it 64).
        UsageError: if a recipe value is malformed.
    """
    import tyro

    words = words_of.fill_json(words, positionals=getattr(kind, "positionals", False))
    overrides: dict[str, str] = {}
    names = {field.name.replace("_", "-") for field in dataclasses.fields(kind)}
    if "overrides" in names and not {"-h", "--help"} & set(words):
        words, overrides = words_of.take_overrides(words, names - {"overrides"})
    command = tyro.cli(kind, prog=f"tumorscope {verb}", args=words, config=(tyro.conf.FlagCreatePairsOff,))
    if overrides:
        command = dataclasses.replace(command, overrides=overrides)
    verb_command: Verb = command
    return verb_command
