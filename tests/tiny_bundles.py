"""Bundles and images small enough for tests; nothing here was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.bundles.bundle import Bundle, save_bundle
from tumorscope.bundles.manifest import Classify, Manifest, Outputs, Postprocess, TrainingRecord
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.networks import NETWORKS
from tumorscope.transforms.prepare import Preprocess

SMALL_FPN = {
    "encoder": "efficientnet-lite0",
    "encoder_weights": "none",
    "pyramid_channels": 32,
    "segmentation_channels": 32,
}
REGIONS = Outputs(kind="regions", names=("WT", "TC", "ET"))
BINARY = Outputs(kind="binary", names=("tumor",))
TYPES = Outputs(kind="types", names=("glioma", "meningioma", "pituitary", "no tumor"))
_TYPES_SPEC = {"size": (64, 64), "context": 0, "fit": "head", "normalise": "clip_minmax", "foreground_fraction": 0.1}


def manifest(
    name: str = "tiny",
    *,
    sequences: tuple[Sequence, ...] = (Sequence.T1CE, Sequence.FLAIR),
    outputs: Outputs = REGIONS,
    scheme: str = "brats",
    dataset: str = "brats",
    postprocess: Postprocess | None = None,
    network: str = "tiny",
    **preprocess: Any,
) -> Manifest:
    """Return a manifest; keyword arguments that are not its own go to ``Preprocess``."""
    spec = {"size": (64, 64), "context": 1, **preprocess}
    NETWORKS["tiny"] = "tiny_network:TinyNetwork"
    return Manifest(
        name=name,
        version="0",
        title=f"Untrained {name}",
        network=network,
        network_args=SMALL_FPN if network == "fpn" else {},
        preprocess=Preprocess(sequences=sequences, **spec),
        outputs=outputs,
        scheme=scheme,
        postprocess=postprocess or Postprocess(),
        training=TrainingRecord(dataset=dataset, licence="none", commercial=False, case_hashes=[]),
        limits=["Untrained."],
    )


def save_tiny(folder: Path, made: Manifest, members: int = 1, seed: int = 0) -> Bundle:
    """Write a bundle with random weights."""
    import torch

    states = []
    for member in range(members):
        torch.manual_seed(seed + member)
        network = Bundle(folder, made).build_network()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        states.append(network.state_dict())
    return save_bundle(folder, made, states, "# Untrained\n")


class EchoRuntime:
    """Answers with a sharp threshold of one input channel instead of a network.

    Args:
        channel: Input channel to echo (with context 1 and two sequences, 2 and 3 are the slice itself).
        outputs: Number of logit channels, all alike.
        level: Value of the normalised input from which a pixel counts; None echoes it as the probability.
    """

    name, description = "echo", "echo"

    def __init__(self, channel: int, outputs: int = 1, level: float | None = 0.5) -> None:
        self.channel, self.outputs, self.level = channel, outputs, level
        self.batches: list[int] = []

    def run(self, batch: Array) -> Array:
        """Return logits of ±20 at most."""
        self.batches.append(batch.shape[0])
        shown = batch[:, self.channel : self.channel + 1]
        if self.level is None:
            shown = np.clip(shown, 1e-6, 1 - 1e-6)
            logits = np.log(shown / (1 - shown))
        else:
            logits = np.clip((shown - self.level) * 400, -20, 20)
        return np.repeat(logits, self.outputs, axis=1).astype(np.float32)


def head(shape: tuple[int, int, int] = (24, 28, 10), seed: int = 0) -> Array:
    """Return a brain-like int16 volume: noise of 300-600 in an ellipsoid, 0 outside."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*[np.linspace(-1.15, 1.15, n) if n > 1 else np.zeros(1) for n in shape], indexing="ij")
    inside = sum(a**2 for a in axes) < 1
    return np.where(inside, rng.integers(300, 600, shape), 0).astype(np.int16)


def image(data: Array, spacing: tuple[float, float, float] = (1, 1, 1), **kwargs: Any) -> Image:
    """Return an Image in BraTS' orientation (x to the left, y to posterior, z to superior)."""
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = (10, 20, -30)
    return Image(data, affine, **kwargs)


def tiny_classifier(folder: Path, **classify: object) -> Bundle:
    """Write an untrained classifier of tumour types."""
    made = manifest(
        "types", sequences=(Sequence.T1CE,), outputs=TYPES, scheme="types", dataset="four_class", **_TYPES_SPEC
    ).model_copy(
        update={
            "network": "efficientnet-classifier",
            "network_args": {"encoder_weights": "none", "hidden": 8, "top": False},
            "classify": Classify(**classify),
        }
    )
    return save_tiny(folder, made)
