"""Where must a tumour-type classifier look? Features pooled over the picture, or inside the outlined tumour.

    python benchmarks/tumor_pooling.py --figshare DIR [--size 224]   writes benchmarks/results/tumor-pooling.json

Figshare's pictures of blocks on no test list; EfficientNet-Lite0's ImageNet features, logistic regression, folds of
whole blocks, one of each tumour type. The outlines are the reference ones, so this bounds what attention can give.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.datasets import DATASETS
from tumorscope.inference.runtimes.openvino_cache import fast_function
from tumorscope.networks.encoders import build_encoder
from tumorscope.recipes.recipe import held_out, read_recipe
from tumorscope.transforms.grid import to_model_orientation
from tumorscope.transforms.prepare import prepare

FOLDS = (
    ("block-002", "block-005", "block-011"),
    ("block-004", "block-006", "block-010"),
    ("block-003", "block-008"),
)


def main() -> None:
    """Measure and write the accuracy per fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figshare", type=Path, required=True)
    parser.add_argument("--size", type=int, default=224)
    given = parser.parse_args()
    fixed = set(held_out("figshare"))
    cases = [c for c in DATASETS.load("figshare").discover(given.figshare) if not c.names & fixed]
    spec = read_recipe("tumor-type").preprocess.model_copy(update={"size": (given.size, given.size)})
    encoder = build_encoder("efficientnet-lite0", 3).eval().requires_grad_(False)

    def features(x: Any) -> Any:
        x = (x * 2 - 1).expand(-1, 3, -1, -1)
        for index in range(4):
            x = encoder.stage(index, x)
        return x

    run = fast_function(features, (1, given.size, given.size))
    pooled: dict[str, list[Any]] = {"the picture": [], "the outlined tumour": []}
    for case in cases:
        loaded = case.loaded()
        prepared = prepare({s: i for s, i in loaded.images.items() if isinstance(i, Image)}, spec)
        assert isinstance(loaded.label, Image)
        mask = prepared.grid.sample_labels(to_model_orientation(loaded.label))[0] > 0
        found = run(prepared.array)[0]
        wide = functional.max_pool2d(torch.from_numpy(mask[None, None].astype(np.float32)), 15, 1, 7)
        weight = functional.adaptive_avg_pool2d(wide, found.shape[-1])[0].numpy() + 1e-4
        pooled["the picture"].append(found.mean((1, 2)))
        pooled["the outlined tumour"].append((found * weight).sum((1, 2)) / weight.sum())
    block, kind = np.array([c.patient for c in cases]), np.array([str(c.tumor_type) for c in cases])
    result = {}
    for name, rows in pooled.items():
        x, accuracy = np.stack(rows), []
        for fold in FOLDS:
            asked = np.isin(block, fold)
            model = make_pipeline(
                StandardScaler(), LogisticRegression(C=0.01, max_iter=500, class_weight="balanced")
            ).fit(x[~asked], kind[~asked])
            accuracy.append(round(float((model.predict(x[asked]) == kind[asked]).mean()), 3))
        result[name] = accuracy
    found = {"pictures": len(cases), "accuracy per fold": result}
    write_text(Path(__file__).parent / "results" / "tumor-pooling.json", json.dumps(found, indent=1) + "\n")
    print(found)


if __name__ == "__main__":
    main()
