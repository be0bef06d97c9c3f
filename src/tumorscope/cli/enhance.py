"""``tumorscope enhance``: bias field and contrast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output
from tumorscope.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Command:
    """Correct the bias field (N4) and normalise the contrast; the grid stays as it is.

    OUT gets <name>_enhanced.nii.gz (.png for pictures) per image; header and name say that it was processed.

    Example: tumorscope enhance scans/patient7 -o out --contrast clahe
    """

    positionals: ClassVar[bool] = True

    inputs: Annotated[
        Positional[tuple[Path, ...]],
        arg(metavar="INPUT...", help="Images, folders of images, DICOM or zip.", help_behavior_hint="(required)"),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the results.")]
    bias: Annotated[
        bool,
        arg(
            help="Leave the bias field as it is; else N4 corrects that of volumes.",
            help_behavior_hint="(default: corrected)",
        ),
    ] = True
    contrast: Annotated[
        Literal["none", "percentile", "zscore", "clahe"],
        arg(help="Stretch percentiles, standardise, or equalise local histograms."),
    ] = "percentile"
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per image; 0 all done, 1 some failed, 2 none done."""
        if not self.inputs:
            raise UsageError(expected="at least one INPUT", found="none", fix="Name a file or a folder")
        with output(self.json) as out:
            from tumorscope.workflows.restore import enhance_files

            result = enhance_files(
                self.inputs, self.out, bias=self.bias, contrast=self.contrast, say=out.say, watch=out.watch
            )
            out.give(result)
        return result.exit_code
