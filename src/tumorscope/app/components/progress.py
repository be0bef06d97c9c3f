"""How far a job is, how long it still takes, and stopping it."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.session import Session


@st.fragment(run_every=1.0)
def progress(mine: Session, name: str) -> None:
    """Draw the progress of a job once a second; draws the whole page anew when it has ended."""
    job = mine.jobs.get(name)
    if job is None or not job.running:
        st.rerun()
        return
    left = job.seconds_left
    words = "stopping" if job.stopped else job.step
    if left is not None and not job.stopped:
        words += f", about {max(1, round(left))} s left"
    st.progress(job.share, text=words[:1].upper() + words[1:])
    st.button("Cancel", on_click=job.stop, width="stretch", disabled=job.stopped, key=f"cancel-{name}")
