"""Responsible use, and which models are behind the figures."""

from __future__ import annotations

import streamlit as st

from tumorscope.bundles import bundle as library
from tumorscope.bundles.bundle import Bundle
from tumorscope.report.notice import ETHICS


def about_page() -> None:
    """Draw the page."""
    for heading, text in ETHICS:
        st.markdown(f"**{heading}.** {text}")
    st.subheader("Models", anchor=False)
    for name in library.shipped_names():
        bundle = Bundle.load(library.SHIPPED / name)
        training = bundle.manifest.training
        use = "" if training.commercial else "; no commercial use"
        with st.expander(f"{name}: {bundle.manifest.title}"):
            st.markdown(f"Trained on `{training.dataset}` (licence: {training.licence}{use}).")
            for limit in bundle.manifest.limits:
                st.markdown(f"- {limit}")
