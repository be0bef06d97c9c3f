"""``tumorscope compare``: runs side by side on the same cases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Compare models case by case: scores, paired differences with tests, cost, false alarms.

    RUN is the folder of a training run, a bundle (name or folder), or a JSON file of tumorscope evaluate; NAME=RUN
    names it. Runs with other cases, references or units of split are refused, and so are cases that trained one of
    them. Evaluations are kept in OUT, so that the same comparison later is instant.

    Example: tumorscope compare runs/fpn runs/unet --dataset lgg --data kaggle_3m --split split.json --report out.html
    """

    positionals: ClassVar[bool] = True

    runs: Annotated[
        Positional[tuple[str, ...]],
        arg(metavar="RUN...", help="Two or more of them.", help_behavior_hint="(required)"),
    ] = ()
    dataset: Annotated[
        str | None,
        arg(metavar="NAME", help="Data set to score on, by its name in tumorscope info.", help_behavior_hint=""),
    ] = None
    data: Annotated[
        Path | None, arg(metavar="DIR", help="Its folder as downloaded, or any parent of it.", help_behavior_hint="")
    ] = None
    split: Annotated[
        Path | None, arg(metavar="FILE", help="Split file: compare on one of its parts.", help_behavior_hint="")
    ] = None
    part: Annotated[Literal["train", "val", "test"], arg(help="Which part of the split.")] = "test"
    cases: Annotated[
        tuple[str, ...],
        arg(
            metavar="ID...",
            help="Compare on these cases (all their slices, if split so).",
            help_behavior_hint="(default: all)",
        ),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder that keeps evaluations.")] = Path("compare")
    report: Annotated[
        Path | None, arg(metavar="FILE", help="Write an HTML report with figures.", help_behavior_hint="")
    ] = None
    metrics: Annotated[
        tuple[str, ...],
        arg(
            metavar="NAME...",
            help="Metrics by their names in tumorscope info.",
            help_behavior_hint="(default: dice iou sensitivity precision hd95)",
        ),
    ] = ()
    empty_policy: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help="How empty masks count: both-empty-one, positives-only, skip-both-empty, brats, brats-2023.",
            help_behavior_hint="(default: the data set's own)",
        ),
    ] = None
    allow_overlap: Annotated[
        bool,
        arg(help="Go on where cases trained a run, or runs differ in their unit of split; printed on every score."),
    ] = False
    validation: Annotated[bool, arg(help="Also score each run on its own validation cases, beside those compared.")] = (
        False
    )
    no_cost: Annotated[bool, arg(help="Do not measure seconds and memory.")] = False
    tta: Annotated[bool, arg(help="Average the prediction with that of the mirrored scan.")] = False
    runtime: Annotated[
        Literal["auto", "torch", "openvino"], arg(help="What computes the network; auto takes the fastest installed.")
    ] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda"], arg(help="Where PyTorch computes.")] = "auto"
    json: JsonOption = None

    def run(self) -> int:
        """Print the comparison; 0 when it is made."""
        with output(self.json) as out:
            from tumorscope.workflows.compare import COMPARED, compare, write_report

            result = compare(
                self.runs,
                dataset=self.dataset,
                data=self.data,
                split=self.split,
                part=self.part,
                cases=self.cases,
                out=self.out,
                metrics=self.metrics or COMPARED,
                empty_policy=self.empty_policy,
                allow_overlap=self.allow_overlap,
                validation=self.validation,
                cost=not self.no_cost,
                runtime=self.runtime,
                device=self.device,
                tta=self.tta,
                echo=out.say,
            )
            out.say(result.render())
            if self.report is not None:
                out.say(f"report: {write_report(result, self.report)}")
            out.give(result.to_json())
        return 0
