"""``tumorscope predict``: scans in, measured tumour maps out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption, parse_spacing
from tumorscope.cli.output import output
from tumorscope.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Command:
    """Segment scans, measure the tumour and, on T1CE, tell its type.

    For each case OUT/<case>/ gets segmentation.nii.gz (.png for pictures), overlay.png, measurements.json and
    report.html; OUT/summary.csv has one row per case.

    Example: tumorscope predict scans/patient7 -o out
    """

    positionals: ClassVar[bool] = True

    inputs: Annotated[
        Positional[tuple[Path, ...]],
        arg(
            metavar="INPUT...",
            help="A file, or a folder: of the sequences of one case, of the slices of one patient, or of cases.",
            help_behavior_hint="(required)",
        ),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the results.")]
    bundle: Annotated[
        str | None,
        arg(
            metavar="NAME|DIR",
            help="Trained model to use; without it the shipped one that fits the sequences found.",
            help_behavior_hint="",
        ),
    ] = None
    sequence: Annotated[
        str | None,
        arg(
            metavar="S",
            help="What INPUT shows, where its name cannot tell: T1, T1CE, T2, FLAIR.",
            help_behavior_hint="",
        ),
    ] = None
    spacing: Annotated[
        str | None,
        arg(
            metavar="X,Y,Z", help="Voxel size in mm of inputs that carry none (PNG, JPEG, TIFF).", help_behavior_hint=""
        ),
    ] = None
    runtime: Annotated[
        Literal["auto", "torch", "openvino"], arg(help="What computes the network; auto takes the fastest installed.")
    ] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda"], arg(help="Where PyTorch computes.")] = "auto"
    probabilities: Annotated[bool, arg(help="Also write one probability map per region.")] = False
    tta: Annotated[bool, arg(help="Average the prediction with that of the mirrored scan; takes twice as long.")] = (
        False
    )
    types: Annotated[bool, arg(help="Also tell the tumour type, where a shipped model fits (T1CE).")] = True
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per case; 0 all done, 1 some failed, 2 none done."""
        if not self.inputs:
            raise UsageError(expected="at least one INPUT", found="none", fix="Name a file or a folder")
        spacing = parse_spacing(self.spacing)
        with output(self.json) as out:
            from tumorscope.workflows.predict import predict_inputs

            result = predict_inputs(
                self.inputs,
                self.out,
                bundle=self.bundle,
                sequence=self.sequence,
                spacing=spacing,
                runtime=self.runtime,
                device=self.device,
                probabilities=self.probabilities,
                tta=self.tta,
                types=self.types,
                say=out.say,
            )
            out.give(result)
        return result.exit_code
