"""Search hyper-parameters: many short runs of one recipe on one split, the best of them as a new recipe."""

from __future__ import annotations

import json
import logging
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from tumorscope.core.files import ensure_folder, write_text
from tumorscope.recipes.recipe import Recipe, load_recipe
from tumorscope.workflows.search_setup import Setup, check_keys, check_space, make_setup, trial_recipe

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

    from tumorscope.report.search import SearchReport
    from tumorscope.training.cache import Cache
    from tumorscope.training.search import Search

log = logging.getLogger(__name__)
Echo = Callable[[str], None]
#: Trials of a search that states neither their number nor a time.
_TRIALS = 20


@dataclass(frozen=True)
class TuneResult:
    """What a search left behind.

    Attributes:
        folder: Its folder.
        report: Table, importances, best trial.
        best: The best recipe as a file for ``tumorscope train``; None while no trial is complete.
    """

    folder: Path
    report: SearchReport
    best: Path | None

    @property
    def exit_code(self) -> int:
        """0 no trial failed, 1 some did, 2 none is complete."""
        if self.best is None:
            return 2
        return int(any(trial["state"] == "failed" for trial in self.report.trials))

    def render(self) -> str:
        """Return the table for people."""
        return self.report.render()

    def to_json(self) -> dict[str, Any]:
        """Return the report and the files."""
        return {"folder": str(self.folder), "best_recipe": None if self.best is None else str(self.best)} | (
            self.report.to_json()
        )


def tune(
    recipe: str | Path | Recipe,
    data: str | Path,
    output: str | Path,
    parameters: Sequence[str],
    *,
    sampler: Literal["tpe", "random", "grid"] = "tpe",
    pruner: Literal["median", "hyperband", "none"] = "median",
    objective: Literal["val_dice", "val_loss"] = "val_dice",
    trials: int | None = None,
    timeout: float | None = None,
    seed: int = 0,
    overrides: dict[str, str] | None = None,
    split: str | Path | None = None,
    cache: str | Path | None = None,
    echo: Echo = log.info,
) -> TuneResult:
    """Search the ``parameters`` of a recipe; the same call continues a search that was stopped.

    Every trial trains on the same training part and is judged on the same validation part; the test part is never
    read. Several processes may run the same call at once: they share the study.

    Args:
        recipe: Name, YAML file or Recipe.
        data: The data set's folder or a parent of it.
        output: Folder of the search: ``study.db``, ``trials.csv``, ``search.json``, ``best.yaml``, figures.
        parameters: As :func:`~tumorscope.training.search_space.parse_parameter` reads them.
        sampler: What draws values.
        pruner: What ends hopeless trials early.
        objective: What is optimised.
        trials: How many in all, over all starts; default 20, for a grid all points, with a timeout no limit.
        timeout: Seconds after which no further epoch of this call begins.
        seed: Of the draws.
        overrides: Dotted key → value, the same in all trials.
        split: Split file; default: made from the recipe, written to ``split.json``.
        cache: Folder for preprocessed cases; default ``<output>/cache``.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: for a parameter that cannot be searched, or a folder that holds another search.
        InputError: for data that cannot be used.
    """
    from tumorscope.training.search import Search, SearchSettings
    from tumorscope.training.search_space import parse_parameters

    deadline = None if timeout is None else time.monotonic() + timeout
    space = parse_parameters(list(parameters))
    settings = SearchSettings(sampler, pruner, objective, seed)
    base = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides)
    check_keys(base, space, settings.objective)
    folder = ensure_folder(output)
    setup = make_setup(base, Path(data), folder, split, Path(cache or folder / "cache"), echo)
    check_space(setup, space)
    constants = {"recipe": setup.recipe.model_dump(mode="json"), "split": setup.split.hash}
    search = Search(folder, space, settings, constants)
    if trials is None and sampler != "grid" and timeout is None:
        trials = _TRIALS
    try:
        _run_trials(search, setup, trials, deadline, echo)
    except KeyboardInterrupt:
        echo("stopped; the same command continues the unfinished trial after its last finished epoch")
        _finish(search, setup, figures=False)
        raise
    return _finish(search, setup, figures=True)


def _run_trials(search: Search, setup: Setup, trials: int | None, deadline: float | None, echo: Echo) -> None:
    from tumorscope.training.trial import TimeIsUpError, run_trial, trial_row

    while deadline is None or time.monotonic() < deadline:
        trial = search.next(trials)
        if trial is None:
            return
        values = {p.key: trial.params[p.key] for p in search.parameters}
        shown = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items())
        echo(f"trial {trial.number + 1}{'' if trials is None else f' of {trials}'}: {shown}")
        try:
            end = run_trial(search, trial, _maker(search, trial, setup), setup.scheme, setup.split, deadline)
        except TimeIsUpError:
            echo("time is up; the same command continues the unfinished trial after its last finished epoch")
            return
        row = next(trial_row(search, t) for t in search.trials() if t.number == trial.number)
        outcome = end.sentence or f"{search.settings.objective} {row['value']:.4f} at epoch {row['best_epoch']}"
        echo(f"  {row['state']}: {outcome} ({row['epochs']} epochs, {row['seconds']:.0f} s)")
        _finish(search, setup, figures=False)


def _maker(search: Search, trial: Trial, setup: Setup) -> Callable[[], tuple[Recipe, Cache]]:
    """Return what makes the trial's recipe and its cases; the cache is shared, and built by one process at a time."""

    def make() -> tuple[Recipe, Cache]:
        from filelock import FileLock

        from tumorscope.training.cache import build_cache

        drawn = trial_recipe(setup.recipe, search.parameters, trial.params)
        place = ensure_folder(search.trial_folder(trial.number)) / "recipe.yaml"
        write_text(place, _yaml(drawn))
        ensure_folder(setup.cache)
        with FileLock(setup.cache / ".lock"):
            return drawn, build_cache(setup.cases, drawn.preprocess, setup.scheme, setup.cache)

    return make


def _finish(search: Search, setup: Setup, *, figures: bool) -> TuneResult:
    """Write what is known so far: table, best recipe and, on request, importances and figures."""
    best = search.best()
    path = search.folder / "best.yaml" if best is not None else None
    if best is not None and path is not None:
        write_text(path, _best_yaml(search, setup, best))
    report = _report(search, setup, path, importance=figures)
    write_text(search.folder / "trials.csv", report.render_csv())
    write_text(search.folder / "trials.txt", report.render() + "\n")
    write_text(search.folder / "search.json", json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n")
    if figures:
        save_search_figures(report, search.folder)
    return TuneResult(search.folder, report, path)


def _report(search: Search, setup: Setup, best: Path | None, *, importance: bool) -> SearchReport:
    from dataclasses import asdict

    from tumorscope.report.search import SearchReport
    from tumorscope.training.importance import importances
    from tumorscope.training.trial import trial_row

    split, settings, found = setup.split, search.settings, search.best()
    words = ["tumorscope", "train", str(best), "--data", str(setup.data), "-o", f"runs/{setup.recipe.name}-tuned"]
    return SearchReport(
        recipe=setup.recipe.name,
        objective=settings.objective,
        monitor=setup.recipe.training.monitor,
        split={"unit": split.unit_text, "hash": split.hash}
        | {part: len(split.parts.get(part, [])) for part in ("train", "val", "test")},
        settings={"sampler": settings.sampler, "pruner": settings.pruner, "seed": settings.seed},
        space=[str(p) for p in search.parameters],
        trials=[trial_row(search, t) for t in search.trials()],
        best=None if found is None else found.number + 1,
        importance=[asdict(i) for i in importances(search)] if importance else [],
        command="" if best is None else shlex.join([*words, "--split", str(search.folder / "split.json")]),
    )


def save_search_figures(report: SearchReport, folder: Path) -> list[Path]:
    """Write ``importance.png`` and ``history.png``, each where there is something to show."""
    from tumorscope.figures.importance import history_figure, importance_figure
    from tumorscope.figures.save import write_figure

    paths = []
    n = sum(t["state"] == "complete" for t in report.trials)
    if report.importance:
        paths.append(write_figure(importance_figure(report.importance, n), folder / "importance.png"))
    if any(t["value"] is not None for t in report.trials):
        paths.append(write_figure(history_figure(report.trials, report.objective), folder / "history.png"))
    return paths


def _best_yaml(search: Search, setup: Setup, best: FrozenTrial) -> str:
    drawn = trial_recipe(setup.recipe, search.parameters, best.params)
    named = drawn.model_copy(update={"name": f"{setup.recipe.name}-tuned"})
    values = ", ".join(f"{key} {value}" for key, value in best.params.items())
    return (
        f"# Trial {best.number + 1} of a search over '{setup.recipe.name}': {search.settings.objective} "
        f"{best.value:.4f} on {len(setup.split.parts['val'])} validation cases, split {setup.split.hash}.\n"
        f"# {values}\n{_yaml(named)}"
    )


def _yaml(recipe: Recipe) -> str:
    text: str = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text
