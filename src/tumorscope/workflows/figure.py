"""``figure``: one picture of the registry, drawn from any case, data set or prediction the tool reads."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.figures import FIGURES
from tumorscope.figures.save import check_format, write_figure
from tumorscope.figures.study import warning_of
from tumorscope.workflows.figure_cases import Source, batch_recipe, choose_cases, find_cases
from tumorscope.workflows.figure_study import DrawnStudy, study_of

if TYPE_CHECKING:
    from tumorscope.figures.entry import FigureEntry
    from tumorscope.recipes.recipe import Recipe

#: First parameter of a figure's function → what it is drawn from.
KINDS = {"study": "a case", "studies": "one or more cases", "batch": "a training batch"}
#: Cases of a data set that figures of several show, where ``--count`` does not tell.
_COUNTS = {"samples": 12, "training-batch": 6}
_DEFAULT_COUNT = 3
#: Keyword argument of a figure → option on the command line, where they differ.
OPTION_NAMES = {"slice_number": "slice"}


@dataclass(frozen=True)
class FigureInfo:
    """One line of ``tumorscope figure --list``.

    Attributes:
        name: Name on the command line.
        title: What it is.
        drawn_from: ``a case``, ``one or more cases``, ``a training batch``; empty for charts and diagrams.
        options: Options that change it.
    """

    name: str
    title: str
    drawn_from: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class DrawnFigure:
    """What was drawn.

    Attributes:
        figure: Name.
        file: Where it is.
        cases: Cases shown.
        model: What made the predictions shown, if any were.
        notes: What the user should know, one sentence each.
    """

    figure: str
    file: str
    cases: tuple[str, ...]
    model: str = ""
    notes: tuple[str, ...] = ()


def list_figures() -> list[FigureInfo]:
    """Return every figure of the registry; those drawn from cases first."""
    infos = []
    for name in FIGURES:
        entry = FIGURES.load(name)
        infos.append(FigureInfo(name, entry.title, KINDS.get(_first(entry), ""), tuple(_options(entry))))
    return sorted(infos, key=lambda info: not info.drawn_from)


def draw_figure(
    name: str,
    source: Source,
    out: str | Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    dpi: float = 110,
    say: Callable[[str], Any] = lambda _: None,
) -> DrawnFigure:
    """Draw a figure and write it.

    Args:
        name: Of the registry.
        source: Which cases, and what predicts them.
        out: PNG, PDF or SVG; default ``<name>.png`` in the working directory.
        options: Other keyword arguments of the figure's function than ``sequence``; None values are left out.
        dpi: Dots per inch of a PNG.
        say: Called with each line for people.

    Raises:
        UsageError: for an unknown figure, an option it does not take, or a slice or sequence that is not there.
        InputError: if the case, its reference or a prediction is missing.
        OutputError: if the file cannot be written.
    """
    entry: FigureEntry = FIGURES.load(name)
    if _first(entry) not in KINDS:
        raise UsageError(
            expected="a figure that is drawn from a case",
            found=f"'{name}', which is drawn from results",
            fix=f"Call {entry.path} in Python, or choose one of tumorscope figure --list",
        )
    if not 20 <= dpi <= 1200:
        raise UsageError(expected="--dpi from 20 to 1200", found=f"{dpi:g}", fix="Choose another resolution")
    chosen = _chosen(name, entry, options or {}, source)
    path = Path(f"{name}.png" if out is None else out)
    check_format(path)
    subject = _subject(name, entry, source)
    write_figure(entry.draw(subject.argument, **chosen), path, dpi)
    drawn = DrawnFigure(name, str(path), subject.cases, subject.model, subject.notes)
    for line in (f"{path}: {entry.title}, {', '.join(drawn.cases)}", *drawn.notes):
        say(line)
    return drawn


@dataclass(frozen=True)
class _Subject:
    """What a figure is drawn from."""

    argument: Any
    cases: tuple[str, ...]
    studies: tuple[DrawnStudy, ...] = ()

    @property
    def model(self) -> str:
        return "; ".join(dict.fromkeys(one.study.model for one in self.studies if one.asked))

    @property
    def notes(self) -> tuple[str, ...]:
        warning = warning_of(one.study for one in self.studies if one.asked)
        notes = [note for one in self.studies for note in one.notes] + ([warning] if warning else [])
        return tuple(dict.fromkeys(notes))


def _subject(name: str, entry: FigureEntry, source: Source) -> _Subject:
    kind = _first(entry)
    found = find_cases(source)
    count = 1 if kind == "study" else source.count or _COUNTS.get(name, _DEFAULT_COUNT)
    cases = choose_cases(found, source, count)
    names = tuple(case.id for case in cases)
    if kind == "batch":
        return _Subject(_batch(cases, batch_recipe(source, found.dataset), source.seed), names)
    studies = tuple(study_of(case, source, scan_only=name == "samples") for case in cases)
    shown = [one.study for one in studies]
    return _Subject(shown[0] if kind == "study" else shown, names, studies)


def _batch(cases: list[Case], recipe: Recipe, seed: int) -> object:
    from tumorscope.figures.sample_batch import training_batch

    labelled = [case for case in cases if case.label is not None]
    if not labelled:
        raise InputError(expected="labelled cases for a training batch", found="none", fix="Choose other cases")
    with tempfile.TemporaryDirectory() as folder:
        return training_batch(labelled, recipe, Path(folder), seed)


def _chosen(name: str, entry: FigureEntry, options: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """Return the keyword arguments of the figure's function."""
    chosen = {key: value for key, value in options.items() if value is not None}
    known = list(inspect.signature(entry.draw).parameters)[1:]
    odd = [key for key in chosen if key not in known]
    reads = source.data is None and source.case is not None and Path(source.case).is_file()
    if source.sequence is not None and "sequence" in known:
        chosen["sequence"] = source.sequence
    elif source.sequence is not None and not reads:  # of a file it also tells what it holds
        odd.append("sequence")
    if odd:
        listed = ", ".join(f"--{option}" for option in _options(entry)) or "none"
        raise UsageError(
            expected=f"options of '{name}' ({listed})",
            found=f"--{OPTION_NAMES.get(odd[0], odd[0])}",
            fix="Leave it out",
        )
    return chosen


def _first(entry: FigureEntry) -> str:
    return next(iter(inspect.signature(entry.draw).parameters), "")


def _options(entry: FigureEntry) -> list[str]:
    parameters = list(inspect.signature(entry.draw).parameters)[1:]
    return [OPTION_NAMES.get(name, name) for name in parameters if name not in ("title", "inches")]
