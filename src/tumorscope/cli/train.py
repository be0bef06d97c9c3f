"""``tumorscope train``: a recipe and data in, a bundle out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption, Overrides
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Train a network from a recipe and export it as a bundle; an interrupted run in RUN continues.

    Any value of the recipe is changed by its dotted name: --optimizer.lr 3e-4 --training.epochs 40
    --data.folds 5. Time and memory are estimated before the start.

    Example: tumorscope train lgg-flair --data kaggle_3m -o runs/lgg --optimizer.lr 3e-4
    """

    positionals: ClassVar[bool] = True

    recipe: Annotated[Positional[str], arg(metavar="RECIPE", help="Name of a shipped recipe, or a YAML file.")]
    data: Annotated[Path, arg(metavar="DIR", help="The data set's folder as downloaded, or any parent of it.")]
    out: Annotated[Path, arg(aliases=["-o"], metavar="RUN", help="Run folder: log, curves, checkpoints, bundle.")]
    split: Annotated[
        Path | None,
        arg(metavar="FILE", help="Split file to use; without it the recipe makes one.", help_behavior_hint=""),
    ] = None
    init: Annotated[
        str | None,
        arg(metavar="NAME|DIR", help="Bundle whose weights to start from (fine-tuning).", help_behavior_hint=""),
    ] = None
    cache: Annotated[
        Path | None,
        arg(metavar="DIR", help="Folder for preprocessed cases.", help_behavior_hint="(default: RUN/cache)"),
    ] = None
    outlines: Annotated[
        Path | None,
        arg(
            metavar="DIR",
            help="For classifiers: folder of the data set with outlined tumours that data.outlines names.",
            help_behavior_hint="",
        ),
    ] = None
    overrides: Overrides = field(default_factory=dict)
    json: JsonOption = None

    def run(self) -> int:
        """Print progress line by line; 0 when the bundle is written."""
        with output(self.json) as out:
            from tumorscope.workflows.train import train_recipe

            result = train_recipe(
                self.recipe,
                self.data,
                self.out,
                overrides=self.overrides,
                split=self.split,
                init=self.init,
                cache=self.cache,
                outlines=self.outlines,
                echo=out.say,
            )
            out.give({"run": result.run, "bundle": result.bundle.folder, "best": result.best})
        return 0
