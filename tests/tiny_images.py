"""Bundles of image models, small enough for tests; nothing here was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tiny_bundles import save_tiny
from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import ImageModel, Manifest, Outputs, TrainingRecord
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.prepare import Preprocess

#: Task → network, its arguments, channels, degradation.
KINDS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "denoise": ("restoration-unet", {"filters": [4, 8]}, 1, "rician"),
    "reconstruct": ("cascade", {"filters": [4, 8], "cascades": 2}, 2, "cartesian"),
    "thin": ("restoration-unet", {"filters": [4, 8]}, 1, "thick_slices"),
    "vae": ("autoencoder", {"size": [32, 32], "channels": [8, 8], "latent_channels": 2, "components": 4}, 2, ""),
    "gan": ("gan-generator", {"latent": 8, "filters": [8, 8, 8, 8]}, 2, ""),
    "synthesis": ("spade-generator", {"latent": 8, "condition": 4, "filters": [8, 8, 8, 8], "hidden": 4}, 2, ""),
}


def image_bundle(folder: Path, kind: str) -> Bundle:
    """Write an untrained bundle that repairs or makes images."""
    network, arguments, channels, degradation = KINDS[kind]
    task = "reconstruct" if kind == "thin" else kind
    made = Manifest(
        name=f"tiny-{kind}",
        version="0",
        title="Untrained",
        network=network,
        network_args=arguments,
        preprocess=Preprocess(
            sequences=(Sequence.T1CE, Sequence.FLAIR), size=(32, 32), fit="crop", normalise="brain_p99"
        ),
        outputs=Outputs(kind="image", names=("magnitude",)),
        scheme="image",
        image=ImageModel(
            task=task,  # type: ignore[arg-type]
            in_channels=channels,
            out_channels=channels,
            degradation={"name": degradation} if degradation else {},
            condition=("NCR/NET", "ED", "ET") if kind == "synthesis" else (),
        ),
        training=TrainingRecord(
            dataset="brats",
            licence="none",
            commercial=False,
            case_hashes=[],
            recipe={"data": {"scheme": "brats"}, "loss": {"l1": 1.0, "ssim": 1.0}},
        ),
    )
    return save_tiny(folder, made)


def smooth_brain(shape: tuple[int, int, int] = (40, 48, 12)) -> np.ndarray:
    """Return a brain-like int16 volume: smooth bumps of 200 to 1000 in an ellipsoid, 0 outside."""
    x, y, z = np.meshgrid(*[np.linspace(-1.15, 1.15, n) for n in shape], indexing="ij")
    bumps = 600 + 200 * np.sin(6 * x + z) * np.cos(5 * y) + 150 * (np.hypot(x - 0.3, y) < 0.25)
    return np.where(x**2 + y**2 + 0.3 * z**2 < 1, bumps, 0).astype(np.int16)
