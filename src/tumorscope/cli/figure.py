"""``tumorscope figure``: one picture of a case, a data set or a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption, parse_spacing
from tumorscope.cli.output import Output, output
from tumorscope.core.errors import UsageError

if TYPE_CHECKING:
    from tumorscope.workflows.figure_cases import Source


@dataclass(frozen=True, kw_only=True)
class Command:
    """Draw a picture: planes, montages, classes, overlays, probability maps, samples of a data set, and more.

    --list names them all. Patient's right is on the left of the screen, and letters say so where the file tells.

    Example: tumorscope figure planes --case scans/patient7 --sequence T1CE -o planes.png
    """

    positionals: ClassVar[bool] = True

    name: Annotated[
        Positional[str | None],
        arg(metavar="NAME", help="What to draw; --list names all.", help_behavior_hint=""),
    ] = None
    list: Annotated[bool, arg(help="Name every figure and the options that change it.")] = False
    case: Annotated[
        str | None,
        arg(
            metavar="PATH|ID",
            help="File or folder of one case; with --data, the id of one of its cases.",
            help_behavior_hint="",
        ),
    ] = None
    data: Annotated[Path | None, arg(metavar="DIR", help="Folder of a data set.", help_behavior_hint="")] = None
    dataset: Annotated[
        str | None,
        arg(metavar="NAME", help="Its layout; found out where it is not stated.", help_behavior_hint=""),
    ] = None
    count: Annotated[
        int | None,
        arg(metavar="N", help="Cases of --data in a figure of several.", help_behavior_hint="(default: by figure)"),
    ] = None
    seed: Annotated[int, arg(metavar="N", help="Decides which cases, and a training batch.")] = 0
    bundle: Annotated[
        str | None,
        arg(
            metavar="NAME|DIR",
            help="Model whose prediction is shown; figures that need one take the shipped one that fits.",
            help_behavior_hint="",
        ),
    ] = None
    prediction: Annotated[
        Path | None,
        arg(
            metavar="PATH",
            help="Show this prediction instead: a case's folder written by predict, or a label map.",
            help_behavior_hint="",
        ),
    ] = None
    sequence: Annotated[
        str | None,
        arg(
            metavar="S",
            help="T1, T1CE, T2 or FLAIR: what to show (and what a single file holds).",
            help_behavior_hint="",
        ),
    ] = None
    slice: Annotated[
        int | None,
        arg(
            metavar="N",
            help="Slice, counted from 1 along the file's own axis, as captions do.",
            help_behavior_hint="(default: largest tumour area)",
        ),
    ] = None
    plane: Annotated[
        Literal["axial", "coronal", "sagittal"] | None,
        arg(help="Plane of single slices and montages.", help_behavior_hint="(default: axial)"),
    ] = None
    palette: Annotated[
        Literal["papers", "safe"] | None,
        arg(
            help="Papers': purple core, green oedema, blue enhancement; safe: for colour-blind readers.",
            help_behavior_hint="(default: papers)",
        ),
    ] = None
    every: Annotated[
        int | None, arg(metavar="N", help="Montage of each N-th slice only.", help_behavior_hint="(default: 1)")
    ] = None
    slices: Annotated[
        int | None, arg(metavar="N", help="Slices per case of samples.", help_behavior_hint="(default: 1)")
    ] = None
    recipe: Annotated[
        str | None,
        arg(metavar="NAME|FILE", help="Recipe of training-batch.", help_behavior_hint="(default: by data set)"),
    ] = None
    spacing: Annotated[
        str | None,
        arg(metavar="X,Y,Z", help="Voxel size in mm of files that carry none.", help_behavior_hint=""),
    ] = None
    dpi: Annotated[float, arg(metavar="N", help="Dots per inch of a PNG.")] = 110
    out: Annotated[
        Path | None,
        arg(aliases=["-o"], metavar="FILE", help="PNG, PDF or SVG.", help_behavior_hint="(default: NAME.png)"),
    ] = None
    json: JsonOption = None

    def run(self) -> int:
        """Print where the figure is; 0 drawn, 2 not, 64 the command line was wrong."""
        with output(self.json) as out:
            if self.list:
                return _list(out)
            if self.name is None:
                raise UsageError(expected="the name of a figure", found="none", fix="See tumorscope figure --list")
            from tumorscope.workflows.figure import draw_figure

            options = {
                "slice_number": self.slice,
                "plane": self.plane,
                "palette": self.palette,
                "every": self.every,
                "slices": self.slices,
            }
            source = self._source()
            out.give(draw_figure(self.name, source, self.out, options=options, dpi=self.dpi, say=out.say))
        return 0

    def _source(self) -> Source:
        from tumorscope.core.sequence import Sequence
        from tumorscope.workflows.figure_cases import Source

        return Source(
            case=self.case,
            data=self.data,
            dataset=self.dataset,
            count=self.count,
            seed=self.seed,
            sequence=None if self.sequence is None else Sequence.parse(self.sequence),
            spacing=parse_spacing(self.spacing),
            bundle=self.bundle,
            prediction=self.prediction,
            recipe=self.recipe,
        )


def _list(out: Output) -> int:
    from tumorscope.workflows.figure import list_figures

    infos = list_figures()
    width = max(len(info.name) for info in infos)
    for kind in dict.fromkeys(info.drawn_from for info in infos):
        out.say(f"drawn from {kind}:" if kind else "drawn from results, in Python or by other verbs:")
        for info in infos:
            if info.drawn_from == kind:
                options = " ".join(f"--{option}" for option in info.options) if kind else ""
                out.say(f"  {info.name:<{width}}   {info.title}{f'  [{options}]' if options else ''}")
    out.give({"figures": infos})
    return 0
