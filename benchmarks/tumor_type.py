"""Scores of tumour-type classifiers under four protocols, and what gives them away; docs/tumor-type.md shows them.

    python benchmarks/tumor_type.py splits --four-class DIR --figshare DIR --work WORK
    python benchmarks/tumor_type.py score --four-class DIR --figshare DIR --work WORK --others lgg=DIR -o FILE

Between the two, `tumorscope train` with these options, --data DIR and --cache WORK/cache:

    tumor-type --outlines FIGSHARE --split WORK/split-0.json -o WORK/group                     the shipped bundle
    tumor-type --outlines FIGSHARE --split WORK/split-release.json -o WORK/release
    four-class-efficientnet-b1 --network.args.encoder efficientnet-lite1 --base.augmented_copies 2
               -o WORK/published-release, and with --split WORK/split-0.json -o WORK/published-group

Protocols: the release's Testing folder; Testing without any picture that has a near copy in Training; a grouped split
(look-alikes, and copies of one Figshare block, on one side); Figshare's own pictures of the blocks on its fixed test
list, asked of the models of the grouped split. Near copies are told by the audit's rule and thresholds, which were set
on other pictures (benchmarks/near_duplicates.py). Intervals resample groups of look-alikes, since patients are unknown.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tumor_type_checks import foreign_shares, gradcam_shares, latency, shortcuts
from tumor_type_splits import make_splits

from tumorscope.audit.audited import Audited
from tumorscope.audit.groups import grouped, look_alikes
from tumorscope.audit.pairs import LEAST_CORRELATION, MOST_BITS
from tumorscope.audit.scan import scan_cases
from tumorscope.baselines.nearest_neighbour import nearest
from tumorscope.baselines.type_classifiers import TYPE_BASELINES, train_and_ask
from tumorscope.baselines.type_features import picture_features
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.answer import NO_TUMOR
from tumorscope.core.case import Case
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.image import Image
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.inference.type_predictor import TypePredictor
from tumorscope.metrics.type_scores import TypeAnswers, reliability, type_scores
from tumorscope.recipes.recipe import held_out, read_recipe
from tumorscope.training.pictures import Pictures, prepare_pictures

NAMES = ("glioma", "meningioma", "pituitary", "no tumor")
#: Protocol → its name for people.
PROTOCOLS = {
    "testing": "Testing folder",
    "testing-without-copies": "Testing without near copies in Training",
    "grouped": "grouped split",
    "figshare": "Figshare pictures of blocks never trained on",
}
#: What can be measured by itself.
PARTS = ("baselines", "models", "foreign", "gradcam", "latency", "shortcuts")
#: Model → (title, folder under WORK of the one trained on Training, and on the grouped split's training part).
MODELS = {
    "four-class-efficientnet-b1": ("published recipe, frozen base (lite1)", "published-release", "published-group"),
    "tumor-type": ("ours, attention taught by outlines (lite2)", "release", "group"),
}


@dataclass
class Study:
    """The data, scanned and prepared once."""

    four_class: Path
    figshare: Path
    work: Path
    seed: int = 3
    others: dict[str, str] = field(default_factory=dict)
    cases: dict[str, list[Case]] = field(default_factory=dict)
    audited: dict[str, Audited] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find and scan the pictures."""
        for name, folder in (("four_class", self.four_class), ("figshare", self.figshare)):
            cases = DATASETS.load(name).discover(folder)
            scans = scan_cases(cases, thorough=False, store=self.work / "cache" / "audit")
            self.cases[name], self.audited[name] = cases, Audited(name, name, scans)

    @cached_property
    def together(self) -> list[Case]:
        """The four-class pictures with their groups, Figshare's blocks included."""
        return grouped(self.cases["four_class"], self.audited["four_class"], [self.audited["figshare"]])

    @cached_property
    def resampled(self) -> dict[str, str]:
        """Case → group that intervals resample: look-alikes without the blocks, of which a test has one per type."""
        return {case: group for case, (group, _) in look_alikes(self.audited["four_class"]).items()}

    @cached_property
    def copied(self) -> set[str]:
        """Testing pictures with a near copy (or the same pixels) in Training."""
        groups = {c.id: self.resampled[c.id] for c in self.cases["four_class"]}
        audited = self.audited["four_class"]
        part = {c.id: c.release_part for c in self.cases["four_class"]}
        ids = [scan.id for scan in audited.scans]
        pairs = audited.copies
        found = set()
        for i, j in zip(audited.case[pairs.first].tolist(), audited.case[pairs.second].tolist(), strict=True):
            for a, b in ((ids[i], ids[j]), (ids[j], ids[i])):
                if part[a] == "test" and part[b] == "train":
                    found.add(a)
        training = {int(p) for p, i in zip(audited.pixels, audited.case, strict=True) if part[ids[i]] == "train"}
        same = {ids[i] for p, i in zip(audited.pixels, audited.case, strict=True) if int(p) in training and p}
        return found | {i for i in same if part[i] == "test" and i in groups}

    def pictures(self, name: str, spec: Any) -> Pictures:
        """Return a data set's prepared pictures."""
        return prepare_pictures(self.cases[name], spec, self.work / "cache")

    @cached_property
    def features(self) -> tuple[Any, Any]:
        """Hand-crafted features (N, D) and 48×48 pixels of the four-class pictures, as they are."""
        file = self.work / "hand-features.npz"
        if not file.is_file():
            pictures = self.pictures("four_class", read_recipe("four-class-efficientnet-b1").preprocess)
            found = picture_features(pictures.array[:, 0])
            np.savez(file, features=found)
        frames = np.concatenate([s.slices.frame for s in self.audited["four_class"].scans])
        return np.load(file)["features"], frames


def score(study: Study, parts: list[str]) -> dict[str, Any]:
    """Score every model under every protocol it may be asked under."""
    cases = {c.id: c for c in study.cases["four_class"]}
    grouped_split = Split.load(study.work / "split-0.json")
    testing = sorted(i for i, c in cases.items() if c.release_part == "test")
    tests = {
        "testing": testing,
        "testing-without-copies": [i for i in testing if i not in study.copied],
        "grouped": grouped_split.parts["test"],
    }
    training = {
        "testing": sorted(i for i, c in cases.items() if c.release_part == "train"),
        "grouped": sorted({*grouped_split.parts["train"], *grouped_split.parts["val"]}),
    }
    found: dict[str, Any] = {
        "names": list(NAMES),
        "protocols": PROTOCOLS,
        "rule": {"bits of 256": MOST_BITS, "least correlation": LEAST_CORRELATION},
        "pictures": _counts(study, tests),
    }
    if "baselines" in parts:
        found["baselines"] = _baseline_rows(study, tests, training)
    if "models" in parts:
        found["models"] = _model_rows(study, tests)
    shipped = Bundle.load("tumor-type")
    found["shipped"] = {"weights": shipped.manifest.weights_sha256, "members": len(shipped.manifest.members)}
    checks: dict[str, Callable[[], Any]] = {
        "foreign": lambda: foreign_shares(study, shipped, grouped_split),
        "gradcam": lambda: gradcam_shares(study, shipped),
        "latency": lambda: latency(study, shipped),
        "shortcuts": lambda: shortcuts(study, shipped, grouped_split),
    }
    return found | {name: check() for name, check in checks.items() if name in parts}


def joined(before: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return earlier results with the new ones; of models and baselines, rows of another model or protocol stay.

    Scores of ours that go, because other weights were scored on the same pictures, are remembered under ``history``.
    """
    kept: dict[str, Any] = {}
    gone: dict[str, dict[str, float]] = {}
    for key in ("models", "baselines"):
        new = {(r["model"], r["protocol"]): r for r in found.get(key, [])}
        old = {(r["model"], r["protocol"]): r for r in before.get(key, [])}
        for at, row in old.items():
            if at[0] == "tumor-type" and at in new and row.get("weights") != new[at]["weights"]:
                accuracy = next(s["mean"] for s in row["scores"] if s["metric"] == "accuracy")
                gone.setdefault(str(row.get("weights")), {})[at[1]] = accuracy
        kept[key] = [*(r for at, r in old.items() if at not in new), *found.get(key, [])]
    kept["history"] = [*before.get("history", []), *({"weights": w, "accuracy": a} for w, a in gone.items())]
    kept["core minutes"] = before.get("core minutes", {}) | found.get("core minutes", {})
    return before | found | kept


def _counts(study: Study, tests: dict[str, list[str]]) -> dict[str, Any]:
    kinds = {c.id: str(c.tumor_type) for c in study.cases["four_class"]}
    parts = Split.load(study.work / "split-0.json").parts
    blocks = Counter(c.patient for c in study.together if c.patient.startswith("block"))
    return {
        **{f"n {name}": dict(Counter(kinds[i] for i in ids)) for name, ids in tests.items()},
        "Training": sum(c.release_part == "train" for c in study.cases["four_class"]),
        "Testing with a near copy in Training": len(study.copied),
        "grouped split": {part: len(ids) for part, ids in parts.items()},
        "grouped test groups": {
            name: n for name, n in sorted(blocks.items()) if any(b in held_out("figshare") for b in name.split("+"))
        },
        "with a copy in Figshare": sum(blocks.values()),
    }


def _row(model: str, title: str, protocol: str, answers: TypeAnswers, **facts: Any) -> dict[str, Any]:
    scores = type_scores(answers)
    return {
        "model": model,
        "title": title,
        "protocol": protocol,
        **facts,
        "scores": [s.to_json() for s in scores],
        "confusion": answers.confusion.tolist(),
        "reliability": reliability(answers),
    }


def _baseline_rows(study: Study, tests: dict[str, list[str]], training: dict[str, list[str]]) -> list[dict[str, Any]]:
    features, frames = study.features
    position = {c.id: i for i, c in enumerate(study.cases["four_class"])}
    truth = np.array([NAMES.index(str(c.tumor_type)) for c in study.cases["four_class"]])
    rows = []
    for name in ("nearest-neighbour-pixels", *TYPE_BASELINES):
        for known, protocols in (("testing", ("testing", "testing-without-copies")), ("grouped", ("grouped",))):
            train = np.array([position[i] for i in training[known]])
            asked = np.array(sorted({position[i] for p in protocols for i in tests[p]}))
            if name == "nearest-neighbour-pixels":
                found = np.eye(len(NAMES))[truth[train][nearest(frames[asked], frames[train])]]
            else:
                found = train_and_ask(name, features[train], truth[train], features[asked], classes=len(NAMES))
            at = dict(zip(asked.tolist(), found, strict=True))
            for protocol in protocols:
                chosen = [position[i] for i in tests[protocol]]
                groups = [study.resampled[i] for i in tests[protocol]]
                answers = TypeAnswers(NAMES, truth[chosen], np.array([at[p] for p in chosen]), groups)
                rows.append(_row(name, name.replace("-", " "), protocol, answers))
            print(name, known, round(rows[-1]["scores"][0]["mean"], 4), flush=True)
    return rows


def _model_rows(study: Study, tests: dict[str, list[str]]) -> list[dict[str, Any]]:
    rows = []
    for model, (title, release, group) in MODELS.items():
        for folder, protocols in ((release, ("testing", "testing-without-copies")), (group, ("grouped", "figshare"))):
            if not folder or not (study.work / folder).is_dir():
                continue
            place = study.work / folder
            bundle = Bundle.load(place if (place / "bundle.json").is_file() else place / "bundle")
            predictor = TypePredictor(bundle)
            for protocol in protocols:
                answers, foreign = ask(study, predictor, protocol, tests.get(protocol, []))
                settings = predictor.settings
                sure = answers.probabilities.max(axis=1) >= settings.abstain_below
                told = sure & (foreign <= 1)
                right = answers.truth == answers.answer
                ill = answers.truth != NAMES.index(NO_TUMOR)
                facts = {
                    "trained": bundle.manifest.training.manifest.get("seconds"),
                    "epochs": bundle.manifest.training.manifest.get("epochs_run"),
                    "validation": bundle.manifest.training.manifest.get("calibration"),
                    "abstain_below": settings.abstain_below,
                    "weights": bundle.manifest.weights_sha256[bundle.manifest.members[0]],
                    "called foreign": int((foreign > 1).sum()),
                    "called foreign, with tumour": int((foreign > 1)[ill].sum()),
                    "with tumour": int(ill.sum()),
                    "answers given": int(told.sum()),
                    "accuracy of answers given": round(float(right[told].mean()), 4),
                }
                rows.append(_row(model, title, protocol, answers, **facts))
                print(model, protocol, round(rows[-1]["scores"][0]["mean"], 4), flush=True)
    return rows


def ask(study: Study, predictor: TypePredictor, protocol: str, ids: list[str]) -> tuple[TypeAnswers, Any]:
    """Return what a classifier says about a protocol's pictures, and how foreign each is."""
    if protocol == "figshare":
        fixed = set(held_out("figshare"))
        cases = [c for c in study.cases["figshare"] if c.names & fixed]
        groups = [c.id for c in cases]
    else:
        wanted = set(ids)
        cases = [c for c in study.cases["four_class"] if c.id in wanted]
        groups = [study.resampled[c.id] for c in cases]
    found, foreign = [], []
    for start in range(0, len(cases), 32):
        batch = []
        for case in cases[start : start + 32]:
            images = case.loaded((predictor.sequence,)).images
            batch.append(predictor.prepared({s: i for s, i in images.items() if isinstance(i, Image)})[0])
        pictures = np.stack(batch)
        found.append(predictor.probabilities(pictures).astype(np.float64))
        scores = predictor.foreign(pictures)
        assert scores is not None
        foreign.append(scores)
    truth = np.array([NAMES.index(str(c.tumor_type)) for c in cases])
    return TypeAnswers(NAMES, truth, np.concatenate(found), groups), np.concatenate(foreign)


def main() -> None:
    """Make the splits, or score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("splits", "score"))
    for name in ("four-class", "figshare", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--others", nargs="*", default=[], help="NAME=DIR (lgg, brats), for other sequences")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS, help="what to measure anew")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    study = Study(given.four_class, given.figshare, ensure_folder(given.work))
    study.others = dict(o.split("=", 1) for o in given.others)
    if given.step == "splits":
        make_splits(study)
    else:
        for part in given.parts:
            started = time.process_time()
            found = score(study, [part])
            found["core minutes"] = {part: round((time.process_time() - started) / 60, 1)}
            before = json.loads(given.out.read_text(encoding="utf-8")) if given.out.is_file() else {}
            write_text(given.out, json.dumps(joined(before, found), indent=1) + "\n")
            print(part, "measured and written in", found["core minutes"][part], "core-minutes", flush=True)


if __name__ == "__main__":
    main()
