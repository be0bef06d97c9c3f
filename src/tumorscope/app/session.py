"""What belongs to one browser session: a private folder, its cases, the case shown, the work in progress."""

from __future__ import annotations

import gc
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from tumorscope.app.jobs import Job
from tumorscope.app.settings import settings
from tumorscope.workflows.found import Found
from tumorscope.workflows.view import CaseView, Outcome

_KEY = "session"


@dataclass(eq=False)
class Session:
    """One user's things; nothing here is seen by another session.

    Attributes:
        folder: Private temporary folder; deleted when the session ends.
        uploads: Cases the user handed in.
        shown: Label of the case shown.
        view: The case shown; None before one is open.
        outcome: What was found in it, if it was segmented.
        jobs: Work in progress or ended and not yet collected, by name.
        error: Why the last work failed.
        kept: What pages remember by name.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tumorscope-app-")))
    uploads: list[Found] = field(default_factory=list)
    shown: str = ""
    view: CaseView | None = None
    outcome: Outcome | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    error: Exception | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    _dropped: list[Job] = field(default_factory=list)
    _leaving: threading.Timer | None = None

    def __post_init__(self) -> None:
        """Delete the folder with the last reference, at the latest when the server ends."""
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, True)

    def back(self) -> None:
        """The browser is there (again)."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def left(self, seconds: float) -> None:
        """The browser has left: delete everything if it does not come back within ``seconds``."""
        self.back()
        self._leaving = threading.Timer(seconds, self.close)
        self._leaving.daemon = True
        self._leaving.start()

    def close(self) -> None:
        """Stop the work and delete the files."""
        for name in list(self.jobs):
            self.drop(name)
        for job in self._dropped:
            job.join()
        self.uploads, self.shown = [], ""
        self.forget()
        self.kept.clear()
        self._remove()

    def ended(self, name: str) -> Job | None:
        """Return a job that has ended, once; None while it works or where there is none."""
        job = self.jobs.get(name)
        return None if job is None or job.running else self.jobs.pop(name)

    def settle(self, name: str) -> None:
        """Keep what a job that has ended found, or its error, under its own name."""
        ended = self.ended(name)
        if ended is not None:
            self.kept[name] = ended.error or ended.result

    def drop(self, name: str) -> None:
        """Stop a job, if there is one; nobody waits for its result."""
        job = self.jobs.pop(name, None)
        if job is not None:
            job.stop()
            self._dropped = [*(old for old in self._dropped if old.running), job]

    def forget(self) -> None:
        """Drop the case shown and what was found in it."""
        segmented = self.outcome is not None
        self.view = self.outcome = self.error = None
        if segmented:  # only then is there enough to be worth the wait
            gc.collect()

    def new_folder(self, name: str) -> Path:
        """Make a folder below the private one."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


def session() -> Session:
    """Return the things of the session that is asking."""
    mine = st.session_state.get(_KEY)
    if not isinstance(mine, Session) or not mine.folder.is_dir():
        mine = Session()
        st.session_state[_KEY] = mine
    _connected(mine)
    mine.back()
    return mine


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda mine: mine.left(settings().forget_after))
def _connected(_mine: Session) -> Session:
    """Held by Streamlit as long as the browser is connected."""
    return _mine
