"""What stands at the top of every page: its title, and what must be said about the use."""

from __future__ import annotations

from html import escape

import streamlit as st

from tumorscope.report.notice import ETHICS, NOTICE

_STYLE = """<style>
.stMainBlockContainer { padding: .7rem 1.2rem 2rem; max-width: none; }
[data-testid="stHeader"] { background: none; pointer-events: none; }
[data-testid="stHeader"] button { pointer-events: auto; }
[data-testid="stSidebarUserContent"] { padding-top: 0; padding-bottom: 2rem; }
[data-testid="stSidebarHeader"] { height: 2rem; margin: 0; }
.top { display: flex; align-items: center; gap: 18px; }
.top h1 { padding: 0; margin: 0; font-size: 1.5rem; line-height: 1.15; flex: none; }
.notice { border: 1px solid #c98a3a; background: #2a1f10; color: #ffe2b8; border-radius: 4px; padding: 3px 10px;
  font-size: 12.5px; line-height: 1.35; margin-left: auto; }
.notice b { color: #fff0d9; }
[role="tab"][aria-selected="true"] p { color: #7cc4f8; }
table.sizes { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
table.sizes th, table.sizes td { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid #33404d; }
table.sizes td.n, table.sizes th.n { text-align: right; padding-right: 14px; white-space: nowrap; }
table.sizes td .long { color: #a9b6c2; font-size: .85em; }
.typed { display: grid; grid-template-columns: 1fr minmax(200px, 45%); column-gap: 24px; align-items: start; }
.typed h2 { display: none; }
.typed img { grid-column: 2; grid-row: 1 / 6; width: 100%; }
[data-testid="stWidgetLabel"], [data-testid="stWidgetLabel"] p { color: #e8edf2 !important; opacity: 1 !important; }
.stApp code { color: #a8e0c4 !important; background: #1a222b !important; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .5em; border: 1px solid #fff6;
  box-sizing: border-box; }
.key { margin-right: 1rem; }
</style>"""


def heading(title: str) -> None:
    """Draw title, notice and the essentials of responsible use, and set the page's style."""
    essentials = escape(" · ".join(short for short, _ in ETHICS))
    notice = f'<div class="notice" role="note" aria-label="Notice"><b>{escape(NOTICE)}</b> {essentials}.</div>'
    st.html(f'{_STYLE}<div class="top"><h1>{escape(title)}</h1>{notice}</div>')
