"""Which volume of a DICOM study is which sequence, and which one is used where several could be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.formats.dicom import DicomVolume, read_volume
from tumorscope.study.classify import assign, log_probabilities
from tumorscope.study.tags import Recognised, recognise_tags

#: Tags this sure are believed; below it the image is asked too.
SURE = 0.85
#: The image must be this sure where the tags say nothing.
IMAGE_SURE = 0.7
#: A scan has at least this many slices.
MIN_SLICES = 8


@dataclass(frozen=True, eq=False)
class Candidate:
    """A volume and what it is taken for."""

    volume: DicomVolume
    told: Recognised

    @property
    def rank(self) -> tuple[Any, ...]:
        """Smaller is better: sure, original, fine voxels, axial, large, early in the study."""
        tags = self.volume.tags
        edges = np.linalg.norm(self.volume.affine[:3, :3], axis=0)
        normal = int(np.abs(self.volume.affine[:3, 2] / edges[2]).argmax())
        isotropic = float(max(edges)) <= 1.5
        return (
            self.told.confidence < SURE,
            "DERIVED" in tags.image_type,
            not isotropic and normal != 2,
            round(float(max(edges)) / 0.5),
            round(float(np.prod(edges)), 1),
            -int(np.prod(self.volume.shape)),
            self.volume.number if self.volume.number is not None else 1 << 30,
        )


@dataclass(frozen=True, eq=False)
class Chosen:
    """The volumes of one study that are used.

    Attributes:
        volumes: Sequence → volume.
        notes: What was used and why, what was not, one sentence each.
        record: The same for machines: one entry per volume of the study.
    """

    volumes: dict[Sequence, DicomVolume]
    notes: list[str] = field(default_factory=list)
    record: list[dict[str, Any]] = field(default_factory=list)


def choose_volumes(volumes: tuple[DicomVolume, ...], look: Callable[[DicomVolume], Array] | None = None) -> Chosen:
    """Tell every volume's sequence and choose one volume per sequence.

    Tags decide where they are sure. Others are looked at: their images are given, together, the sequences that are most
    probable. Of several volumes of one sequence the surest is used, then an original one, isotropic
    or axial, with the smallest voxels.

    Args:
        volumes: Of one study.
        look: Volume → log-probabilities of the four sequences; default reads and classifies the image.
    """
    usable = [v for v in volumes if not v.unusable and v.shape[2] >= MIN_SLICES]
    told = {id(v): recognise_tags(v.tags) for v in usable}
    _with_contrast_by_order(usable, told)
    _by_image([v for v in usable if not told[id(v)].other], told, look or look_at)
    candidates = [Candidate(v, told[id(v)]) for v in usable]
    chosen: dict[Sequence, DicomVolume] = {}
    notes, record = [], []
    for sequence in Sequence:
        ranked = sorted((c for c in candidates if c.told.sequence is sequence), key=lambda c: c.rank)
        if ranked:
            chosen[sequence] = ranked[0].volume
            notes.append(_used(sequence, ranked))
    for volume in volumes:
        what = told.get(id(volume)) or Recognised(None, 0.0, _why_not(volume), "not used")
        record.append(_entry(volume, what, volume in chosen.values()))
        notes += list(volume.notes) if volume in chosen.values() else []
    rest = [v for v in volumes if v not in chosen.values() and not (id(v) in told and told[id(v)].sequence)]
    if rest:
        notes.append("Not used: " + "; ".join(f"{v.name}, {_what(v, told)}" for v in rest) + ".")
    return Chosen(chosen, notes, record)


def look_at(volume: DicomVolume) -> Array:
    """Read a volume and return the log-probabilities of the four sequences; all equal where it cannot be looked at."""
    from tumorscope.study.brain import brain_mask
    from tumorscope.study.state import has_skull

    try:
        image = read_volume(volume)
        mask: Image | None = brain_mask(image) if has_skull(image) else None
    except InputError:
        return np.full(len(Sequence), -np.log(len(Sequence)))
    return log_probabilities(image, mask)


def _with_contrast_by_order(volumes: list[DicomVolume], told: dict[int, Recognised]) -> None:
    """Two T1 volumes alike, neither of which says anything of contrast: which is which, the image must tell."""
    silent = [
        v for v in volumes if told[id(v)].sequence is Sequence.T1 and v.tags.contrast_agent is None
        and "no contrast agent is named" in told[id(v)].reason
    ]  # fmt: skip
    if not any(told[id(v)].sequence is Sequence.T1CE for v in volumes):
        for volume in silent:
            found = told[id(volume)]
            told[id(volume)] = replace(found, confidence=min(found.confidence, 0.6))
    else:
        for volume in silent:
            found = told[id(volume)]
            reason = f"{found.reason[:-1]}, and another series of the study has one."
            told[id(volume)] = replace(found, confidence=0.9, reason=reason)


def _by_image(volumes: list[DicomVolume], told: dict[int, Recognised], look: Callable[[DicomVolume], Array]) -> None:
    """Look at the volumes whose tags are not sure, and settle them together."""
    unsure = [v for v in volumes if told[id(v)].confidence < SURE]
    taken = {told[id(v)].sequence for v in volumes if told[id(v)].confidence >= SURE}
    free = [s for s in Sequence if s not in taken]
    if not unsure or not free:
        return
    unsure = unsure[: 2 * len(Sequence)]
    scores = {id(v): look(v) + _prior(told[id(v)]) for v in unsure}
    together = assign([scores[id(v)] for v in unsure], free) if len(unsure) <= len(free) else None
    for k, volume in enumerate(unsure):
        before = told[id(volume)]
        sequence, sure = together[k] if together else _alone(scores[id(volume)], free)
        if sure >= IMAGE_SURE:
            start = f"{before.reason[:-1]}; " if before.sequence else ""
            reason = f"{start}{'the' if start else 'The'} image looks like {sequence} ({sure:.0%})."
            told[id(volume)] = Recognised(sequence, round(sure, 3), reason)
        elif before.sequence is None:
            told[id(volume)] = Recognised(None, round(sure, 3), f"{before.reason[:-1]}; nor does the image.", "unknown")


def _prior(told: Recognised) -> Array:
    """What unsure tags say, as log-probabilities to be added to the image's."""
    prior = np.zeros(len(Sequence))
    if told.sequence is not None:
        family = (Sequence.T1, Sequence.T1CE) if told.sequence in (Sequence.T1, Sequence.T1CE) else (told.sequence,)
        for k, sequence in enumerate(Sequence):
            prior[k] = 0.0 if sequence in family else -4.0
    return prior


def _alone(score: Array, free: list[Sequence]) -> tuple[Sequence, float]:
    best, chance = assign([score], free)[0]
    return best, chance


def _used(sequence: Sequence, ranked: list[Candidate]) -> str:
    first, *others = ranked
    sentence = f"{sequence}: {first.volume.name}. {first.told.reason[:-1]} (confidence {first.told.confidence:.2f})."
    if others:
        names = ", ".join(c.volume.name for c in others)
        sentence += f" Preferred to {names}: {_why_preferred(first, others[0])}."
    return sentence


def _why_preferred(first: Candidate, second: Candidate) -> str:
    words = (
        "surer",
        "original, not derived",
        "isotropic or axial",
        "finer voxels",
        "finer voxels",
        "larger",
        "earlier",
    )
    for mine, other, word in zip(first.rank, second.rank, words, strict=True):
        if mine != other:
            return word
    return "first of its kind"


def _why_not(volume: DicomVolume) -> str:
    return volume.unusable or f"only {volume.shape[2]} slices"


def _what(volume: DicomVolume, told: dict[int, Recognised]) -> str:
    found = told.get(id(volume))
    return _why_not(volume) if found is None else found.other or "sequence unknown"


def _entry(volume: DicomVolume, told: Recognised, used: bool) -> dict[str, Any]:
    return {
        "series": volume.name,
        "sequence": told.sequence.value if told.sequence else None,
        "confidence": told.confidence,
        "reason": told.reason,
        "other": told.other or None,
        "used": used,
        "shape": list(volume.shape),
        "spacing": [round(float(v), 4) for v in np.linalg.norm(volume.affine[:3, :3], axis=0)],
    }
