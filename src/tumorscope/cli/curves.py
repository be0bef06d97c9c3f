"""``tumorscope curves``: training curves of any log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Draw loss, accuracy, Dice and IoU of training logs; print the best epoch and whether the run over-fits.

    Takes Keras' training.log, Lightning's metrics.csv and our runs, whatever the columns are called.

    Example: tumorscope curves training.log -o curves
    """

    positionals: ClassVar[bool] = True

    logs: Annotated[Positional[tuple[Path, ...]], arg(metavar="LOG ...", help="CSV logs, or folders of runs.")]
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR", help="Folder for the pictures.")] = Path("curves")
    by: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help="Curve that decides the best epoch (default: the recipe's, else validation loss).",
            help_behavior_hint="",
        ),
    ] = None
    json: JsonOption = None

    def run(self) -> int:
        """Print one block per log; 0 all read, 1 some not, 2 none."""
        with output(self.json) as out:
            from tumorscope.core.errors import UsageError
            from tumorscope.workflows.curves import draw_curves

            if not self.logs:
                raise UsageError(expected="a training log", found="none", fix="tumorscope curves LOG -o DIR")
            found = draw_curves(self.logs, self.out, self.by, echo=out.say)
            out.give(found)
        return (1 if found["logs"] else 2) if found["failed"] else 0
