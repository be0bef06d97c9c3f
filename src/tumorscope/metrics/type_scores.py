"""Scores of one answer per picture: accuracy, per-class counts, ranking and calibration, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorscope.core.errors import InputError
from tumorscope.metrics.bootstrap import percentile_interval
from tumorscope.metrics.consistency import check_pair
from tumorscope.metrics.summary import N_BOOT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Bins of the expected calibration error.
ECE_BINS = 15
#: Scores of one class against the rest.
PER_CLASS = ("precision", "sensitivity", "f1", "specificity", "auroc")


@dataclass(frozen=True, kw_only=True)
class TypeScore:
    """One number of a classifier and everything that must stand beside it.

    Attributes:
        metric: ``accuracy``, ``macro_f1``, ``macro_auroc``, ``ece``, or one of :data:`PER_CLASS`.
        region: The class, or "all" (named as in :class:`~tumorscope.metrics.score.Score`).
        value: None where undefined (no picture of the class, or none given to it; of the means over classes, where a
            class has no picture).
        ci95: 95 % percentile bootstrap interval, groups resampled.
        n: Pictures: of the class, or all.
        n_groups: Groups (patients, blocks, look-alikes; else pictures) that were resampled.
        note: What a reader must know.
    """

    metric: str
    region: str
    value: float | None
    ci95: tuple[float | None, float | None]
    n: int
    n_groups: int
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "metric": self.metric,
            "region": self.region,
            "unit": "image",
            "mean": self.value,
            "ci95": list(self.ci95),
            "n": self.n,
            "n_groups": self.n_groups,
            "note": self.note,
        }


@dataclass(frozen=True, eq=False)
class TypeAnswers:
    """What a classifier said about N pictures.

    Attributes:
        names: The K classes.
        truth: Index of the true class, (N,).
        probabilities: (N, K), rows add up to 1.
        groups: Group of each picture.
    """

    names: Sequence[str]
    truth: Ints
    probabilities: Floats
    groups: Sequence[str]

    def __post_init__(self) -> None:
        """Check the arrays.

        Raises:
            InputError: if there is no picture, shapes do not fit, or a row is no distribution.
        """
        shape = (len(self.truth), len(self.names))
        rows = self.probabilities.sum(axis=1) if self.probabilities.shape == shape else np.zeros(1)
        fits = len(self.truth) and len(self.groups) == len(self.truth) and np.allclose(rows, 1, atol=1e-3)
        if not fits:
            raise InputError(
                expected="N pictures with one probability per class that add up to 1, a true class and a group",
                found=f"probabilities {self.probabilities.shape}, {len(self.truth)} classes, {len(self.groups)} groups",
                fix="Give the softmax of the logits",
            )

    @property
    def answer(self) -> Ints:
        """The most probable class of each picture, (N,)."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def confusion(self) -> Ints:
        """Pictures by true class (rows) and answer (columns), (K, K)."""
        size = len(self.names)
        return np.bincount(self.truth * size + self.answer, minlength=size**2).reshape(size, size).astype(np.int64)

    def take(self, chosen: npt.NDArray[np.bool_] | Ints) -> TypeAnswers:
        """Return the chosen pictures."""
        groups = np.asarray(self.groups)[chosen].tolist()
        return TypeAnswers(self.names, self.truth[chosen], self.probabilities[chosen], groups)


def type_scores(answers: TypeAnswers, *, seed: int = 0, n_boot: int = N_BOOT, note: str = "") -> list[TypeScore]:
    """Score answers.

    Args:
        answers: What was said.
        seed: Of the bootstrap.
        n_boot: Number of resamples.
        note: Put beside every score.

    Returns:
        Accuracy, macro F1, macro AUROC (one class against the rest) and ECE over all classes; then per class precision,
        sensitivity (recall), F1, specificity and AUROC.

    Raises:
        ImpossibleScoreError: if precision, sensitivity and F1 cannot belong together.
    """
    owner = np.unique(np.asarray(answers.groups), return_inverse=True)[1]
    weights = resampled_weights(owner, seed, n_boot)
    point, drawn = score_values(answers, np.ones((1, len(owner)))), score_values(answers, weights)
    counts = np.bincount(answers.truth, minlength=len(answers.names))
    scores = []
    for (metric, region), value in point.items():
        known = np.isfinite(value[0])
        resampled = drawn[metric, region]
        interval = percentile_interval(resampled) if known and np.isfinite(resampled).any() else (None, None)
        number = len(owner) if region == "all" else int(counts[list(answers.names).index(region)])
        scores.append(
            TypeScore(
                metric=metric,
                region=region,
                value=float(value[0]) if known else None,
                ci95=interval,
                n=number,
                n_groups=int(owner.max()) + 1,
                note=note,
            )
        )
    _check(scores)
    return scores


def _check(scores: Sequence[TypeScore]) -> None:
    by_class: dict[str, dict[str, float]] = {}
    for s in scores:
        if s.region != "all" and s.value is not None and s.metric in ("precision", "sensitivity", "f1"):
            by_class.setdefault(s.region, {})[s.metric] = s.value
    for values in by_class.values():
        check_pair(precision=values.get("precision"), sensitivity=values.get("sensitivity"), f1=values.get("f1"))


def resampled_weights(owner: Ints, seed: int, n_boot: int) -> Floats:
    """Return how often each picture is drawn when whole groups are: (n_boot, N)."""
    groups = int(owner.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, groups, size=(n_boot, groups)) + groups * np.arange(n_boot)[:, None]
    times = np.bincount(drawn.ravel(), minlength=n_boot * groups).reshape(n_boot, groups)
    return times[:, owner].astype(np.float64)


def score_values(answers: TypeAnswers, weights: Floats) -> Mapping[tuple[str, str], Floats]:
    """Return every score for each row of picture weights (B, N): (metric, region) → (B,)."""
    size, truth, given = len(answers.names), answers.truth, answers.answer
    cells = np.zeros((len(weights), size, size))
    for row, column in np.ndindex(size, size):
        cells[:, row, column] = weights[:, (truth == row) & (given == column)].sum(axis=1)
    found: dict[tuple[str, str], Floats] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        total = cells.sum(axis=(1, 2))
        per_class = [_class_values(cells, k) for k in range(size)]
        for k, values in enumerate(per_class):
            values["auroc"] = _auroc(answers.probabilities[:, k], truth == k, weights)
        found["accuracy", "all"] = np.trace(cells, axis1=1, axis2=2) / total
        found["macro_f1", "all"] = np.mean([v["f1"] for v in per_class], axis=0)
        found["macro_auroc", "all"] = np.mean([v["auroc"] for v in per_class], axis=0)
        found["ece", "all"] = _ece(answers.probabilities.max(axis=1), truth == given, weights)
    for name, values in zip(answers.names, per_class, strict=True):
        found |= {(metric, name): values[metric] for metric in PER_CLASS}
    return found


def _class_values(cells: Floats, k: int) -> dict[str, Floats]:
    tp = cells[:, k, k]
    fp, fn = cells[:, :, k].sum(axis=1) - tp, cells[:, k].sum(axis=1) - tp
    tn = cells.sum(axis=(1, 2)) - tp - fp - fn
    return {
        "precision": tp / (tp + fp),
        "sensitivity": tp / (tp + fn),
        "f1": np.where(tp + fn > 0, 2 * tp / (2 * tp + fp + fn), np.nan),
        "specificity": tn / (tn + fp),
    }


def _auroc(score: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the weighted area under the ROC curve, ties counting half (Hanley & McNeil, 1982)."""
    level = np.unique(score, return_inverse=True)[1]
    ends = np.flatnonzero(np.diff(np.sort(level), append=level.max() + 1))
    order = np.argsort(level, kind="stable")
    up, down = (np.cumsum(weights[:, order] * mask[order], axis=1)[:, ends] for mask in (positive, ~positive))
    hits, rest = np.diff(up, axis=1, prepend=0), np.diff(down, axis=1, prepend=0)
    below = down - rest
    area = (hits * (below + rest / 2)).sum(axis=1)
    return np.asarray(area / (up[:, -1] * down[:, -1]))


def _ece(confidence: Floats, right: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the expected calibration error over equal bins (Guo et al., 2017)."""
    total = weights.sum(axis=1)
    error = np.zeros(len(weights))
    for chosen in _bins(confidence):
        error += np.abs(weights[:, chosen] @ (right[chosen] - confidence[chosen]))
    return np.asarray(error / total)


def _bins(confidence: Floats) -> list[Ints]:
    number = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return [np.flatnonzero(number == b) for b in range(ECE_BINS)]


def reliability(answers: TypeAnswers) -> list[dict[str, float]]:
    """Return, per bin of confidence that holds a picture: ``confidence``, ``accuracy`` (means) and ``n``."""
    confidence, right = answers.probabilities.max(axis=1), answers.truth == answers.answer
    return [
        {"confidence": float(confidence[b].mean()), "accuracy": float(right[b].mean()), "n": len(b)}
        for b in _bins(confidence)
        if len(b)
    ]


def render_type_scores(scores: Sequence[TypeScore]) -> str:
    """Return the table for people: the scores over all classes, and the classification report (S3-26)."""
    lines = [f"{s.metric:<12} {_shown(s)}  n {s.n}, groups {s.n_groups}" for s in scores if s.region == "all"]
    rows = [s for s in scores if s.region != "all"]
    width = max((len(s.region) for s in rows), default=0)
    lines += ["", f"{'class':<{width}}  {'n':>5}  " + "  ".join(f"{m:<22}" for m in PER_CLASS)]
    for name in dict.fromkeys(s.region for s in rows):
        own = {s.metric: s for s in rows if s.region == name}
        cells = "  ".join(f"{_shown(own[m]):<22}" for m in PER_CLASS)
        lines.append(f"{name:<{width}}  {own['f1'].n:>5}  {cells}")
    return "\n".join(line.rstrip() for line in lines)


def _shown(score: TypeScore) -> str:
    if score.value is None:
        return "not defined"
    low, high = score.ci95
    return f"{score.value:.4f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")
