"""``tumorscope reader-study``: can people tell synthetic from real images?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output
from tumorscope.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Command:
    """Make a blinded form with shuffled real and synthetic images, or score the answers that it saved.

    OUT gets form.html (needs no server; saves answers as CSV) and key.json, which readers must not see. With --answers
    and --key it prints accuracy with its interval per reader: 0.5 is guessing.

    Example: tumorscope reader-study --real real --synthetic synthetic -o study
    """

    real: Annotated[Path | None, arg(metavar="DIR", help="Folder with real images.", help_behavior_hint="")] = None
    synthetic: Annotated[
        Path | None, arg(metavar="DIR", help="Folder with synthetic images.", help_behavior_hint="")
    ] = None
    out: Annotated[
        Path | None, arg(aliases=["-o"], metavar="OUT", help="Folder for form and key.", help_behavior_hint="")
    ] = None
    count: Annotated[int, arg(help="Images in the form, half of each kind.")] = 40
    seed: Annotated[int, arg(help="Of the draw and the order.")] = 0
    answers: Annotated[tuple[Path, ...], arg(metavar="CSV...", help="Answers to score.", help_behavior_hint="")] = ()
    key: Annotated[Path | None, arg(metavar="FILE", help="key.json of the form.", help_behavior_hint="")] = None
    json: JsonOption = None

    def run(self) -> int:
        """Write the form, or print the scores; 0 all done."""
        making = self.real is not None and self.synthetic is not None and self.out is not None
        scoring = bool(self.answers) and self.key is not None
        if making == scoring:
            raise UsageError(
                expected="--real, --synthetic and -o to make a form, or --answers and --key to score one",
                found="both" if making else "neither",
                fix="See tumorscope reader-study --help",
            )
        with output(self.json) as out:
            from tumorscope.workflows.reader_study import make_form, score_answers

            if self.real is not None and self.synthetic is not None and self.out is not None:
                form = make_form(self.real, self.synthetic, self.out, count=self.count, seed=self.seed)
                out.say(f"{form.form}: {form.real} real and {form.synthetic} synthetic images; key in {form.key}")
                out.give(form)
                return 0
            assert self.key is not None
            scores = score_answers(self.answers, self.key)
            for score in scores:
                low, high = score.interval
                out.say(
                    f"{score.reader}: {score.answered} answers, accuracy {score.accuracy:.3f} "
                    f"(95 % {low:.3f} to {high:.3f}; guessing p {score.p_guessing:.3f})"
                )
            out.give({"readers": scores})
        return 0
