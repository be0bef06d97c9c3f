"""``tumorscope synth``: synthetic slices or cases, marked as such."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Make synthetic images: slices from noise (vae, gan), or cases painted from tumour masks (synthesis).

    Every file says in its name and its header that it is synthetic; a painted case comes with its label map. Read
    docs/ethics.md first.

    Example: tumorscope synth --bundle synth-from-mask --phantoms 5 -o synthetic
    """

    positionals: ClassVar[bool] = True

    masks: Annotated[
        Positional[tuple[Path, ...]],
        arg(
            metavar="MASK...",
            help="Case folders with a label map and a scan (its non-zero voxels are the brain), or folders of such; "
            "for a vae one scan to pass through its latent, or two to go between.",
            help_behavior_hint="",
        ),
    ] = ()
    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the results.")]
    bundle: Annotated[str, arg(metavar="NAME|DIR", help="Model that makes images.")] = "synth-from-mask"
    phantoms: Annotated[int, arg(help="Paint the masks of so many new phantoms; no patient is involved.")] = 0
    count: Annotated[
        int | None,
        arg(
            metavar="N",
            help="Slices to make from noise, or between two scans; cases to paint from the masks given, in turn.",
            help_behavior_hint="(default: 16 slices; a case per mask)",
        ),
    ] = None
    seed: Annotated[int, arg(help="Of everything that is drawn.")] = 0
    refine: Annotated[
        int,
        arg(help="For a vae and its scans: gradient steps that fit the latents closer than the encoder (try 200)."),
    ] = 0
    json: JsonOption = None

    def run(self) -> int:
        """Print what was made; 0 all done, 1 some failed, 2 none done."""
        with output(self.json) as out:
            from tumorscope.workflows.synth import synthesise

            result = synthesise(
                self.out,
                bundle=self.bundle,
                masks=self.masks,
                phantoms=self.phantoms,
                count=self.count,
                seed=self.seed,
                refine=self.refine,
                say=out.say,
                watch=out.watch,
            )
            out.give(result)
        return result.exit_code
