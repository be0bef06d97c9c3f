"""Every page that is kept or passed on says how it may be used."""

from __future__ import annotations

from pathlib import Path

import tumorscope.report

ROOM = Path(tumorscope.report.__file__).parent


def test_every_template_holds_the_essentials():
    templates = sorted(ROOM.glob("*.html"))
    assert len(templates) >= 3
    assert [t.name for t in templates if "$essentials" not in t.read_text(encoding="utf-8")] == []
    assert "{essentials}" in (ROOM / "timeline.py").read_text(encoding="utf-8")
