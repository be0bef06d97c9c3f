"""``tumorscope app``: the tool in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg


@dataclass(frozen=True, kw_only=True)
class Command:
    """Open the tool in a browser: choose or hand in scans, segment, look, measure, download.

    Serves this machine only (127.0.0.1) until stopped with Ctrl-C.

    Example: tumorscope app --data BraTS
    """

    data: Annotated[
        Path | None, arg(metavar="DIR", help="Folder of cases to offer beside the phantom.", help_behavior_hint="")
    ] = None
    runs: Annotated[
        Path | None,
        arg(metavar="DIR", help="Folder of training runs and evaluations to offer.", help_behavior_hint=""),
    ] = None
    port: Annotated[int, arg(metavar="N", help="Port on 127.0.0.1.")] = 8501
    upload_mb: Annotated[int, arg(metavar="MB", help="Largest file that may be handed in.")] = 2000
    forget_after: Annotated[
        float, arg(metavar="S", help="Seconds after a browser has left until its files are deleted.")
    ] = 120.0
    no_browser: Annotated[bool, arg(help="Do not open a browser.")] = False

    def run(self) -> int:
        """Serve until stopped."""
        from tumorscope.app.launch import launch
        from tumorscope.app.settings import Settings

        settings = Settings(self.data, self.runs, self.forget_after)
        return launch(settings, port=self.port, upload_mb=self.upload_mb, browser=not self.no_browser)
