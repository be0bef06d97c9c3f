"""The script that Streamlit runs: navigation, heading, the chosen page."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.components.heading import heading
from tumorscope.app.screens import PAGES


def main() -> None:
    """Draw the page that was chosen."""
    st.set_page_config(page_title="tumorscope", page_icon="🧠", layout="wide")
    titles = {path: title for path, _, title, _ in PAGES}
    pages = [st.Page(draw, title=name, url_path=path, default=not path) for path, name, _, draw in PAGES]
    chosen = st.navigation(pages)
    heading(titles[chosen.url_path])
    chosen.run()


main()
