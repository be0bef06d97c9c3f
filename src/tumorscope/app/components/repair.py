"""A scan repaired: the button, and before, after and what changed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from tumorscope.app.components.kept_choice import kept_choice
from tumorscope.app.components.progress import progress
from tumorscope.app.components.repair_plans import Plan
from tumorscope.app.components.trouble import show_error, show_sentence
from tumorscope.app.components.viewer import viewer
from tumorscope.app.jobs import Job
from tumorscope.app.session import Session
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch
from tumorscope.report.notice import REPAIRED
from tumorscope.workflows.repair_view import Repaired, repair_view

_NAME = "repair"
_GREY = "In the difference mid-grey is no change, brighter is more than before, darker is less."


@dataclass(frozen=True)
class _Result:
    """Of which case, what was done, what became of it, where its files lie."""

    label: str
    words: str
    found: Repaired
    folder: Path


def sequence_choice(mine: Session) -> Sequence | None:
    """Draw the choice of a sequence of the case shown; None where there is no case."""
    if mine.view is None:
        return None
    present = mine.view.case.sequences
    ranked = [s for s in (Sequence.FLAIR, Sequence.T1CE, *present) if s in present]
    return Sequence(kept_choice(mine, "Sequence", list(dict.fromkeys(map(str, ranked))), "sequence"))


def repair_button(mine: Session, sequence: Sequence | None, plan: Plan, verb: str) -> None:
    """Draw the button or, while it works, progress and Cancel; take the result of work that has ended."""
    mine.settle(_NAME)
    if _NAME in mine.jobs:
        progress(mine, _NAME)
        return
    if st.button(verb, type="primary", width="stretch", disabled=sequence is None) and sequence is not None:
        _start(mine, sequence, plan)
        st.rerun()


def _start(mine: Session, sequence: Sequence, plan: Plan) -> None:
    view, label = mine.view, mine.shown
    assert view is not None
    image = view.case.images[sequence]
    assert isinstance(image, Image)
    before = mine.kept.pop(_NAME, None)
    if isinstance(before, _Result):
        shutil.rmtree(before.folder, ignore_errors=True)
    folder, name = mine.new_folder(_NAME), f"{view.case.id}_{sequence}"

    label_map = view.case.label if isinstance(view.case.label, Image) else None

    def work(watch: Watch) -> _Result:
        try:
            found = repair_view(
                name, image, folder, plan.repair, same_units=plan.same_units, interest=label_map, watch=watch
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return _Result(label, f"{sequence}, {plan.words}", found, folder)

    mine.jobs[_NAME] = Job(work)


def repaired(mine: Session) -> None:
    """Draw what was done to the case shown, else the case."""
    assert mine.view is not None
    result = mine.kept.get(_NAME)
    if isinstance(result, Exception):
        show_error(result)
    elif result is not None and result.found.packed is None:
        show_sentence(result.found.row.error)
    if not isinstance(result, _Result) or result.label != mine.shown or result.found.packed is None:
        viewer(mine.view.packed, f"{mine.folder.name}-{mine.shown}")
        st.caption(REPAIRED)
        return
    viewer(result.found.packed, result.folder.name)
    st.markdown(f"**{result.words}** ({result.found.row.seconds:.0f} s). {_GREY} {REPAIRED}")
    for note in result.found.row.notes:
        st.markdown(f"- {note}")
    for column, (what, path) in zip(st.columns(3), result.found.files.items(), strict=False):
        kind = "PNG" if path.suffix == ".png" else "NIfTI"
        column.download_button(
            f"{what} ({kind})", path.read_bytes, file_name=path.name, width="stretch", on_click="ignore"
        )
