"""Small synthetic copies of the public layouts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image as Pillow

SHAPE = (12, 10, 4)


def volume(path: Path, data: np.ndarray | None = None, spacing: float = 1.0) -> Path:
    """Write a NIfTI; without data a little brain with a bright block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is None:
        data = np.zeros(SHAPE, np.int16)
        data[2:-2, 2:-2] = 100 + sum(path.name.encode()) % 50
        data[4, 4] = 300
    nib.save(nib.Nifti1Image(data, np.diag([-spacing, -spacing, spacing, 1])), path)
    return path


def labels(values: Iterable[int]) -> np.ndarray:
    """Return a label map in which each of ``values`` fills two voxels."""
    data = np.zeros(SHAPE, np.int16)
    for position, value in enumerate(values):
        data[3 + position, 4, 1:3] = value
    return data


def brats_case(
    root: Path,
    name: str,
    kinds: Iterable[str] = ("t1", "t1ce", "t2", "flair"),
    values: Iterable[int] | None = (1, 2, 4),
    separator: str = "_",
    suffix: str = ".nii.gz",
) -> Path:
    """Write one BraTS case; ``values=None`` leaves the segmentation out."""
    folder = root / name
    for kind in kinds:
        volume(folder / f"{name}{separator}{kind}{suffix}")
    if values is not None:
        volume(folder / f"{name}{separator}seg{suffix}", labels(values))
    return folder


def lgg_case(root: Path, name: str, slices: int = 3, repeats: tuple[int, ...] = (), mask_value: int = 255) -> Path:
    """Write one LGG patient as TIFF slices; the colour channels in ``repeats`` hold FLAIR again."""
    folder = root / name
    folder.mkdir(parents=True)
    rng = np.random.default_rng(sum(name.encode()))
    for number in range(1, slices + 1):
        pixels = rng.integers(0, 200, (16, 16, 3)).astype(np.uint8)
        for channel in repeats:
            pixels[..., channel] = pixels[..., 1]
        Pillow.fromarray(pixels).save(folder / f"{name}_{number}.tif")
        mask = np.zeros((16, 16), np.uint8)
        mask[4 : 4 + number, 5:7] = mask_value
        Pillow.fromarray(mask).save(folder / f"{name}_{number}_mask.tif")
    return folder
