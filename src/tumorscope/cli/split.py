"""``tumorscope split``: which patients train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Divide a data set by patient (or as papers did) and write split files for train and evaluate.

    Example: tumorscope split --dataset lgg --data kaggle_3m --kind sites -o splits
    """

    dataset: Annotated[str, arg(metavar="NAME", help="Data set, by its name in tumorscope info.")]
    data: Annotated[Path, arg(metavar="DIR", help="Its folder as downloaded, or any parent of it.")]
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR", help="Folder for the split files.")]
    kind: Annotated[
        Literal["random", "folds", "sites", "slices", "release", "groups"],
        arg(
            help="One random split, k folds, each site left out in turn, or look-alikes kept together. "
            "Published protocols that leak patients: "
            "slices (at random), release (the parts of the public release)."
        ),
    ] = "random"
    fractions: Annotated[
        tuple[float, float, float], arg(metavar="TRAIN VAL TEST", help="Shares of a random split.")
    ] = (0.7, 0.15, 0.15)
    folds: Annotated[int, arg(metavar="K", help="Number of folds.")] = 5
    stratify: Annotated[
        Literal["grade", "site", "tumor_type"] | None,
        arg(help="Keep the proportions of grades, sites or tumour types.", help_behavior_hint=""),
    ] = None
    test_list: Annotated[
        str | None,
        arg(metavar="NAME", help="Fixed test list (lgg, brats, figshare) that is always test.", help_behavior_hint=""),
    ] = None
    seed: Annotated[int, arg(metavar="N", help="Of the shuffle.")] = 0
    against: Annotated[
        tuple[str, ...],
        arg(metavar="NAME=DIR...", help="For groups: data sets the pictures may copy.", help_behavior_hint=""),
    ] = ()
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per split file."""
        with output(self.json) as out:
            from tumorscope.workflows.split import describe, make_split_files

            splits = make_split_files(
                self.dataset,
                self.data,
                self.out,
                kind=self.kind,
                fractions=self.fractions,
                folds=self.folds,
                stratify=self.stratify,
                test_list=self.test_list,
                seed=self.seed,
                against=self.against,
            )
            for name, split in splits.items():
                out.say(describe(str(self.out / name), split))
            out.give({name: split.model_dump(mode="json") for name, split in splits.items()})
        return 0
