"""What pictures show of one case: its sequences, the expert's map, a model's map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence

#: Sequences in the order of their use for looking at glioma.
PREFERRED = (Sequence.FLAIR, Sequence.T1CE, Sequence.T2, Sequence.T1)


@dataclass(frozen=True, eq=False)
class Study:
    """One case as pictures show it.

    Attributes:
        id: Name in titles.
        images: Sequence → Image, all on one grid; at least one.
        truth: The expert's label map on that grid, where there is one.
        predict: Returns the model's label map on that grid; called once, and only by figures that show it.
        fallback: As ``predict``, asked only by figures that cannot do without a model.
        model: What made it, in words.
        seen: Whether the model was trained or validated on this case.
    """

    id: str
    images: Mapping[Sequence, Image]
    truth: Segmentation | None = None
    predict: Callable[[], Segmentation] | None = field(default=None, repr=False)
    fallback: Callable[[], Segmentation] | None = field(default=None, repr=False)
    model: str = "model"
    seen: bool = False

    @cached_property
    def _predicted(self) -> Segmentation | None:
        predict = self.predict or self.fallback
        return None if predict is None else predict()

    @property
    def prediction(self) -> Segmentation:
        """The model's label map.

        Raises:
            InputError: if there is none.
        """
        if self._predicted is None:
            raise InputError(
                expected=f"a prediction for {self.id}",
                found="none",
                fix="Name a model with --bundle",
                option="with --bundle",
            )
        return self._predicted

    @property
    def reference(self) -> Segmentation:
        """The expert's label map.

        Raises:
            InputError: if there is none.
        """
        if self.truth is None:
            raise InputError(
                expected=f"a reference label map (segmentation by an expert) for {self.id}",
                found="none",
                fix="Choose a labelled case, or give the label map beside its scans",
            )
        return self.truth

    @property
    def marked(self) -> Segmentation:
        """The expert's label map, else the model's.

        Raises:
            InputError: if there is neither.
        """
        return self.reference if self.truth is not None or self.predict is None else self.prediction

    @property
    def marked_by(self) -> str:
        """Who drew :attr:`marked`."""
        return "reference" if self.truth is not None else self.model

    @property
    def probabilities(self) -> Mapping[str, Image]:
        """The model's probability maps.

        Raises:
            InputError: if the prediction has none.
        """
        maps = self.prediction.probabilities
        if not maps:
            raise InputError(
                expected=f"probability maps for {self.id}",
                found="a label map only",
                fix="Let a model compute them: name it with --bundle",
                option="with --bundle",
            )
        return maps

    def sequence(self, wanted: Sequence | None = None) -> Sequence:
        """Return ``wanted``, or the sequence that shows glioma best.

        Raises:
            UsageError: if the study lacks ``wanted``.
        """
        if wanted is None:
            return next(s for s in PREFERRED if s in self.images)
        if wanted not in self.images:
            raise UsageError(
                expected=f"a sequence that {self.id} has ({', '.join(s for s in Sequence if s in self.images)})",
                found=f"{wanted}",
                fix="Choose one of them",
            )
        return wanted

    def pair(self) -> tuple[Segmentation, Segmentation]:
        """Return the expert's and the model's map in one label scheme: the one that says less, where they differ.

        Raises:
            InputError: if one is missing.
            LabelError: if they mean different things.
        """
        truth, found = self.reference, self.prediction
        if truth.scheme == found.scheme:
            return truth, found
        if len(found.scheme.labels) < len(truth.scheme.labels):
            return in_scheme(truth, found.scheme), found
        return truth, in_scheme(found, truth.scheme)


def models_of(studies: Iterable[Study]) -> str:
    """Return what made the predictions, each once."""
    return "; ".join(dict.fromkeys(study.model for study in studies))


def warning_of(studies: Iterable[Study]) -> str:
    """Return a sentence that names the cases the model has seen in training; "" if there are none."""
    seen = [study.id for study in studies if study.seen]
    return (
        f"The model was trained or validated on {', '.join(seen)}: this shows nothing of new patients." if seen else ""
    )


def in_scheme(segmentation: Segmentation, scheme: LabelScheme) -> Segmentation:
    """Return a label map in the values of another scheme; of the probabilities those that keep their meaning.

    Raises:
        LabelError: if an occurring class has no counterpart.
    """
    labels = segmentation.labels.with_data(segmentation.scheme.convert(segmentation.labels.data, scheme))
    maps = segmentation.probabilities
    if len(scheme.labels) == 1 and "WT" in maps:
        maps = {scheme.labels[0].name: maps["WT"]}
    return Segmentation(labels, scheme, {name: image for name, image in maps.items() if name in _names(scheme)})


def _names(scheme: LabelScheme) -> set[str]:
    return {*scheme.targets, *(label.name for label in scheme.labels)}
