"""Where the brain is in a scan with skull: deepbet's two networks, read from its wheel (offline, CPU or GPU).

deepbet (Fisch et al., Med Image Anal 2024, doi 10.1016/j.media.2024.103125; MIT) was trained on T1-weighted scans of
adults. Only its weight files are used; its package, and the LGPL-3.0 ones that it imports, are not loaded.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError, MissingDependencyError
from tumorscope.core.image import Array, Image
from tumorscope.core.orientation import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

_COARSE, _FINE = (128, 128, 128), (256, 256, 256)
#: The box around the coarse brain is widened by this fraction of its size on each side.
_MARGIN = 0.1
#: A plane belongs to the box if more than this fraction of it is brain.
_IN_BOX = 0.02


def brain_mask(image: Image) -> Image:
    """Return the brain mask (bool) of a T1-weighted scan, in its own grid.

    Raises:
        InputError: if no brain is found.
        MissingDependencyError: if deepbet's weights are not installed.
    """
    canonical = _canonical(image)
    probability = _fine(canonical, *_coarse(canonical))
    mask = _one_piece(probability > 0.5)
    back = ornt_transform(axcodes2ornt("RAS"), io_orientation(image.affine))
    return image.with_data(np.ascontiguousarray(apply_orientation(mask, back)))


def coarse_brain_ml(image: Image) -> float:
    """Return the brain's volume in ml as the faster, coarse network sees it; 0 where it sees none."""
    small, _ = _coarse(_canonical(image))
    return float((small > 0.5).mean()) * float(np.prod(image.shape)) * image.voxel_ml


def _canonical(image: Image) -> Array:
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt("RAS"))
    return np.ascontiguousarray(apply_orientation(image.data, turn), dtype=np.float32)


def _coarse(data: Array) -> tuple[Array, tuple[float, float]]:
    """Return the brain probability on 128³ and the range of intensities that the networks are shown."""
    small = _resize(data, _COARSE)
    low, high = (float(v) for v in np.quantile(small, (0.005, 0.995)))
    return _run("bbox_model.pt", _normalised(small, low, high)), (low, high)


def _fine(data: Array, small: Array, span: tuple[float, float]) -> Array:
    """Return the brain probability in the grid of ``data``: the fine network within the coarse brain's box."""
    box = _box(_one_piece(small > 0.5), data.shape)
    found = _run("model.pt", _normalised(_resize(data[box], _FINE), *span))
    probability = np.zeros(data.shape, dtype=np.float32)
    probability[box] = _resize(found, data[box].shape)
    return probability


def _box(small: Array, shape: tuple[int, ...]) -> tuple[slice, ...]:
    box = []
    for axis, n in enumerate(shape):
        share = small.mean(axis=tuple(a for a in range(3) if a != axis))
        inside = np.flatnonzero(share > _IN_BOX)
        if not inside.size:
            raise InputError(
                expected="a head MRI with a brain in it",
                found="no brain",
                fix="Check that this is a T1-weighted scan of a head, or use --no-preprocess for data without skull",
            )
        scale = n / small.shape[axis]
        first, last = inside[0] * scale, (inside[-1] + 1) * scale
        margin = _MARGIN * (last - first)
        box.append(slice(max(0, int(first - margin)), min(n, int(np.ceil(last + margin)))))
    return tuple(box)


def _normalised(data: Array, low: float, high: float) -> Array:
    clipped = np.clip((data - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(0.226 * (clipped - clipped.mean()) / max(float(clipped.std()), 1e-6) + 0.449, dtype=np.float32)


def _resize(data: Array, shape: tuple[int, ...]) -> Array:
    """Nearest neighbour, voxel centres exact (PyTorch's nearest-exact), as in deepbet."""
    picks = [
        np.minimum(((np.arange(m) + 0.5) * n / m).astype(int), n - 1) for n, m in zip(data.shape, shape, strict=True)
    ]
    return np.ascontiguousarray(data[np.ix_(*picks)])


def _one_piece(mask: Array) -> Array:
    """Keep the largest component and fill what it encloses."""
    from scipy.ndimage import binary_fill_holes, label

    parts, n = label(mask)
    if n > 1:
        mask = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return np.asarray(binary_fill_holes(mask))


def _run(name: str, data: Array) -> Array:
    import torch

    model, device = _model(name)
    with torch.inference_mode():
        found = model(torch.from_numpy(data).to(device)[None, None])[0, 1]
    return np.asarray(found.float().cpu().numpy())


@lru_cache(maxsize=2)
def _model(name: str) -> tuple[Any, str]:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    load: Any = torch.jit.load
    return load(str(_weights(name)), map_location=device).eval(), device


def _weights(name: str) -> Path:
    from importlib.metadata import PackageNotFoundError, files

    try:
        found = [Path(str(p.locate())) for p in files("deepbet") or () if p.name == name]
    except PackageNotFoundError:
        found = []
    if not found or not found[0].is_file():
        raise MissingDependencyError(
            expected="the brain-extraction weights of deepbet",
            found="no installed package 'deepbet'",
            fix="Run: pip install deepbet; or give scans without skull and --no-preprocess",
        )
    return found[0]
