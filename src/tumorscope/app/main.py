"""The script that Streamlit runs: notice, navigation, the chosen page."""

from __future__ import annotations

import streamlit as st

from tumorscope.app.components.notice import notice
from tumorscope.app.pages import PAGES


def main() -> None:
    """Draw the page that was chosen."""
    st.set_page_config(page_title="tumorscope", page_icon="🧠", layout="wide")
    pages = [st.Page(draw, title=title, url_path=path, default=not path) for path, title, draw in PAGES]
    chosen = st.navigation(pages, position="top")
    notice()
    chosen.run()


main()
