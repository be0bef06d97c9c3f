"""The viewer: slices change in the browser, without asking the server (``app/viewer/``, no build step)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit.components.v1 as components

from tumorscope.figures.screen import Packed

#: In CSS pixels; with title and notice it fits a browser on a screen of 1280 × 800.
HEIGHT = 570
_viewer: Any = components.declare_component("scan_viewer", path=str(Path(__file__).parents[1] / "viewer"))


def viewer(packed: Packed, token: str, height: int = HEIGHT) -> None:
    """Show a case.

    Args:
        packed: From :func:`~tumorscope.workflows.view.view_case` or :func:`~tumorscope.workflows.view.segment_view`.
        token: Names the case within this session; the browser keeps position and choices under it.
        height: CSS pixels.
    """
    facts = {**packed.facts, "volumes": sorted(packed.volumes)}
    _viewer(facts=facts, token=token, height=height, key="viewer", **packed.volumes)
