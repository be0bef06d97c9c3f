"""``tumorscope demo``: the main job on a phantom patient."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Make a phantom patient, segment it with a shipped model, show volumes and where the results are.

    Example: tumorscope demo -o demo
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="OUT", help="Folder for patient and results.")] = Path("demo")
    seed: Annotated[int, arg(metavar="N", help="Another seed is another patient.")] = 0
    json: JsonOption = None

    def run(self) -> int:
        """Print progress, volumes and places; 0 when the results are written."""
        with output(self.json) as out:
            from tumorscope.workflows.demo import demo

            result = demo(self.out, seed=self.seed, say=out.say)
            out.say(result.render())
            out.give(result.to_json())
        return 0
