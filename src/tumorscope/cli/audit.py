"""``tumorscope audit``: leaks and defects of a data set, before anyone trains on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Look for leaks and defects of a data set: patients, copies and neighbours across parts, labels, grids.

    With --split its parts are compared, without it those of the public release. The verdict comes first.

    Example: tumorscope audit --dataset lgg --data kaggle_3m --split split.json --report audit.html
    """

    dataset: Annotated[str, arg(metavar="NAME", help="Data set, by its name in tumorscope info.")]
    data: Annotated[Path, arg(metavar="DIR", help="Its folder as downloaded, or any parent of it.")]
    split: Annotated[
        Path | None,
        arg(metavar="FILE", help="Split file; without it the parts of the public release.", help_behavior_hint=""),
    ] = None
    against: Annotated[
        tuple[str, ...],
        arg(
            metavar="NAME=DIR ...",
            help="Other data sets that must not share patients or pictures.",
            help_behavior_hint="",
        ),
    ] = ()
    strict: Annotated[bool, arg(help="Exit with 1 if there is a leak.")] = False
    report: Annotated[
        Path | None,
        arg(metavar="FILE", help="Write a page with pictures of the cases in point (HTML).", help_behavior_hint=""),
    ] = None
    store: Annotated[
        Path | None,
        arg(metavar="DIR", help="Keep what was read there, so that the next audit is quick.", help_behavior_hint=""),
    ] = None
    json: JsonOption = None

    def run(self) -> int:
        """Print the verdict and the findings; 1 for leaks with --strict."""
        with output(self.json) as out:
            from tumorscope.workflows.audit import audit

            result = audit(
                self.dataset,
                self.data,
                split=self.split,
                against=self.against,
                report=self.report,
                store=self.store,
                echo=out.say,
            )
            out.say("\n" + result.render())
            out.give(result.to_json())
        return result.exit_code(strict=self.strict)
