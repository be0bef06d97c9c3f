"""Score the shipped bundles on the fixed test lists and write the figures where they are printed.

    python benchmarks/shipped_bundles.py lgg-flair --data .../kaggle_3m [--tta]
    python benchmarks/shipped_bundles.py brats-2d --data .../BraTS [--metrics lesionwise]

Writes ``benchmarks/results/<bundle>.json``, the scores in the bundle's ``bundle.json`` and its card. The README's
tables are made from these files by ``python benchmarks/readme_tables.py``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tumorscope.bundles.bundle import SHIPPED, Bundle
from tumorscope.bundles.card import render_card
from tumorscope.core.files import write_text
from tumorscope.datasets.splits import Split
from tumorscope.metrics import Score
from tumorscope.workflows.evaluate import evaluate

RESULTS = Path(__file__).parent / "results"


def test_split(bundle: Bundle) -> Split:
    """Return the split whose only part is the bundle's test part."""
    split = bundle.manifest.training.split
    return Split(dataset=split["dataset"], unit=split["unit"], seed=2026, parts={"test": split["parts"]["test"]})


def worth_a_row(score: Score, scores: list[Score]) -> bool:
    """Whether a card shows the score: Dice, and HD95 in mm; not the same number again under another policy."""
    if score.metric not in ("dice", "hd95") or score.length_unit == "px":
        return False
    same = [
        s
        for s in scores
        if (s.metric, s.region, s.unit, s.mean) == (score.metric, score.region, score.unit, score.mean)
    ]
    return same[0] is score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--tta", action="store_true")
    parser.add_argument("--metrics", default="default", help="set of metrics; others have a file of their own")
    options = parser.parse_args()
    bundle = Bundle.load(options.bundle)
    with tempfile.TemporaryDirectory() as scratch:
        split = Path(scratch) / "split.json"
        test_split(bundle).save(split)
        result = evaluate(
            bundle=options.bundle,
            dataset=bundle.manifest.training.dataset,
            data=options.data,
            split=split,
            tta=options.tta,
            metrics=(options.metrics,),
            echo=print,
        )
    print(result.render())
    name = f"{bundle.name}-tta" if options.tta else bundle.name
    name = name if options.metrics == "default" else f"{name}-{options.metrics}"
    result.conditions["split_hash_of_the_bundle"] = bundle.manifest.training.split["hash"]
    write_text(RESULTS / f"{name}.json", json.dumps(result.to_json(), indent=1) + "\n")
    if options.tta or options.metrics != "default" or bundle.folder.parent != SHIPPED:
        return
    on = f"fixed test list, never seen; {result.conditions['runtime']}"
    shown = [s.to_json() | {"on": on} for s in result.scores if worth_a_row(s, result.scores)]
    manifest = bundle.manifest.model_copy(update={"scores": shown})
    write_text(bundle.folder / "bundle.json", json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")
    write_text(bundle.folder / "card.md", render_card(manifest))


if __name__ == "__main__":
    main()
