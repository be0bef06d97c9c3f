"""``tumorscope evaluate``: scores with everything that must stand beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Score a bundle on labelled cases, or a folder of label maps against references.

    Either --bundle with --dataset and --data, or --pred with --ref. Cases that the bundle was trained on are
    refused. Without --split every labelled case found is scored.

    Example: tumorscope evaluate --bundle lgg-flair --dataset lgg --data kaggle_3m --split split.json --json scores.json
    """

    bundle: Annotated[str | None, arg(metavar="NAME|DIR", help="Trained model to score.", help_behavior_hint="")] = None
    dataset: Annotated[
        str | None, arg(metavar="NAME", help="Data set, by its name in tumorscope info.", help_behavior_hint="")
    ] = None
    data: Annotated[
        Path | None,
        arg(metavar="DIR", help="Its folder as downloaded, or any parent of it.", help_behavior_hint=""),
    ] = None
    split: Annotated[
        Path | None, arg(metavar="FILE", help="Split file: score one of its parts.", help_behavior_hint="")
    ] = None
    part: Annotated[Literal["train", "val", "test"], arg(help="Which part of the split.")] = "test"
    cases: Annotated[
        tuple[str, ...], arg(metavar="ID...", help="Score these cases only.", help_behavior_hint="(default: all)")
    ] = ()
    sequences: Annotated[
        tuple[str, ...],
        arg(
            metavar="S...",
            help="Show the bundle these sequences only: T1, T1CE, T2, FLAIR.",
            help_behavior_hint="(default: all there are)",
        ),
    ] = ()
    allow_overlap: Annotated[bool, arg(help="Also score cases the bundle was trained on; printed on every score.")] = (
        False
    )
    pred: Annotated[Path | None, arg(metavar="DIR", help="Folder of label maps to score.", help_behavior_hint="")] = (
        None
    )
    ref: Annotated[Path | None, arg(metavar="DIR", help="Folder of reference label maps.", help_behavior_hint="")] = (
        None
    )
    missing: Annotated[
        Literal["error", "empty"], arg(help="What a reference without prediction means; empty: nothing was predicted.")
    ] = "error"
    metrics: Annotated[
        tuple[str, ...],
        arg(
            metavar="NAME...",
            help="Metrics by their names in tumorscope info; 'papers': all that the judged papers print; "
            "'lesionwise': those of BraTS 2023.",
            help_behavior_hint="(default: default)",
        ),
    ] = ("default",)
    empty_policy: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help="How empty masks count: both-empty-one, positives-only, skip-both-empty, brats, brats-2023.",
            help_behavior_hint="(default: the data set's own)",
        ),
    ] = None
    ignore_value: Annotated[
        int | None,
        arg(
            metavar="VALUE",
            help="Reference value of pixels that nobody labelled; they are in no count.",
            help_behavior_hint="(default: as the bundle was trained)",
        ),
    ] = None
    tta: Annotated[bool, arg(help="Average the prediction with that of the mirrored scan.")] = False
    runtime: Annotated[
        Literal["auto", "torch", "openvino"], arg(help="What computes the network; auto takes the fastest installed.")
    ] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda"], arg(help="Where PyTorch computes.")] = "auto"
    json: JsonOption = None

    def run(self) -> int:
        """Print the scores; 0 every case scored, 1 some not, 2 none."""
        with output(self.json) as out:
            from tumorscope.workflows.evaluate import evaluate

            result = evaluate(
                bundle=self.bundle,
                dataset=self.dataset,
                data=self.data,
                split=self.split,
                part=self.part,
                cases=self.cases,
                sequences=self.sequences,
                missing=self.missing,
                metrics=self.metrics,
                pred=self.pred,
                ref=self.ref,
                allow_overlap=self.allow_overlap,
                runtime=self.runtime,
                device=self.device,
                tta=self.tta,
                empty_policy=self.empty_policy,
                ignore_value=self.ignore_value,
                echo=out.say,
            )
            out.say(result.render())
            out.give(result.to_json())
        return result.exit_code
