"""Train the classifier of `tumorscope.study.classify` and measure it: benchmarks/results/sequences.json.

    python benchmarks/sequence_weights.py DATA [--views FOLDER]

DATA holds BraTS cases. Patients of the fixed test list train nothing; they and the folds' held-out patients are scored.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import brats
from tumorscope.inference.midline import HEAD, template_head
from tumorscope.recipes.recipe import held_out
from tumorscope.study import classify
from tumorscope.study.look import TEMPLATE, brain_view, features, template_maps
from tumorscope.study.quality import template_shape

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parent / "src" / "tumorscope" / "study" / "sequence_weights.json"
STRENGTH, FOLDS = 0.1, 7


def collect(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return features (n, F), class (n,), patient (n,), and whether the patient is on the test list (n,)."""
    listed = set(held_out("brats"))
    rows = []
    for case in brats.DATASET.discover(data):
        loaded = case.loaded()
        for sequence, image in loaded.images.items():
            assert isinstance(image, Image)
            rows.append(
                (features(*brain_view(image)), list(Sequence).index(sequence), case.patient, bool(case.names & listed))
            )
        print(case.id, flush=True)
    x, y, patients, tested = (np.array(column) for column in zip(*rows, strict=True))
    return x, y, patients, tested


def fit(x: np.ndarray, y: np.ndarray) -> dict[str, list]:
    """Fit scaler and regression; returns what the package reads."""
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=STRENGTH, max_iter=5000).fit(scaler.transform(x), y)
    return {
        "centre": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "weights": model.coef_.round(5).tolist(),
        "bias": model.intercept_.round(5).tolist(),
    }


def scores(weights: dict[str, list], x: np.ndarray) -> list[np.ndarray]:
    """Score images with other weights than those shipped."""
    model = tuple(np.array(weights[k]) for k in ("centre", "scale", "weights", "bias"))
    shipped, classify._model = classify._model, lambda: model
    try:
        return [classify.log_probabilities_of(row) for row in x]
    finally:
        classify._model = shipped


def accuracy(found: list[np.ndarray], y: np.ndarray, patients: np.ndarray) -> dict[str, dict[str, float]]:
    """Return images right by themselves, and together with 1, 2 or 3 others of the same patient."""
    alone = [int(score.argmax() == k) for score, k in zip(found, y, strict=True)]
    result = {"alone": {"right": sum(alone), "n": len(alone)}}
    for size in (2, 3, 4):
        right = n = 0
        for patient in np.unique(patients):
            members = np.flatnonzero(patients == patient)
            for chosen in combinations(members, size):
                given = classify.assign([found[i] for i in chosen])
                right += sum(list(Sequence).index(s) == y[i] for (s, _), i in zip(given, chosen, strict=True))
                n += size
        result[f"together with {size - 1}"] = {"right": int(right), "n": n}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    np.savez_compressed(TEMPLATE, **template_maps(), shape=template_shape())
    np.savez_compressed(HEAD, **template_head())
    x, y, patients, tested = collect(parser.parse_args().data)
    train = ~tested
    unseen_scores: list[np.ndarray] = [np.empty(0)] * len(y)
    for fold, (seen, unseen) in enumerate(GroupKFold(FOLDS).split(x[train], y[train], patients[train])):
        rows = np.flatnonzero(train)
        for row, score in zip(rows[unseen], scores(fit(x[rows[seen]], y[rows[seen]]), x[rows[unseen]]), strict=True):
            unseen_scores[row] = score
        print("fold", fold, flush=True)
    final = fit(x[train], y[train])
    rows = np.flatnonzero(train)
    result = {
        "what": "sequence told by the image alone (skull-stripped BraTS), patients the classifier never saw",
        "trained_on_patients": len(np.unique(patients[train])),
        "folds": FOLDS,
        "held_out": accuracy([unseen_scores[r] for r in rows], y[rows], patients[rows]),
        "test_list": accuracy(scores(final, x[tested]), y[tested], patients[tested]),
    }
    write_text(WEIGHTS, json.dumps(final) + "\n")
    write_text(HERE / "results" / "sequences.json", json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
