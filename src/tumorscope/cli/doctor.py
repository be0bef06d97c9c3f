"""``tumorscope doctor``: is this installation sound, and what can this machine do?"""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.cli.options import JsonOption
from tumorscope.cli.output import output


@dataclass(frozen=True, kw_only=True)
class Command:
    """Check this installation and this machine; every line says what to do about it.

    Example: tumorscope doctor
    """

    json: JsonOption = None

    def run(self) -> int:
        """Print one line per check; 1 if one failed."""
        from tumorscope.workflows.doctor import doctor, render

        with output(self.json) as out:
            checks = doctor()
            out.say(render(checks))
            out.give({"checks": checks})
        return 1 if any(check.status == "fail" for check in checks) else 0
