"""Training curves of runs: pictures, best epoch, over-fitting in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from tumorscope.app.components.choose_files import hand_in
from tumorscope.app.components.trouble import told
from tumorscope.app.session import Session
from tumorscope.workflows.curves import draw_curves, render

_KEPT = "curves"


def curves(mine: Session, logs: Mapping[str, Path]) -> None:
    """Draw the choice of runs, and the curves of those chosen last."""
    kept = mine.kept.setdefault(_KEPT, {"chosen": [], "found": None})
    chosen = st.multiselect(
        "Runs",
        list(logs),
        default=[name for name in kept["chosen"] if name in logs],
        placeholder="Choose runs" if logs else "Start with --runs DIR to offer a folder's",
        disabled=not logs,
    )
    own = hand_in(mine, "Logs of your own (CSV: Keras' training.log, Lightning's metrics.csv)", "log")
    paths = [*(logs[name] for name in chosen), *own]
    if st.button("Draw curves", disabled=not paths):
        with told(), st.spinner("Drawing…"):
            kept["found"] = draw_curves(paths, mine.new_folder("curves"), echo=lambda line: None)
            kept["chosen"] = chosen
    if kept["found"] is None:
        st.info("Choose runs or hand in logs, then draw their curves.")
        return
    for path, why in kept["found"]["failed"].items():
        st.error(f"{Path(path).name}: {why}")
    for entry in kept["found"]["logs"]:
        _entry(entry)


def _entry(entry: dict[str, object]) -> None:
    log = Path(str(entry["log"]))
    st.subheader(f"{log.parent.name}/{log.name}", anchor=False)
    st.code(render(entry).split("\n  pictures:")[0], language=None, wrap_lines=True)
    files = entry["files"]
    assert isinstance(files, list)
    columns = st.columns(2)
    for number, file in enumerate(files):
        columns[number % 2].image(file, caption=Path(file).stem.replace("_", " "))
