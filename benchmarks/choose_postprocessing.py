"""Choose a bundle's post-processing on its validation patients, never on test patients.

    python benchmarks/choose_postprocessing.py BUNDLE --data DIR [--part val] [--write]

Tries edge-aware sharpening of the probabilities (only with ``--refine``: it takes minutes), their thresholds, minimum
component sizes, filled holes and the volume below which a predicted enhancing tumour is taken back, one after the
other, by mean patient Dice over the regions (both empty 1, one empty 0); of sizes that Dice cannot tell apart, by the
number of parts that touch no tumour: small ones hardly move Dice and spoil every lesion-wise score. ``--write``
stores the winner in the bundle and says where it comes from; ``--part train`` adds the training patients, for sizes
that few validation patients cannot tell.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.card import render_card
from tumorscope.bundles.manifest import Postprocess, Refine
from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.published_splits import cases_of
from tumorscope.inference.decode import decode
from tumorscope.inference.postprocess import postprocess
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.refine import refine

#: Mean Dice that differs by less tells nothing on a few patients.
_TIE = 5e-4


def validation_cases(bundle: Bundle, data: str, parts: Iterable[str]) -> list[Case]:
    """Return the bundle's cases of ``parts``; never a test case."""
    split = bundle.manifest.training.split
    recorded = split["parts"]
    wanted = {c for part in parts for c in recorded.get(part, recorded.get("train or val", []))}
    wanted -= set(recorded["test"])
    every = DATASETS.load(bundle.manifest.training.dataset).discover(data)
    return [c for c in cases_of(every, split["unit"]) if c.id in wanted]


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Return Dice; both empty 1."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def false_alarms(found: np.ndarray, truth: np.ndarray) -> int:
    """Return how many connected parts (26 neighbours) share no voxel with the truth."""
    parts, count = ndimage.label(found, np.ones((3, 3, 3)))
    return count - len(np.unique(parts[truth & found]))


class Study:
    """Validation cases with their pictures and their probabilities kept as float16."""

    def __init__(self, bundle: Bundle, cases: list[Case]) -> None:
        self.bundle = bundle
        manifest = bundle.manifest.model_copy(update={"postprocess": Postprocess()})
        predictor = Predictor(replace(bundle, manifest=manifest))
        self.kept: list[tuple[dict[str, Image], Image, Case]] = []
        self.refined: tuple[Refine | None, list[dict[str, np.ndarray]]] = (None, [])
        for case in cases:
            loaded = case.loaded()
            segmentation = predictor.predict({s: i for s, i in loaded.images.items() if isinstance(i, Image)})
            small = {n: p.with_data(p.data.astype(np.float16)) for n, p in segmentation.probabilities.items()}
            assert isinstance(loaded.label, Image)
            seen = {s: i for s, i in loaded.images.items() if s in bundle.manifest.preprocess.sequences}
            self.kept.append((small, segmentation.labels, replace(loaded, images=seen)))
            print(case.id, flush=True)

    def maps(self, rule: Refine | None) -> list[dict[str, np.ndarray]]:
        """Return every case's probabilities after ``rule``; those of the last rule are remembered."""
        if rule != self.refined[0] or not self.refined[1]:
            exclusive, found = self.bundle.manifest.outputs.kind == "classes", []
            for kept, _, case in self.kept:
                plain = {n: p.data for n, p in kept.items()}
                if rule is not None:
                    first = next(s for s in self.bundle.manifest.preprocess.sequences if s in case.images)
                    guide = case.images.get(rule.guide or first, case.images[first])
                    assert isinstance(guide, Image)
                    plain = {n: p.astype(np.float16) for n, p in refine(plain, guide, rule, exclusive).items()}
                found.append(plain)
            self.refined = rule, found
        return self.refined[1]

    def score(self, rule: Postprocess) -> tuple[float, dict[str, float], int]:
        """Return the mean Dice over regions and patients, by region, and the parts that touch no reference."""
        manifest, scheme = self.bundle.manifest, self.bundle.scheme
        values: dict[str, list[float]] = {name: [] for name in manifest.outputs.names}
        alarms = 0
        for maps, (_, grid, case) in zip(self.maps(rule.refine), self.kept, strict=True):
            assert isinstance(case.label, Image) and case.scheme is not None
            labels = decode(maps, manifest.outputs, scheme, rule.thresholds)
            cleaned, _ = postprocess(grid.with_data(labels), scheme, rule)
            result = Segmentation(cleaned, scheme)
            for name in values:
                found, truth = result.region(name), case.scheme.mask(case.label.data, name)
                values[name].append(dice(found, truth))
                alarms += false_alarms(found, truth)
        means = {name: float(np.mean(v)) for name, v in values.items()}
        return float(np.mean(list(means.values()))), means, alarms


def sharpenings(sequences: Iterable[Sequence]) -> list[Refine]:
    """Return the edge-aware sharpenings to try."""
    guided = [
        Refine(name="guided", guide=s, radius=r, contrast=c) for s in sequences for r in (2, 4) for c in (0.05, 0.2)
    ]
    crf = [
        Refine(name="crf", guide=s, radius=3, contrast=c, strength=w)
        for s in sequences
        for c in (0.05, 0.15)
        for w in (1, 4)
    ]
    return [*guided, *crf]


def candidates(
    rule: Postprocess, names: tuple[str, ...], known_spacing: bool, refinements: list[Refine]
) -> Iterable[list[Postprocess]]:
    """Yield one list of alternatives after the other; each starts from the best so far."""
    yield [rule.model_copy(update={"refine": refinement}) for refinement in refinements]
    for name in names:
        levels = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
        yield [rule.model_copy(update={"thresholds": {**rule.thresholds, name: t}}) for t in levels]
    for name in names:
        if known_spacing:
            yield [rule.model_copy(update={"min_ml": {**rule.min_ml, name: ml}}) for ml in (0.05, 0.1, 0.2, 0.5, 1.0)]
        else:
            sizes = (20, 50, 100, 200, 500)
            yield [rule.model_copy(update={"min_voxels": {**rule.min_voxels, name: n}}) for n in sizes]
    yield [rule.model_copy(update={"fill_holes": True})]
    if "ET" in names:
        yield [rule.model_copy(update={"demote_below_ml": {"ET": ml}}) for ml in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--part", action="append", choices=["train", "val"])
    parser.add_argument("--refine", action="store_true", help="try edge-aware sharpening too")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    bundle = Bundle.load(options.bundle)
    study = Study(bundle, validation_cases(bundle, options.data, options.part or ["val"]))
    rule = Postprocess()
    best, means, fewest = study.score(rule)
    before, alarms_before = best, fewest
    spacing = all(labels.spacing_known for _, labels, _ in study.kept)
    print(f"{len(study.kept)} patients, no rule: {best:.4f} {means}")
    tried = sharpenings(bundle.manifest.preprocess.sequences) if options.refine else []
    steps = len(list(candidates(rule, bundle.manifest.outputs.names, spacing, tried)))
    for step in range(steps):
        for trial in list(candidates(rule, bundle.manifest.outputs.names, spacing, tried))[step]:
            score, means, alarms = study.score(trial)
            shown = {name: round(value, 4) for name, value in means.items()}
            print(f"{score:.4f} {shown} {alarms} {trial.model_dump_json(exclude_defaults=True)}", flush=True)
            cleaner = alarms < fewest and trial.thresholds == rule.thresholds
            if score > best + _TIE or (score > best - _TIE and cleaner):
                best, rule, fewest = score, trial, alarms
    print(f"chosen {best:.4f}, {fewest} false alarms: {rule.model_dump_json(exclude_defaults=True)}")
    if options.write:
        parts = " and ".join({"val": "validation", "train": "training"}[p] for p in options.part or ["val"])
        origin = (
            f"chosen on {len(study.kept)} {parts} patients with benchmarks/choose_postprocessing.py: mean Dice "
            f"{before:.4f} without, {best:.4f} with; parts that touch no tumour {alarms_before} and {fewest}"
        )
        manifest = bundle.manifest.model_copy(update={"postprocess": rule, "postprocess_origin": origin})
        write_text(Path(bundle.folder) / "bundle.json", json.dumps(manifest.model_dump(mode="json"), indent=1) + "\n")
        write_text(Path(bundle.folder) / "card.md", render_card(manifest))


if __name__ == "__main__":
    main()
