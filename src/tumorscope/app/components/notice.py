"""What stands at the top of every page."""

from __future__ import annotations

from html import escape

import streamlit as st

from tumorscope.report.notice import ETHICS, NOTICE

_STYLE = """<style>
.stMainBlockContainer { padding: 4.1rem 1.4rem 2rem; max-width: none; }
[data-testid="stSidebarUserContent"] { padding-top: .2rem; padding-bottom: 2rem; }
[data-testid="stSidebarHeader"] { height: 2.2rem; padding-bottom: 0; }
.notice { border: 1px solid #c98a3a; background: #2a1f10; color: #ffe2b8; border-radius: 4px; padding: 3px 10px;
  font-size: 13px; line-height: 1.4; }
.notice b { color: #fff0d9; }
h1 { padding: 0 !important; font-size: 1.55rem !important; }
.stApp [data-testid="stMetricValue"] { font-size: 1.4rem; }
table.sizes { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
table.sizes th, table.sizes td { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid #33404d; }
table.sizes td.n, table.sizes th.n { text-align: right; padding-right: 14px; white-space: nowrap; }
table.sizes td .long { color: #a9b6c2; font-size: .85em; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .5em; border: 1px solid #fff6;
  box-sizing: border-box; }
.key { margin-right: 1rem; }
</style>"""


def notice() -> None:
    """Draw the notice and the essentials of responsible use, and set the page's style."""
    essentials = escape(" · ".join(heading for heading, _ in ETHICS))
    text = f"<b>{escape(NOTICE)}</b> {essentials}."
    st.html(f'{_STYLE}<div class="notice" role="note" aria-label="Notice">{text}</div>')
