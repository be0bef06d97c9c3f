"""How well readers tell synthetic from real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from tumorscope.core.errors import InputError

ANSWERS = ("real", "synthetic")


@dataclass(frozen=True)
class ReaderScore:
    """One reader's, or all readers', result.

    Attributes:
        reader: Name; "all" for all together.
        answered: Number of answers.
        accuracy: Share that is right; 0.5 is guessing where both kinds are equally many.
        interval: 95 % interval of it (Clopper-Pearson; answers of all readers on one image are not independent, so
            that of "all" is somewhat too narrow).
        sensitivity: Share of synthetic images called synthetic.
        specificity: Share of real images called real.
        p_guessing: Two-sided binomial p of such an accuracy under guessing.
    """

    reader: str
    answered: int
    accuracy: float
    interval: tuple[float, float]
    sensitivity: float | None
    specificity: float | None
    p_guessing: float


def score_reader(reader: str, pairs: Sequence[tuple[str, str]]) -> ReaderScore:
    """Score answers.

    Args:
        reader: Name.
        pairs: Truth and answer of each image, ``real`` or ``synthetic``.

    Raises:
        InputError: if there is no answer.
    """
    if not pairs:
        raise InputError(expected="at least one answer", found=f"none of {reader}", fix="Fill in the form and save it")
    right = sum(truth == answer for truth, answer in pairs)
    test = binomtest(right, len(pairs), 0.5)
    low, high = test.proportion_ci()
    shares: Mapping[str, float | None] = {kind: _share(pairs, kind) for kind in ANSWERS}
    return ReaderScore(
        reader,
        len(pairs),
        right / len(pairs),
        (float(low), float(high)),
        shares["synthetic"],
        shares["real"],
        float(test.pvalue),
    )


def _share(pairs: Sequence[tuple[str, str]], kind: str) -> float | None:
    answers = [answer == kind for truth, answer in pairs if truth == kind]
    return sum(answers) / len(answers) if answers else None
