"""Time augmentation of a training batch: ours (whole batch, one interpolation) against MONAI's transforms per slice.

    python benchmarks/augmentation.py

Both do mirror, rotation, zoom, elastic deformation, contrast, gamma, bias field and noise on 16 slices of 9 channels,
224×224, on one thread. Prints processor milliseconds per slice.
"""

from __future__ import annotations

import time

import torch
from monai.transforms import (
    Compose,
    Rand2DElasticd,
    RandAdjustContrastd,
    RandBiasFieldd,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityd,
)

from tumorscope.transforms.augment import Augment, augment_batch

BATCH, CHANNELS, SIZE = 16, 9, 224


def main() -> None:
    torch.set_num_threads(1)
    images = torch.randn(BATCH, CHANNELS, SIZE, SIZE)
    targets = (torch.rand(BATCH, 1, SIZE, SIZE) > 0.9).float()
    spec = Augment(
        flip_lr=0.5,
        rotate_deg=15,
        zoom=0.15,
        elastic=1.0,
        elastic_px=4.0,
        intensity=0.2,
        gamma=0.2,
        noise=0.1,
        bias_field=0.3,
    )
    rng = torch.Generator().manual_seed(0)
    both = ["image", "label"]
    monai = Compose(
        [
            RandFlipd(both, prob=0.5, spatial_axis=1),
            Rand2DElasticd(
                both,
                spacing=(40, 40),
                magnitude_range=(0, 4),
                prob=1.0,
                rotate_range=0.26,
                scale_range=0.15,
                mode=["bilinear", "nearest"],
            ),
            RandScaleIntensityd("image", 0.2, prob=1.0),
            RandAdjustContrastd("image", prob=1.0, gamma=(0.8, 1.25)),
            RandBiasFieldd("image", prob=1.0),
            RandGaussianNoised("image", prob=1.0),
        ]
    )
    for name, work in (
        ("ours", lambda: augment_batch(images, targets, spec, rng, 3)),
        ("MONAI", lambda: [monai({"image": i, "label": t}) for i, t in zip(images, targets, strict=True)]),
    ):
        work()
        begun = time.process_time()
        for _ in range(3):
            work()
        print(f"{name}: {(time.process_time() - begun) / 3 / BATCH * 1000:.1f} ms per slice")


if __name__ == "__main__":
    main()
