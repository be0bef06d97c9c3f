"""A hyper-parameter search as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_UNITS = {
    "val_dice": "validation Dice of whole volumes, mean over cases and outputs, both empty counts 1; higher is better",
    "val_loss": "validation loss, mean over all validation slices; lower is better",
}


@dataclass(frozen=True)
class SearchReport:
    """What a search found so far.

    Attributes:
        recipe: Name of the recipe that was varied.
        objective: ``val_dice`` or ``val_loss``.
        monitor: What chose the epoch of each trial at which the objective was read.
        split: ``unit``, ``hash``, ``train``, ``val``, ``test`` (cases).
        settings: Sampler, pruner, seed.
        space: The parameters as written on the command line.
        trials: One dict per trial: ``trial``, ``state``, ``value``, ``best_epoch``, ``epochs``, ``seconds``,
            ``params``, ``sentence``.
        best: Number of the best complete trial, or None.
        importance: Dicts ``key``, ``share``, ``low``, ``high``, highest share first; empty where nothing can be told.
        command: What trains the best recipe.
    """

    recipe: str
    objective: str
    monitor: str
    split: Mapping[str, Any]
    settings: Mapping[str, Any]
    space: Sequence[str]
    trials: Sequence[Mapping[str, Any]]
    best: int | None = None
    importance: Sequence[Mapping[str, Any]] = field(default_factory=list)
    command: str = ""

    @property
    def keys(self) -> list[str]:
        """Return the searched keys in the order of the command line."""
        return [text.partition("=")[0] for text in self.space]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self) | {"score": self.score_words}

    @property
    def score_words(self) -> str:
        """What the value of a trial is, and how it was chosen."""
        return (
            f"{_UNITS[self.objective]}; n = {self.split['val']} cases, split by {self.split['unit']} "
            f"({self.split['hash']}), read at the epoch with the best {self.monitor}. It chose among the trials, so "
            f"the best one is optimistic; the test part ({self.split['test']} cases) was not touched."
        )

    def render_csv(self) -> str:
        """Return one row per trial."""
        text = io.StringIO()
        columns = ["trial", "state", self.objective, "best_epoch", "epochs", "seconds", *self.keys, "sentence"]
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        for trial in self.trials:
            row = {k: trial[k] for k in columns if k in trial} | dict(trial["params"])
            writer.writerow(row | {self.objective: trial["value"]})
        return text.getvalue()

    def render(self) -> str:
        """Return the table for people, best trials first."""
        lines = [
            f"Search over recipe '{self.recipe}': {self.settings['sampler']} sampler, {self.settings['pruner']} "
            f"pruner, seed {self.settings['seed']}; {self._counts()}",
            f"Value: {self.score_words}",
            "",
            *_aligned([self._header(), *(self._row(trial) for trial in self.ranked())]),
        ]
        failed = [t for t in self.trials if t["state"] == "failed"]
        lines += ["", *(f"Trial {t['trial']} failed. {t['sentence']}" for t in failed)] if failed else []
        lines += ["", *self._importance_lines()]
        if self.best is not None:
            lines += ["", f"Best: trial {self.best}. To train it: {self.command}"]
        return "\n".join(lines)

    def ranked(self) -> list[Mapping[str, Any]]:
        """Return the trials: complete ones from best to worst, then pruned, then the others."""
        sign = -1 if self.objective == "val_dice" else 1
        order = ["complete", "pruned", "failed", "unfinished"]
        return sorted(
            self.trials,
            key=lambda t: (
                order.index(t["state"]),
                sign * (t["value"] if t["value"] is not None else math.inf),
                t["trial"],
            ),
        )

    def _counts(self) -> str:
        states = [t["state"] for t in self.trials]
        return ", ".join(
            f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed", "unfinished") if s in states
        )

    def _header(self) -> list[str]:
        return ["trial", "state", self.objective, "at epoch", "epochs", "seconds", *self.keys]

    def _row(self, trial: Mapping[str, Any]) -> list[str]:
        cells = [trial["value"], trial["best_epoch"], trial["epochs"], trial["seconds"]]
        shown = ["" if c is None else f"{c:.4f}" if i == 0 else f"{c:.0f}" for i, c in enumerate(cells)]
        return [str(trial["trial"]), trial["state"], *shown, *(_number(trial["params"].get(k, "")) for k in self.keys)]

    def _importance_lines(self) -> list[str]:
        n = sum(t["state"] == "complete" for t in self.trials)
        if not self.importance:
            return [f"Importances cannot be told from {n} complete trial(s)."]
        words = f"Share of the variance each explains alone (fANOVA, {n} complete trials), 95 % bootstrap interval:"
        table = [[i["key"], f"{i['share']:.2f}", f"({i['low']:.2f} to {i['high']:.2f})"] for i in self.importance]
        return [words, *_aligned(table)]


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
