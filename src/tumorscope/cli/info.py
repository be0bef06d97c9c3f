"""``tumorscope info``: what is there to use."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """List bundles, recipes, data sets, networks, losses, metrics and label schemes.

    Example: tumorscope info --json
    """

    json: JsonOption = None

    def run(self) -> int:
        """Print the lists; always 0."""
        from tumorscope.workflows.info import info, render

        with output(self.json) as out:
            found = info()
            out.say(render(found))
            out.give(found)
        return 0
