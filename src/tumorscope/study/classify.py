"""Telling sequences by what the brain looks like: a logistic regression, and the best assignment within a study.

Trained by ``benchmarks/sequence_weights.py`` on BraTS patients outside the fixed test list; how well it does is in
``docs/studies.md``.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from itertools import permutations
from pathlib import Path

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.look import brain_view, features

_WEIGHTS = Path(__file__).with_name("sequence_weights.json")
_SEQUENCES = tuple(Sequence)
#: No probability is taken to be smaller: a classifier this small is never that sure.
_LEAST = 1e-3


def log_probabilities(image: Image, mask: Image | None = None) -> Array:
    """Return the logarithm of the probability of T1, T1CE, T2 and FLAIR, (4,); all equal where there is no brain.

    Args:
        image: A scan.
        mask: Brain mask on its grid; without it everything that is not background counts as brain.
    """
    return log_probabilities_of(features(*brain_view(image, mask)))


def log_probabilities_of(numbers: Array) -> Array:
    """The same from :func:`~tumorscope.study.look.features`."""
    if not np.isfinite(numbers).all():
        return np.full(len(_SEQUENCES), np.log(1 / len(_SEQUENCES)))
    centre, scale, weights, bias = _model()
    logits = weights @ ((numbers - centre) / scale) + bias
    chance = np.exp(logits - logits.max())
    chance = np.maximum(chance / chance.sum(), _LEAST)
    return np.asarray(np.log(chance / chance.sum()))


def assign(scores: list[Array], free: Collection[Sequence] = _SEQUENCES) -> list[tuple[Sequence, float]]:
    """Give every image of a study another sequence so that together they are most probable.

    Args:
        scores: Of each image, from :func:`log_probabilities`.
        free: Sequences that may be given; at least as many as there are images.

    Returns:
        For every image its sequence, and the probability that it is this one, given that all differ.
    """
    choices = list(permutations([_SEQUENCES.index(s) for s in _SEQUENCES if s in free], len(scores)))
    totals = np.array([sum(score[k] for score, k in zip(scores, choice, strict=True)) for choice in choices])
    weights = np.exp(totals - totals.max())
    weights /= weights.sum()
    best = choices[int(totals.argmax())]
    sure = [
        float(sum(w for w, choice in zip(weights, choices, strict=True) if choice[i] == k)) for i, k in enumerate(best)
    ]
    return [(_SEQUENCES[k], p) for k, p in zip(best, sure, strict=True)]


@lru_cache(maxsize=1)
def _model() -> tuple[Array, Array, Array, Array]:
    found = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    centre, scale, weights, bias = (np.array(found[k]) for k in ("centre", "scale", "weights", "bias"))
    return centre, scale, weights, bias
