"""``tumorscope measure``: a mask edited elsewhere, measured and reported; several time points compared."""

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
    """Measure masks that were drawn or edited elsewhere, and compare time points of one patient.

    A mask (NIfTI, NRRD and seg.nrrd of 3D Slicer, DICOM-SEG) gets the files that predict writes. Result folders of
    earlier runs may stand in place of masks; two or more inputs also give timeline.html, .png, .csv and .json.

    Example: tumorscope measure edited.seg.nrrd --scan scans/patient7 -o corrected
    """

    positionals: ClassVar[bool] = True

    inputs: Annotated[
        Positional[tuple[Path, ...]],
        arg(metavar="MASK...", help="Masks, or result folders to compare.", help_behavior_hint="(required)"),
    ] = ()
    scan: Annotated[
        tuple[Path, ...],
        arg(
            metavar="CASE...",
            help="The case of each mask, in the same order: file or folder; one for all is fine.",
            help_behavior_hint="(required for masks)",
        ),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the results.")]
    labels: Annotated[
        str | None,
        arg(
            metavar="SCHEME",
            help="What the values mean: a label scheme in tumorscope info.",
            help_behavior_hint="(default: told by names or values)",
        ),
    ] = None
    dates: Annotated[
        tuple[str, ...],
        arg(
            metavar="DATE...",
            help="Of each input, earliest first: 2024-05-31, or days (0 92).",
            help_behavior_hint="(default: numbered)",
        ),
    ] = ()
    spacing: Annotated[
        str | None,
        arg(metavar="X,Y,Z", help="Voxel size in mm of scans that carry none.", help_behavior_hint=""),
    ] = None
    layout: Annotated[
        Literal["plain", "bids"], arg(help="Names of the files: plain, or as BIDS derivatives (sub-*/anat/*_dseg…).")
    ] = "plain"
    keep_identifiers: Annotated[
        bool, arg(help="Keep patient, study and real UIDs in DICOM output; without it they are pseudonyms.")
    ] = False
    pseudonym_key: KeyOption = None
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per mask; 0 all done."""
        if not self.inputs:
            raise UsageError(expected="at least one MASK", found="none", fix="Name a mask, or result folders")
        spacing = parse_spacing(self.spacing)
        with output(self.json) as out, pseudonym_key(self.pseudonym_key):
            from tumorscope.workflows.measure import measure_inputs
            from tumorscope.workflows.save_case import SaveOptions

            result = measure_inputs(
                self.inputs,
                self.out,
                scans=self.scan,
                labels=self.labels,
                dates=self.dates,
                spacing=spacing,
                save=SaveOptions(layout=self.layout, keep_identifiers=self.keep_identifiers),
                say=out.say,
            )
            out.give(result)
        return 0
