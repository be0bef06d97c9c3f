"""What a trained classifier still needs: calibrated probabilities, when to give no answer, what is foreign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from tumorscope.core.answer import NO_TUMOR
from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.inference.novelty import Novelty, describe_picture, fit_novelty
from tumorscope.inference.runtimes.base import softmax
from tumorscope.inference.runtimes.openvino_cache import fast_function
from tumorscope.metrics.type_scores import TypeAnswers, type_scores
from tumorscope.networks.classifier import StagedClassifier
from tumorscope.study.slice_sequence import sequence_probabilities, surprise, usual_surprise
from tumorscope.training.pictures import Pictures

_BATCH = 32
#: Abstain where it matters: the answers that are still given to validation pictures are right this often.
_WANTED = 0.99
#: At most this share of validation pictures goes without an answer.
_MOST_SILENT = 0.1
#: At most this share of pictures with a tumour may be said to show another sequence.
_FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Calibration:
    """What was chosen on validation pictures.

    Attributes:
        temperature: Divides the logits.
        abstain_below: Probability below which there is no answer.
        most_surprise: Beyond it a slice shows another sequence; None: not asked.
        facts: Numbers for the manifest: pictures, expected calibration error before and after, share without answer.
    """

    temperature: float
    abstain_below: float
    most_surprise: float | None = None
    facts: dict[str, float] = field(default_factory=dict)


def logits_of(network: StagedClassifier, pictures: Pictures, chosen: Array, *, mirrored: bool) -> Array:
    """Return the logits of pictures, float32 (N, V, K): V is 2 with the left-right mirror image, else 1."""
    run: Callable[[Array], Array] = fast_function(
        network.eval().requires_grad_(False).forward, tuple(pictures.array.shape[1:])
    )
    found = []
    for start in range(0, len(chosen), _BATCH):
        batch = pictures.array[chosen[start : start + _BATCH]].astype(np.float32)
        views = [batch, np.ascontiguousarray(batch[..., ::-1])] if mirrored else [batch]
        found.append(np.stack([run(view) for view in views], axis=1))
    return np.concatenate(found)


def calibrate(logits: Array, truth: Array) -> Calibration:
    """Choose temperature and limit on validation pictures.

    The temperature is that of the least negative log-likelihood (Guo et al., 2017); the limit is the lowest from which
    the answers that are given are right 99 times of 100, but no more than a tenth of the pictures goes without.

    Args:
        logits: (N, V, K); the probabilities of V views are averaged.
        truth: True class, (N,).
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        p = _mean_softmax(logits, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded")
    temperature = round(float(np.exp(found.x)), 4)
    before, after = _mean_softmax(logits, 1.0), _mean_softmax(logits, temperature)
    limit = abstain_limit(after, truth)
    facts = {
        "validation pictures": len(truth),
        "validation accuracy": float((after.argmax(axis=1) == truth).mean()),
        "ece before": _ece(before, truth),
        "ece after": _ece(after, truth),
        "validation share without answer": float((after.max(axis=1) < limit).mean()),
    }
    return Calibration(temperature, limit, facts={k: round(v, 4) for k, v in facts.items()})


def abstain_limit(probabilities: Array, truth: Array) -> float:
    """Return the confidence below which a classifier should give no answer, see :func:`calibrate`."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    most = float(np.quantile(confidence, _MOST_SILENT))
    for limit in np.arange(0.3, 1.0, 0.01):
        given = confidence >= limit
        if limit > most or not given.any():
            break
        if right[given].mean() >= _WANTED:
            return round(float(limit), 2)
    return round(max(0.3, most), 2)


def with_temperature(network: nn.Module, temperature: float) -> dict[str, Tensor]:
    """Return the network's weights with the logits divided by ``temperature``: it goes into the last layer."""
    head = cast("nn.Sequential", network.head)
    last = cast("nn.Linear", head[-1])
    with torch.no_grad():
        last.weight.div_(temperature)
        last.bias.div_(temperature)
    return dict(network.state_dict())


def novelty_of(pictures: Pictures, train: Array, types: Array, validation: Array) -> Novelty:
    """Sum up what the training pictures look like, with limits from the validation pictures."""
    parts = []
    for chosen in (train, validation):
        batches = [pictures.array[chosen[i : i + 256], 0] for i in range(0, len(chosen), 256)]
        parts.append(np.concatenate([describe_picture(b) for b in batches]))
    return fit_novelty(parts[0], types, parts[1])


def with_surprise(chosen: Calibration, pictures: Pictures, validation: Array, sequence: Sequence) -> Calibration:
    """Add the limit beyond which a slice shows another sequence.

    It is the usual one (:func:`~tumorscope.study.slice_sequence.usual_surprise`), or a higher one if more than 5 % of
    the validation pictures, and two standard errors on top, lay beyond. Pictures without tumour do not count: public
    ones are of several sequences.
    """
    batches = [pictures.array[validation[i : i + _BATCH], 0] for i in range(0, len(validation), _BATCH)]
    odd = np.concatenate([surprise(sequence_probabilities(b.astype(np.float32)), sequence) for b in batches])
    tumour = np.array([pictures.types[i] != NO_TUMOR for i in validation])
    limit = usual_surprise()
    if tumour.any():
        share = _FALSE_ALARMS + 2 * np.sqrt(_FALSE_ALARMS * (1 - _FALSE_ALARMS) / tumour.sum())
        limit = max(limit, float(np.quantile(odd[tumour], max(0.0, 1 - share), method="higher")))
    limit = round(limit, 3)
    facts = {
        f"validation share called another sequence, {name}": round(float((odd[own] > limit).mean()), 4)
        for name, own in (("with tumour", tumour), ("without", ~tumour))
        if own.any()
    }
    return replace(chosen, most_surprise=limit, facts=chosen.facts | facts)


def _mean_softmax(logits: Array, temperature: float) -> Array:
    views = [softmax(logits[:, view] / temperature) for view in range(logits.shape[1])]
    return np.asarray(np.mean(views, axis=0, dtype=np.float64))


def _ece(probabilities: Array, truth: Array) -> float:
    names = [str(k) for k in range(probabilities.shape[1])]
    answers = TypeAnswers(names, truth, probabilities, [str(i) for i in range(len(truth))])
    return next(s.value or 0.0 for s in type_scores(answers, n_boot=1) if s.metric == "ece")
