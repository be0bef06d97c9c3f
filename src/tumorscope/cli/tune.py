"""``tumorscope tune``: search hyper-parameters of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, UseAppendAction, arg

from tumorscope.cli.options import JsonOption, Overrides, parse_duration
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Search hyper-parameters of a recipe on one fixed split; the test part is never touched.

    Every trial is a short training run. The same command continues a search that was stopped, and several of it at
    once share one search. SEARCH receives trials.txt, trials.csv, search.json, importance.png, history.png and
    best.yaml, a recipe for tumorscope train. Recipe values that all trials share are changed by their dotted
    names: --training.epochs 10 --data.samples_per_epoch 400

    Example: tumorscope tune lgg-flair --data kaggle_3m -o search --param optimizer.lr=loguniform:1e-5:1e-2
    --param training.batch_size=choice:8,16,32 --trials 20
    """

    positionals: ClassVar[bool] = True

    recipe: Annotated[Positional[str], arg(metavar="RECIPE", help="Name of a shipped recipe, or a YAML file.")]
    data: Annotated[Path, arg(metavar="DIR", help="The data set's folder as downloaded, or any parent of it.")]
    out: Annotated[Path, arg(aliases=["-o"], metavar="SEARCH", help="Folder of the search.")]
    param: Annotated[
        UseAppendAction[list[str]],
        arg(
            metavar="KEY=KIND:VALUES",
            help="What varies, once per parameter: KEY=loguniform:LOW:HIGH, KEY=uniform:LOW:HIGH[:STEP], "
            "KEY=int:LOW:HIGH[:STEP], KEY=choice:A,B,C; lists: KEY=choice:[16,32]|[32,64].",
        ),
    ]
    sampler: Annotated[
        Literal["tpe", "random", "grid"], arg(help="What draws values; grid: every combination, in random order.")
    ] = "tpe"
    pruner: Annotated[Literal["median", "hyperband", "none"], arg(help="What ends hopeless trials early.")] = "median"
    objective: Annotated[
        Literal["val_dice", "val_loss"], arg(help="What is optimised, read at the epoch a run would keep.")
    ] = "val_dice"
    trials: Annotated[
        int | None,
        arg(
            metavar="N",
            help="Trials in all, over all starts.",
            help_behavior_hint="(default: 20; with --timeout no limit; grid: all)",
        ),
    ] = None
    timeout: Annotated[
        str | None,
        arg(metavar="TIME", help="Begin no further epoch after 90s, 25min or 2h.", help_behavior_hint=""),
    ] = None
    seed: Annotated[int, arg(metavar="N", help="Of the draws; the recipe's seeds are its own.")] = 0
    split: Annotated[
        Path | None,
        arg(metavar="FILE", help="Split file to use; without it the recipe makes one.", help_behavior_hint=""),
    ] = None
    cache: Annotated[
        Path | None,
        arg(metavar="DIR", help="Folder for preprocessed cases.", help_behavior_hint="(default: SEARCH/cache)"),
    ] = None
    overrides: Overrides = field(default_factory=dict)
    json: JsonOption = None

    def run(self) -> int:
        """Print the table; 0 no trial failed, 1 some did, 2 none is complete."""
        with output(self.json) as out:
            timeout = parse_duration(self.timeout)
            from tumorscope.workflows.tune import tune

            result = tune(
                self.recipe,
                self.data,
                self.out,
                self.param,
                sampler=self.sampler,
                pruner=self.pruner,
                objective=self.objective,
                trials=self.trials,
                timeout=timeout,
                seed=self.seed,
                overrides=self.overrides,
                split=self.split,
                cache=self.cache,
                echo=out.say,
            )
            out.say(result.render())
            out.give(result.to_json())
        return result.exit_code
