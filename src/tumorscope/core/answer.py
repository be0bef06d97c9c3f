"""The tumour type of one case, as a classifier gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: The type that says there is none.
NO_TUMOR = "no tumor"


@dataclass(frozen=True)
class TypeAnswer:
    """One answer for one case.

    Attributes:
        probabilities: Type → calibrated probability; they add up to 1.
        foreign: How unlike the training pictures this one is: above 1 is beyond the limit; None where not measured.
        abstain_below: Probability below which there is no answer.
        slices: Of a volume: the slices that were asked, along its third axis; empty for a single picture.
        looks_like: Sequence that the picture seems to show, where that alone makes it foreign; else None.
    """

    probabilities: Mapping[str, float]
    foreign: float | None = None
    abstain_below: float = 0.0
    slices: tuple[int, ...] = ()
    looks_like: str | None = None

    @property
    def best(self) -> str:
        """The most probable type."""
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.probabilities[self.best]

    @property
    def is_foreign(self) -> bool:
        """Whether the picture is unlike those the classifier was trained on: its probabilities then mean nothing."""
        return self.foreign is not None and self.foreign > 1

    @property
    def type(self) -> str | None:
        """The answer, or None where there is none: a foreign picture, or too little confidence."""
        return None if self.is_foreign or self.confidence < self.abstain_below else self.best

    @property
    def sentence(self) -> str:
        """The answer for people."""
        if self.is_foreign and self.looks_like:
            return f"not classified: looks like {self.looks_like}, which the model never saw"
        if self.is_foreign:
            return f"not classified: unlike the pictures the model was trained on ({self.foreign:.1f} times the limit)"
        if self.type is None:
            return (
                f"no answer: {self.best} is most probable with {self.confidence:.2f}, below the limit of "
                f"{self.abstain_below:.2f}"
            )
        return f"{self.best}, probability {self.confidence:.2f}"
