"""Train a small U-Net on two phantom patients until it over-fits; its log is the gallery's example of curves.

    python benchmarks/sample_log.py

Writes ``src/tumorscope/figures/samples/training.log`` with the column names Keras' CSVLogger gives (paper S2's network,
metrics and spelling: ``dice_coef``, ``mean_io_u_3``, epochs from 0). Half a minute on one core.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, make_phantom
from tumorscope.networks.unet import UNet

OUT = Path(__file__).parents[1] / "src" / "tumorscope" / "figures" / "samples" / "training.log"
EPOCHS, CLASSES = 40, 4


def slices(seeds: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return T1CE and FLAIR slices with tumour (N, 2, H, W) and their classes 0-3 (N, H, W)."""
    images, labels = [], []
    for seed in seeds:
        case = make_phantom(PhantomSpec(seed=seed), spacing=4.0)
        label = case.label
        assert isinstance(label, Image)
        shown = np.flatnonzero(label.data.any(axis=(0, 1)))
        pair = []
        for sequence in (Sequence.T1CE, Sequence.FLAIR):
            image = case.images[sequence]
            assert isinstance(image, Image)
            inside = image.data[image.data > 0]
            pair.append((image.data - inside.mean()) / inside.std() * (image.data > 0))
        images.append(np.stack(pair)[..., shown].transpose(3, 0, 1, 2))
        labels.append(np.where(label.data == 4, 3, label.data)[..., shown].transpose(2, 0, 1))
    return torch.from_numpy(np.concatenate(images)).float(), torch.from_numpy(np.concatenate(labels)).long()


def measure(logits: Tensor, target: Tensor) -> dict[str, float]:
    """Return accuracy, loss, and Dice and IoU pooled over all pixels, mean over the three tumour classes."""
    found, truth = (functional.one_hot(x, CLASSES)[..., 1:].flatten(0, 2).float() for x in (logits.argmax(1), target))
    shared, both = (found * truth).sum(dim=0), found.sum(dim=0) + truth.sum(dim=0)
    return {
        "accuracy": float((logits.argmax(1) == target).float().mean()),
        "dice_coef": float((2 * shared / both.clamp_min(1)).mean()),
        "loss": float(functional.cross_entropy(logits, target)),
        "mean_io_u_3": float((shared / (both - shared).clamp_min(1)).mean()),
    }


def main() -> None:
    torch.manual_seed(0)
    train, val = slices((1, 2)), slices((3, 4))
    network = UNet(2, CLASSES, filters=(8, 16, 32), dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    rows = []
    for epoch in range(EPOCHS):
        network.train()
        for batch in torch.randperm(len(train[0])).split(4):
            optimizer.zero_grad()
            functional.cross_entropy(network(train[0][batch]), train[1][batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            row = measure(network(train[0]), train[1])
            row |= {f"val_{k}": v for k, v in measure(network(val[0]), val[1]).items()}
        rows.append({"epoch": epoch, **{k: f"{v:.6g}" for k, v in row.items()}})
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(OUT, text.getvalue())


if __name__ == "__main__":
    main()
