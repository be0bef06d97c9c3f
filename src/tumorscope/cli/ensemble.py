"""``tumorscope ensemble``: several bundles as one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Make one bundle that averages the probabilities of several trained from one recipe.

    Example: tumorscope ensemble runs/seed1/bundle runs/seed2/bundle -o runs/both
    """

    positionals: ClassVar[bool] = True

    bundles: Annotated[Positional[tuple[Path, ...]], arg(metavar="BUNDLE…", help="Bundle folders or names.")]
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR", help="Folder of the new bundle.")]
    json: JsonOption = None

    def run(self) -> int:
        """Print where the bundle is."""
        with output(self.json) as out:
            from tumorscope.workflows.ensemble import ensemble

            bundle = ensemble(self.bundles, self.out)
            out.say(f"{len(bundle.manifest.members)} members in {bundle.folder}")
            out.give({"bundle": bundle.folder, "members": bundle.manifest.members})
        return 0
