"""What frozen stages give, computed once: training then starts from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tumorscope.core.files import atomic_path, content_hash
from tumorscope.core.image import Array
from tumorscope.inference.runtimes.openvino_cache import fast_function
from tumorscope.networks.classifier import StagedClassifier
from tumorscope.training.pictures import Pictures
from tumorscope.transforms.augment import Augment, augment_batch

_BATCH = 16


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
) -> Array:
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
        float16 (M, copies, …), read through a memory map.
    """
    key = _key(network, pictures, chosen, stages, augment, copies, seed)
    file = folder / f"{key}-features.npy"
    if not file.is_file():
        run = fast_function(lambda x: _features(network, x, stages), tuple(pictures.array.shape[1:]))
        with atomic_path(file) as scratch:
            out: Array | None = None
            for start in range(0, len(chosen), _BATCH):
                some = chosen[start : start + _BATCH]
                progress(start, len(chosen), "frozen stages")
                batch = torch.from_numpy(pictures.array[some].astype(np.float32))
                for copy in range(copies):
                    shown = batch if augment is None else _augmented(batch, augment, start, copy, seed)
                    found = run(shown.numpy()).astype(np.float16)
                    if out is None:
                        out = np.lib.format.open_memmap(
                            scratch, "w+", np.float16, (len(chosen), copies, *found.shape[1:])
                        )
                    out[start : start + len(some), copy] = found
    return np.asarray(np.load(file, mmap_mode="r"))


def _features(network: StagedClassifier, x: Tensor, stages: int) -> Tensor:
    found = network.before(x, stages)
    return torch.flatten(network.pool(found), 1) if stages == network.stages else found


def _augmented(batch: Tensor, augment: Augment, start: int, copy: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(hash((seed, start, copy)) & 0x7FFFFFFF)
    return augment_batch(batch, torch.zeros_like(batch[:, :1]), augment, rng, batch.shape[1])[0]


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
    facts = json.dumps([pictures.key, stages, done, copies, seed], sort_keys=True)
    return content_hash(digest.digest(), facts.encode(), chosen.tobytes())
