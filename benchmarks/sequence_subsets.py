"""Score a bundle with every subset of its sequences.

    python benchmarks/sequence_subsets.py BUNDLE --data DIR [--part test] [--write]

Every case is read once and shown to the model with each of the subsets that it takes (15 of four sequences). Writes
``benchmarks/results/subsets-<bundle>.json``: mean Dice per patient by region with its interval, what is lost against
all sequences, and every patient's values. ``--write`` puts the table into the bundle and its card. Nothing is chosen
by it.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.card import render_card
from tumorscope.bundles.manifest import SubsetScore
from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.inference.predictor import Predictor
from tumorscope.metrics import CaseScore, EmptyPolicy, Unit, aggregate
from tumorscope.workflows.scoring import score_prediction

RESULTS = Path(__file__).parent / "results"
Subset = tuple[Sequence, ...]


def subsets(bundle: Bundle) -> list[Subset]:
    """Return the subsets of sequences that the bundle takes, all of them first."""
    spec = bundle.manifest.preprocess
    needed = set(spec.sequences) - set(spec.optional)
    every = (c for size in range(len(spec.sequences), 0, -1) for c in combinations(spec.sequences, size))
    return [c for c in every if needed <= set(c)]


def scores(bundle: Bundle, cases: list[Case]) -> dict[Subset, list[CaseScore]]:
    """Score every case with every subset; a case that lacks a sequence is left out, and said to be."""
    predictor, found = Predictor(bundle), defaultdict(list)
    for number, case in enumerate(cases, 1):
        lacking = set(bundle.manifest.preprocess.sequences) - set(case.sequences)
        if lacking:
            print(f"{case.id} has no {', '.join(sorted(lacking))}: left out")
            continue
        loaded = case.loaded()
        for subset in subsets(bundle):
            shown = replace(loaded, images={s: loaded.images[s] for s in subset}, reader=None)
            found[subset].append(score_prediction(shown, predictor, ("dice",)))
        print(f"{number}/{len(cases)} {case.id}", flush=True)
    return found


def summary(bundle: Bundle, subset: Subset, cases: list[CaseScore], on: str) -> SubsetScore:
    """Return the means of one subset."""
    made = aggregate(cases, metrics=("dice",), units=(Unit.PATIENT,), policies=(EmptyPolicy.BRATS,))
    chosen = {s.region: s for s in made if s.region in bundle.manifest.outputs.names}
    return SubsetScore(
        sequences=subset,
        dice={name: round(float(s.mean or 0.0), 4) for name, s in chosen.items()},
        ci95={name: tuple(round(float(v or 0.0), 4) for v in s.ci95) for name, s in chosen.items()},  # type: ignore[misc]
        n=len(cases),
        on=on,
    )


def per_case(subset: Subset, cases: list[CaseScore]) -> Iterator[dict[str, Any]]:
    """Yield the Dice of every patient."""
    for case in cases:
        row: dict[str, Any] = case.row(EmptyPolicy.BRATS, ("dice",))
        values = {name: round(row[name]["dice"], 4) for name in case.regions if row[name]["dice"] is not None}
        yield {"sequences": list(subset), "case": case.case, **values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--part", choices=["val", "test"], default="test")
    parser.add_argument("--cases", nargs="+", help="only these")
    parser.add_argument("--write", action="store_true", help="put the table into the bundle and its card")
    options = parser.parse_args()
    bundle = Bundle.load(options.bundle)
    training = bundle.manifest.training
    wanted = set(options.cases or training.split["parts"][options.part]) & set(training.split["parts"][options.part])
    cases = [c for c in DATASETS.load(training.dataset).discover(options.data) if c.id in wanted]
    found = scores(bundle, cases)
    on = "fixed test list, never seen" if options.part == "test" else "validation patients"
    rows = [summary(bundle, subset, scored, on) for subset, scored in found.items()]
    first = rows[0].dice
    result = {
        "bundle": bundle.name,
        "version": bundle.manifest.version,
        "weights_sha256": bundle.manifest.weights_sha256,
        "part": options.part,
        "subsets": [
            r.model_dump(mode="json") | {"lost": {n: round(first[n] - r.dice[n], 4) for n in first}} for r in rows
        ],
        "cases": [row for subset, scored in found.items() for row in per_case(subset, scored)],
    }
    write_text(RESULTS / f"subsets-{bundle.name}.json", json.dumps(result, indent=1) + "\n")
    manifest = bundle.manifest.model_copy(update={"subsets": rows})
    for row in rows:
        print(f"{', '.join(row.sequences):24} {row.dice}")
    if options.write:
        write_text(bundle.folder / "bundle.json", json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")
        write_text(bundle.folder / "card.md", render_card(manifest))


if __name__ == "__main__":
    main()
