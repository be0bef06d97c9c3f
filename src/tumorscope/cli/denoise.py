"""``tumorscope denoise``: images in, images with less noise out."""

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
    """Take noise out of MRI, slice by slice; the grid stays as it is.

    OUT gets <name>_denoised.nii.gz (.png for pictures) per image; header and name say that it was processed.

    Example: tumorscope denoise scans/patient7 -o out
    """

    positionals: ClassVar[bool] = True

    inputs: Annotated[
        Positional[tuple[Path, ...]],
        arg(metavar="INPUT...", help="Images, folders of images, DICOM or zip.", help_behavior_hint="(required)"),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the results.")]
    method: Annotated[
        Literal["network", "nlm", "tv"], arg(help="A network, or non-local means or total variation.")
    ] = "network"
    bundle: Annotated[
        str | None, arg(metavar="NAME|DIR", help="Model of the network.", help_behavior_hint="(default: denoise)")
    ] = None
    noise: Annotated[
        float | None,
        arg(
            metavar="PERCENT",
            help="For nlm and tv: noise in percent of the brain's 99th percentile.",
            help_behavior_hint="(default: estimated)",
        ),
    ] = None
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per image; 0 all done, 1 some failed, 2 none done."""
        if not self.inputs:
            raise UsageError(expected="at least one INPUT", found="none", fix="Name a file or a folder")
        with output(self.json) as out:
            from tumorscope.workflows.restore import denoise_files

            result = denoise_files(
                self.inputs,
                self.out,
                method=self.method,
                bundle=self.bundle,
                noise=self.noise,
                say=out.say,
                watch=out.watch,
            )
            out.give(result)
        return result.exit_code
