"""Data and recipes that train in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import yaml

from tumorscope.recipes.recipe import Recipe, parse_recipe


def make_brats(root: Path, cases: int = 6, depth: int = 6) -> Path:
    """Write BraTS-like cases of 32×32×depth voxels: an ellipsoid brain, a bright lesion with oedema, core and rim."""
    rng = np.random.default_rng(5)
    x, y, z = np.meshgrid(np.arange(32), np.arange(32), np.arange(depth), indexing="ij")
    brain = ((x - 15.5) / 13) ** 2 + ((y - 15.5) / 13) ** 2 < 1
    for number in range(1, cases + 1):
        centre = rng.uniform(11, 20, 2)
        distance = np.hypot(x - centre[0], y - centre[1]) + 3 * np.abs(z - 3)
        labels = np.select([distance < 2, distance < 4, distance < 7], [1, 4, 2], 0) * brain
        noise = rng.normal(0, 8, labels.shape)
        flair = brain * (100 + 90 * (labels > 0) + noise)
        t1ce = brain * (100 + 90 * (labels == 4) - 50 * (labels == 1) + noise)
        folder = root / f"BraTS20_Training_{number:03}"
        folder.mkdir(parents=True)
        for kind, data in (("flair", flair), ("t1ce", t1ce), ("seg", labels)):
            nib.save(
                nib.Nifti1Image(data.astype(np.int16), np.diag([-1, -1, 1, 1])), folder / f"{folder.name}_{kind}.nii"
            )
    return root


def content(**sections: Any) -> dict[str, Any]:
    """Return a tiny recipe; keyword arguments are merged into its sections, dotted with ``__``."""
    recipe: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny",
        "data": {"dataset": "brats", "scheme": "brats", "fractions": [0.5, 0.34, 0.16], "seed": 1},
        "preprocess": {"sequences": ["T1CE", "FLAIR"], "size": [32, 32], "fit": "crop", "context": 1},
        "outputs": {"kind": "regions", "names": ["WT", "TC", "ET"]},
        "network": {"name": "unet", "args": {"filters": [6, 12]}},
        "loss": {"dice": {"weight": 1.0}, "bce": {"weight": 1.0}},
        "optimizer": {"name": "adamw", "lr": 0.02},
        "training": {"epochs": 3, "batch_size": 6, "accelerator": "cpu", "deterministic": True, "precision": "32"},
        "augment": {"flip_lr": 0.5, "rotate_deg": 10, "noise": 0.05},
    }
    for key, value in sections.items():
        *path, last = key.split("__")
        node = recipe
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return recipe


def tiny(**sections: Any) -> Recipe:
    """Return the tiny recipe; see :func:`content`."""
    return parse_recipe(content(**sections), "the test")


def write_recipe(path: Path, **sections: Any) -> Path:
    """Write the tiny recipe as YAML."""
    path.write_text(yaml.safe_dump(content(**sections)))
    return path
