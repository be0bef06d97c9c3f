"""What every runtime offers, and how the members of a bundle become one answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.image import Array

Device = Literal["auto", "cpu", "cuda"]
#: ``auto``: bfloat16 where the hardware computes in it, else float32.
Precision = Literal["auto", "float32"]


class ConversionError(TumorscopeError):
    """A runtime cannot run a network as PyTorch does."""


class Runtime(Protocol):
    """Runs a bundle.

    Attributes:
        name: Key in the registry.
        description: Engine, version, device and precision, for people.
    """

    name: str
    description: str

    def run(self, batch: Array) -> Array:
        """Map float32 (B, C, H, W) to float32 logits (B, K, H, W), members averaged; (1, C, D, H, W) for volumes."""
        ...


def sigmoid(logits: Array) -> Array:
    """Return 1 / (1 + e^-x) as float32, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float32))), dtype=np.float32)


def softmax(logits: Array) -> Array:
    """Return the softmax over axis 1 as float32."""
    shifted: Array = logits.astype(np.float32) - logits.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def average_members(members: Sequence[Array], outputs: Outputs) -> Array:
    """Average the probabilities of several members and return them as logits again.

    Args:
        members: Logits (B, K, …), one array per member.
        outputs: What the channels are.
    """
    if len(members) == 1:
        return members[0]
    exclusive = outputs.kind in ("classes", "types")
    activate = softmax if exclusive else sigmoid
    mean = np.mean([activate(m) for m in members], axis=0, dtype=np.float32)
    tiny = np.float32(1e-7)
    if exclusive:
        return np.asarray(np.log(np.maximum(mean, tiny)))
    mean = np.clip(mean, tiny, 1 - tiny)
    return np.asarray(np.log(mean) - np.log1p(-mean))
