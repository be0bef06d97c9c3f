"""Pictures (PNG, JPEG, TIFF) → the sequences of a case: one picture, or the slices of one patient."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.lgg import CHANNELS, name_channels
from tumorscope.datasets.names import sequence_of, stem

_COLOUR_NOTE = f"Colour channels were read as {', '.join(CHANNELS)}, as in the LGG data set (no sequence was stated)."

_ONE_PATIENT_NOTE = (
    "The pictures were taken as the slices of one patient, in the order of their numbers; pictures of different "
    "patients must be given one by one."
)


@dataclass(frozen=True)
class PictureReader:
    """Reads the pictures of one case.

    Attributes:
        groups: The sequence the files hold (None: colour channels, to be named) and the files, one per slice.
    """

    groups: tuple[tuple[Sequence | None, tuple[Path, ...]], ...]

    def __call__(self, case: Case, sequences: tuple[Sequence, ...]) -> Case:
        """Return ``case`` with its images in memory.

        Raises:
            InputError: if a file cannot be read, or a grey picture's sequence is not known.
            GeometryError: if the sequences differ in size.
        """
        images: dict[Sequence, Image] = {}
        notes = list(case.notes)
        for sequence, files in self.groups:
            found, said = _read_group(sequence, files)
            images.update(found)
            notes += said
        shapes = {s: image.shape for s, image in images.items()}
        if len(set(shapes.values())) > 1:
            raise GeometryError(
                expected=f"all sequences of {case.id} of one size",
                found=", ".join(f"{s} {'×'.join(map(str, shape))}" for s, shape in shapes.items()),
                fix="Register and resample the sequences to one of them first",
            )
        kept: dict[Sequence, Image | Path] = {s: images[s] for s in Sequence if s in images and s in sequences}
        return replace(case, images=kept, notes=notes, reader=None)

    @property
    def files(self) -> dict[str, tuple[Path, ...]]:
        """Sequences in words → files."""
        return {str(s or "+".join(CHANNELS)): files for s, files in self.groups}


def picture_case(name: str, files: Iterable[Path], sequence: Sequence | None) -> Case:
    """Return the case that pictures of one patient make.

    Names that differ by their numbers only are slices of one sequence; names that tell different sequences are those.

    Args:
        name: Case id.
        files: Pictures without masks.
        sequence: What they show where the name does not tell; None leaves colour pictures to the LGG convention.

    Raises:
        InputError: if the names fit neither pattern.
    """
    grouped: dict[Sequence | None, list[Path]] = defaultdict(list)
    files = list(files)
    for path in files:
        named = None if sequence is not None and len(files) == 1 else sequence_of(path)
        grouped[named or sequence].append(path)
    for found, paths in grouped.items():
        patterns = {re.sub(r"\d+", "#", stem(p)) for p in paths}
        if len(patterns) > 1 or (len(paths) > 1 and "#" not in patterns.pop()):
            raise InputError(
                expected="slices of one patient (names that differ by their numbers only), or one file per sequence",
                found=f"{len(paths)} files for {found or 'an unknown sequence'}: {_some(paths)}",
                fix="Put each patient into a folder of its own, or give the files one by one",
            )
    if None in grouped and len(grouped) > 1:
        odd = grouped.pop(None)
        notes = [f"{p.name} was passed over: its name tells no sequence." for p in odd]
    else:
        notes = []
    if any(len(paths) > 1 and not _named_after(name, paths) for paths in grouped.values()):
        notes.append(_ONE_PATIENT_NOTE)
    reader = PictureReader(tuple((s, tuple(p)) for s, p in grouped.items()))
    sequences = [s for group in grouped for s in (CHANNELS if group is None else (group,))]
    images: dict[Sequence, Image | Path] = {s: files[0].parent for s in Sequence if s in sequences}
    return Case(name, name, images, notes=notes, reader=reader)


def _named_after(case: str, paths: list[Path]) -> bool:
    """Whether every picture's name begins with that of its case, as in the LGG data set."""
    return all(path.name.startswith(case) for path in paths)


def _some(paths: list[Path]) -> str:
    return ", ".join(p.name for p in paths[:3]) + (", …" if len(paths) > 3 else "")


def _read_group(sequence: Sequence | None, files: tuple[Path, ...]) -> tuple[dict[Sequence, Image], list[str]]:
    from tumorscope.formats import read_channels, stack_slices

    channels = read_channels(files[0]) if len(files) == 1 else stack_slices(files)
    where = files[0] if len(files) == 1 else files[0].parent
    if sequence is not None and len(channels) == 1:
        return {sequence: channels[0]}, []
    if sequence is not None:
        mean = np.asarray(np.mean([c.data for c in channels], axis=0, dtype=np.float32))
        return {sequence: channels[0].with_data(mean)}, [f"{where.name} is coloured: its channels were averaged."]
    if len(channels) == 3:
        images, notes = name_channels(channels)
        return images, [_COLOUR_NOTE, *notes]
    raise InputError(
        expected="to know which sequence the picture shows",
        found=f"a grey picture whose name does not tell: {where}",
        fix="State it with --sequence T1, T1CE, T2 or FLAIR",
        option="--sequence",
    )
