"""``tumorscope reconstruct``: images from undersampled k-space, or thin slices from thick ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output
from tumorscope.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Command:
    """Reconstruct images from undersampled Cartesian k-space, or thin slices from thick ones.

    K-space is measured (an .h5 file with a complex data set kspace of one coil) or simulated from magnitude images
    with --acceleration; OUT gets the zero-filled image beside the reconstruction. With --thin it gets the cubic
    interpolation beside the network's. Header and name say what each file is.

    Example: tumorscope reconstruct scan_flair.nii.gz --acceleration 4 -o out
    """

    positionals: ClassVar[bool] = True

    inputs: Annotated[
        Positional[tuple[Path, ...]],
        arg(
            metavar="INPUT...",
            help="Images, folders of images, DICOM or zip; or k-space as .h5.",
            help_behavior_hint="(required)",
        ),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the results.")]
    acceleration: Annotated[
        float | None,
        arg(
            metavar="R",
            help="Simulate k-space with R times fewer lines: 2, 4 or 8 (learned), at most 16.",
            help_behavior_hint="",
        ),
    ] = None
    thin: Annotated[
        int | None,
        arg(
            metavar="N",
            help="Divide each thick slice into N: 3 or 5 (learned), at most 8; cubes are refused.",
            help_behavior_hint="",
        ),
    ] = None
    bundle: Annotated[
        str | None,
        arg(metavar="NAME|DIR", help="Model.", help_behavior_hint="(default: reconstruct; thin-slices with --thin)"),
    ] = None
    seed: Annotated[int, arg(help="Of the simulated mask and phase.")] = 0
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per image; 0 all done, 1 some failed, 2 none done."""
        if not self.inputs:
            raise UsageError(expected="at least one INPUT", found="none", fix="Name a file or a folder")
        with output(self.json) as out:
            from tumorscope.workflows.restore import reconstruct_files

            result = reconstruct_files(
                self.inputs,
                self.out,
                acceleration=self.acceleration,
                thin=self.thin,
                bundle=self.bundle,
                seed=self.seed,
                say=out.say,
                watch=out.watch,
            )
            out.give(result)
        return result.exit_code
