"""What frozen stages give, computed once: training then starts from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.core.files import atomic_path, content_hash
from tumorscope.core.image import Array
from tumorscope.inference.runtimes.openvino_cache import fast_function
from tumorscope.networks.classifier import StagedClassifier
from tumorscope.training.pictures import UNKNOWN, Pictures
from tumorscope.transforms.augment import Augment, augment_batch

#: Changes whenever what is stored changes.
_LAYOUT = 2
_BATCH = 16
#: Pixels along a side of a place at which tumours are kept beside features.
TUMOUR_STRIDE = 8


def frozen_features(
    network: StagedClassifier,
    pictures: Pictures,
    chosen: Array,
    stages: int,
    folder: Path,
    *,
    augment: Augment | None = None,
    copies: int = 1,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> tuple[Array, Array]:
    """Run the first ``stages`` stages over pictures, or read what an earlier call kept.

    Features of all stages are pooled. A copy's augmentation depends on the seed, its place and the copy alone.

    Args:
        network: Its frozen stages are in evaluation mode.
        pictures: Prepared pictures.
        chosen: Which of them, (M,).
        stages: Number of frozen stages.
        folder: Where features are kept.
        augment: What is done to each copy; None leaves pictures alone.
        copies: Per picture.
        seed: Of the augmentation.
        progress: Called with (done, total, what).

    Returns:
        Features, float16 (M, copies, …), and tumours, uint8 (M, copies, H/8, W/8), of which a place is one if any of
        its pixels is; both read through a memory map.
    """
    key = _key(network, pictures, chosen, stages, augment, copies, seed)
    file, beside = folder / f"{key}-features.npy", folder / f"{key}-tumours.npy"
    if not file.is_file():
        run = fast_function(lambda x: _features(network, x, stages), tuple(pictures.array.shape[1:]))
        small = [side // TUMOUR_STRIDE for side in pictures.array.shape[2:]]
        with atomic_path(beside) as second, atomic_path(file) as scratch:
            out: Array | None = None
            places = np.lib.format.open_memmap(second, "w+", np.uint8, (len(chosen), copies, *small))
            for start in range(0, len(chosen), _BATCH):
                some = chosen[start : start + _BATCH]
                progress(start, len(chosen), "frozen stages")
                batch = torch.from_numpy(pictures.array[some].astype(np.float32))
                tumour = torch.from_numpy(pictures.tumours[some])[:, None]
                known = (tumour != UNKNOWN).flatten(1).all(dim=1).numpy()
                for copy in range(copies):
                    moved = batch, tumour.float()
                    if augment is not None:
                        rng = torch.Generator().manual_seed(hash((seed, start, copy)) & 0x7FFFFFFF)
                        moved = augment_batch(batch, moved[1], augment, rng, batch.shape[1])
                    place = tumour_places(moved[1], TUMOUR_STRIDE)[:, 0].numpy() > 0
                    places[start : start + len(some), copy] = np.where(known[:, None, None], place, UNKNOWN)
                    found = run(moved[0].numpy()).astype(np.float16)
                    if out is None:
                        out = np.lib.format.open_memmap(
                            scratch, "w+", np.float16, (len(chosen), copies, *found.shape[1:])
                        )
                    out[start : start + len(some), copy] = found
    features, tumours = (np.asarray(np.load(f, mmap_mode="r")) for f in (file, beside))
    return features, tumours


def tumour_places(tumours: Tensor, stride: int) -> Tensor:
    """Return which places of ``stride`` × ``stride`` pixels hold tumour: (B, 1, H, W) → (B, 1, H/stride, W/stride)."""
    return functional.max_pool2d(tumours.float(), stride)


def _features(network: StagedClassifier, x: Tensor, stages: int) -> Tensor:
    found = network.before(x, stages)
    return torch.flatten(network.pool(found), 1) if stages == network.stages else found


def _key(
    network: StagedClassifier,
    pictures: Pictures,
    chosen: Array,
    stages: int,
    augment: Augment | None,
    copies: int,
    seed: int,
) -> str:
    """Return a name that changes with the frozen weights, the pictures and what is done to them."""
    digest = hashlib.sha256()
    for index in range(stages):
        for module in network.stage_modules(index):
            for value in module.state_dict().values():
                digest.update(value.float().numpy().tobytes())
    done = None if augment is None else augment.model_dump()
    facts = json.dumps([_LAYOUT, pictures.key, stages, done, copies, seed], sort_keys=True)
    return content_hash(digest.digest(), facts.encode(), chosen.tobytes())
