"""``tumorscope predict``: scans in, measured tumour maps out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption, KeyOption, parse_spacing
from tumorscope.cli.output import output
from tumorscope.core.errors import UsageError
from tumorscope.core.pseudonym import pseudonym_key


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
            help="A file, a folder (one case's sequences, DICOM, slices, or cases), or a zip file.",
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
    uncertainty: Annotated[
        bool, arg(help="Also write the probabilities' entropy as a map, with --tta also their spread over the passes.")
    ] = False
    layout: Annotated[
        Literal["plain", "bids"], arg(help="Names of the files: plain, or as BIDS derivatives (sub-*/anat/*_dseg…).")
    ] = "plain"
    keep_identifiers: Annotated[
        bool,
        arg(help="Keep DICOM patient ids, dates and UIDs in names and outputs; else pseudonyms."),
    ] = False
    pseudonym_key: KeyOption = None
    dates: Annotated[
        tuple[str, ...],
        arg(
            metavar="DATE...",
            help="The INPUTs are one patient's at these dates (2024-05-31) or days (0 92): also write a timeline.",
            help_behavior_hint="",
        ),
    ] = ()
    tta: Annotated[bool, arg(help="Average the prediction with that of the mirrored scan; takes twice as long.")] = (
        False
    )
    fast: Annotated[
        bool, arg(help="Without --bundle: take a shipped model for slices instead of one for volumes, where both fit.")
    ] = False
    postprocess: Annotated[
        bool, arg(help="Leave the label map as the probabilities say; else the model's rules clean it (small parts).")
    ] = True
    preprocess: Annotated[
        bool,
        arg(help="Take scans as they are; else raw studies are co-registered, resampled and freed of the skull."),
    ] = True
    bias: Annotated[bool, arg(help="Also correct the bias field (N4).")] = False
    types: Annotated[
        Literal["auto", "always", "never"],
        arg(help="Tell the tumour type of T1CE; auto: not of brains without skull, which the model does not know."),
    ] = "auto"
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per case; 0 all done, 1 some failed, 2 none done."""
        if not self.inputs:
            raise UsageError(expected="at least one INPUT", found="none", fix="Name a file or a folder")
        spacing = parse_spacing(self.spacing)
        with output(self.json) as out, pseudonym_key(self.pseudonym_key):
            from tumorscope.workflows.predict import predict_inputs
            from tumorscope.workflows.save_case import SaveOptions

            result = predict_inputs(
                self.inputs,
                self.out,
                bundle=self.bundle,
                sequence=self.sequence,
                spacing=spacing,
                runtime=self.runtime,
                device=self.device,
                save=SaveOptions(self.probabilities, self.uncertainty, self.layout, self.keep_identifiers),
                dates=self.dates,
                tta=self.tta,
                preprocess=self.preprocess,
                bias=self.bias,
                fast=self.fast,
                postprocess=self.postprocess,
                types={"auto": None, "always": True, "never": False}[self.types],
                say=out.say,
            )
            out.give(result)
        return result.exit_code
