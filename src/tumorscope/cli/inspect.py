"""``tumorscope inspect``: what is in a file or folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Show shape, spacing, orientation, sequences and label values of a file, or of the files in a folder.

    Example: tumorscope inspect scans/patient7
    """

    positionals: ClassVar[bool] = True

    path: Annotated[Positional[Path], arg(metavar="PATH", help="A file or a folder.")]
    limit: Annotated[int, arg(metavar="N", help="Open at most N files of a folder, spread over it.")] = 40
    json: JsonOption = None

    def run(self) -> int:
        """Print what was found; 0 all files readable, 1 some not, 2 none."""
        with output(self.json) as out:
            from tumorscope.workflows.inspect import inspect_path, render

            found = inspect_path(self.path, limit=self.limit)
            out.say(render(found))
            out.give(found)
        if not found["failed"]:
            return 0
        return 2 if found["failed"] == found["inspected"] else 1
