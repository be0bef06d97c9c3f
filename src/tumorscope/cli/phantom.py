"""``tumorscope phantom``: synthetic patients with a known tumour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Make synthetic patients: four sequences and the true label map, in the BraTS layout.

    The same options give the same voxels. Nobody's data: free to publish.

    Example: tumorscope phantom -o phantoms --count 3 --growth 0.8
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for the patients.")]
    count: Annotated[int, arg(metavar="N", help="How many; seeds count up.")] = 1
    seed: Annotated[int, arg(metavar="N", help="Of all randomness; another seed is another patient.")] = 0
    growth: Annotated[float, arg(metavar="0-1", help="How far the tumour has grown.")] = 0.6
    size_mm: Annotated[float, arg(metavar="MM", help="Diameter of the fully grown tumour core.")] = 52.0
    hemisphere: Annotated[
        Literal["left", "right"] | None, arg(help="Side of the tumour.", help_behavior_hint="(default: by seed)")
    ] = None
    lobe: Annotated[
        Literal["frontal", "parietal", "temporal", "occipital", "insular"] | None,
        arg(help="Place of the tumour.", help_behavior_hint="(default: by seed)"),
    ] = None
    low_grade: Annotated[bool, arg(help="No enhancing rim, no necrosis, little oedema.")] = False
    noise: Annotated[float, arg(metavar="SD", help="Rician noise in T1, as a fraction of white matter.")] = 0.025
    bias: Annotated[float, arg(metavar="SD", help="Strength of the bias field (SD of its logarithm).")] = 0.06
    mass_effect: Annotated[float, arg(metavar="0-2", help="How far the tumour pushes tissue away.")] = 1.0
    spacing: Annotated[float, arg(metavar="MM", help="Voxel size.")] = 1.0
    json: JsonOption = None

    def run(self) -> int:
        """Print one line per patient with its true volumes; 0 when all are written."""
        with output(self.json) as out:
            from tumorscope.datasets.phantom.spec import PhantomSpec
            from tumorscope.workflows.phantom import make_phantoms

            spec = PhantomSpec(
                seed=self.seed,
                growth=self.growth,
                size_mm=self.size_mm,
                hemisphere=self.hemisphere,
                lobe=self.lobe,
                noise=self.noise,
                bias=self.bias,
                mass_effect=self.mass_effect,
                enhancing=not self.low_grade,
            )
            made = make_phantoms(self.out, spec, count=self.count, spacing=self.spacing, echo=out.say)
            out.give({"phantoms": [one.to_json() for one in made]})
        return 0
