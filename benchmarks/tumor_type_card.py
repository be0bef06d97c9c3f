"""Put the measured scores into the shipped classifier's manifest and card.

python benchmarks/tumor_type_card.py
"""

from __future__ import annotations

import json
from pathlib import Path

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.card import render_card
from tumorscope.core.files import write_text

RESULTS = Path(__file__).parent / "results" / "tumor-type.json"
#: Of the shipped weights.
VERSION = "0.2.0"
#: Said on the card beside what the recipe says.
USE = (
    "Trained and validated on pictures of the Training folder and Figshare's outlined pictures, without the grouped "
    "test part, without any that copies it and without the Figshare test blocks. The grouped test part was scored "
    "once, with these weights; nothing was chosen by it but as docs/tumor-type.md says.",
)


def main() -> None:
    """Write both."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    bundle = Bundle.load("tumor-type")
    scores = []
    for row in found["models"]:
        if row["model"] == "tumor-type" and row["protocol"] in ("grouped", "figshare"):
            kept = [s for s in row["scores"] if s["region"] == "all" or s["metric"] == "sensitivity"]
            scores += [s | {"on": found["protocols"][row["protocol"]], "empty_policy": "both-empty-one"} for s in kept]
    limits = list(dict.fromkeys([*bundle.manifest.limits, *USE]))
    manifest = bundle.manifest.model_copy(update={"version": VERSION, "scores": scores, "limits": limits})
    text = json.dumps(manifest.model_dump(mode="json"), indent=1)
    write_text(bundle.folder / "bundle.json", text + "\n")
    write_text(bundle.folder / "card.md", render_card(manifest))


if __name__ == "__main__":
    main()
