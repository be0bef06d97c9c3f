"""Kaggle "Brain Tumor MRI Dataset" (Nickparvar): 7023 pictures in four classes, for classification only.

``Training/`` and ``Testing/`` hold one folder each for ``glioma``, ``meningioma``, ``notumor`` and ``pituitary``
(S3-14); other spellings in use (``glioma_tumor``, ``no_tumor``, ``Test``) mean the same. What must be known:

- There are no masks and no patient ids. Each picture is a patient of its own here (``unit`` "slice"), so no split of
  these cases keeps patients apart, the release's least of all: many pictures of ``Testing`` are also in ``Training``,
  as they are, mirrored or re-saved (S3-16). Audit it before believing a score.
- The pictures with tumour are mostly contrast-enhanced T1 slices, copied, mirrored or cropped from Figshare's
  (:mod:`~tumorscope.datasets.figshare`). Those without tumour come from other sources and from several sequences, so
  a model can tell them apart without looking at a brain. All are called ``T1CE``, because nothing tells the others.
- Pictures are of many sizes and margins; some are in colour, with alpha or a palette. All are read as grey.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset

Part = Literal["train", "val", "test"]
#: Folder name (lower case) → the public release's folder name, and the part.
_PARTS: dict[str, tuple[str, Part]] = {
    **dict.fromkeys(("training", "train"), ("Training", "train")),
    **dict.fromkeys(("validation", "valid", "val"), ("Validation", "val")),
    **dict.fromkeys(("testing", "test"), ("Testing", "test")),
}
#: Folder name (letters only, lower case, without a final "tumor") → the public release's folder name, and the type.
_CLASSES: dict[str, tuple[str, str]] = {
    "glioma": ("glioma", "glioma"),
    "meningioma": ("meningioma", "meningioma"),
    "pituitary": ("pituitary", "pituitary"),
    **dict.fromkeys(("no", "normal", "healthy"), ("notumor", "no tumor")),
}
#: Weights of red, green and blue in luminance (ITU-R BT.601), of 65536; the same integers as Pillow's.
_LUMINANCE = np.array([19595, 38470, 7471], np.uint64)


@dataclass(frozen=True)
class _Picture:
    """One file, and what its folders say of it."""

    path: Path
    part: str
    release_part: Part
    kind: str
    tumor_type: str

    @property
    def names(self) -> tuple[str, ...]:
        """Ids it could have, shortest first: with the ending, then with its folders' own spelling where need be."""
        ending = self.path.suffix[1:].lower()
        short = f"{self.part}_{self.kind}_{self.path.stem}"
        own = "_".join((*self.path.parts[-3:-1], self.path.stem, self.path.suffix[1:]))
        return short, f"{short}_{ending}", own


def find(root: Path) -> list[Case]:
    """Find the pictures of every class folder in the part folders at, or at most two levels below, ``root``.

    Raises:
        InputError: if there are two copies of the data set, or a folder of pictures beside the known classes is not
            one of them.
    """
    for depth in ("", "*", "*/*"):
        places = sorted(p for p in root.glob(depth) if p.name[0] not in "._") if depth else [root]
        copies = [folder for folder in places if _class_folders(folder)]
        if len(copies) > 1:
            raise InputError(
                expected=f"one copy of 'four_class' below {root}",
                found=f"{', '.join(map(str, copies[:3]))}",
                fix="Point --data at one of them",
                option="--data",
            )
        if copies:
            return [_case(name, picture) for name, picture in _named(_pictures(copies[0]))]
    return []


def _below(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] not in "._"] if folder.is_dir() else []


def _class_of(folder: Path) -> tuple[str, str] | None:
    letters = re.sub(r"[^a-z]", "", folder.name.lower())
    return _CLASSES.get(re.sub(r"tumou?rs?$", "", letters))


def _class_folders(folder: Path) -> list[tuple[Path, Path]]:
    """Return (part, class folder) of every folder in a part folder that has a known class; ``folder`` may be a part."""
    own = [folder] if folder.name.lower() in _PARTS else []
    parts = [p for p in _below(folder) if p.name.lower() in _PARTS] or own
    return [(part, below) for part in parts if any(map(_class_of, _below(part))) for below in _below(part)]


def _pictures(folder: Path) -> Iterable[_Picture]:
    from tumorscope.formats import is_image_file

    for part, below in _class_folders(folder):
        files = [p for p in sorted(below.iterdir()) if is_image_file(p) and p.is_file()]
        found = _class_of(below)
        if found is None and files:
            raise InputError(
                expected=f"folders of {', '.join(dict.fromkeys(name for name, _ in _CLASSES.values()))} in {part}",
                found=f"{len(files)} pictures in {below.name}",
                fix="Rename the folder to the class it is, or move it away",
            )
        for path in files:
            assert found is not None
            yield _Picture(path, *_PARTS[part.name.lower()], *found)


def _named(pictures: Iterable[_Picture]) -> list[tuple[str, _Picture]]:
    """Give each picture the shortest of its names that no other one has, whatever their case."""
    named: list[tuple[str, _Picture]] = []
    left = list(pictures)
    for length in range(3):
        groups: dict[str, list[_Picture]] = defaultdict(list)
        for picture in left:
            groups[picture.names[length].casefold()].append(picture)
        last = length == 2
        named += [(p.names[length], p) for group in groups.values() if last or len(group) == 1 for p in group]
        left = [p for group in groups.values() if len(group) > 1 for p in group]
    return named


def _case(name: str, picture: _Picture) -> Case:
    return Case(
        id=name,
        patient=name,
        unit="slice",
        images={Sequence.T1CE: picture.path},
        tumor_type=picture.tumor_type,
        release_part=picture.release_part,
        reader=read,
    )


def read(case: Case, sequences: tuple[Sequence, ...]) -> Case:
    """Read the picture as grey.

    Raises:
        InputError: if it cannot be read.
    """
    from tumorscope.formats import read_channels

    path = case.images[Sequence.T1CE]
    assert isinstance(path, Path)
    channels = read_channels(path)
    if len(channels) not in (1, 3):
        raise InputError(
            expected="a picture in grey or colour",
            found=f"{len(channels)} channels in {path}",
            fix="Save it in grey",
        )
    image = channels[0] if len(channels) == 1 else channels[0].with_data(luminance([c.data for c in channels]))
    images: dict[Sequence, Image | Path] = dict.fromkeys(sequences, image)
    return replace(case, images=images, reader=None)


def luminance(channels: Items[Array]) -> Array:
    """Return the grey of red, green and blue (ITU-R BT.601), exact to the nearest whole number, in their own type.

    Args:
        channels: Three arrays of one shape; unsigned integers of 8 or 16 bit, or numbers of another type, whose grey
            is not rounded.
    """
    kind = channels[0].dtype
    if kind not in (np.uint8, np.uint16):
        shares = _LUMINANCE / 65536
        return np.asarray(sum(c * s for c, s in zip(channels, shares, strict=True)), dtype=np.float32)
    weighted = [c.astype(np.uint64) * w for c, w in zip(channels, _LUMINANCE, strict=True)]
    return np.asarray((sum(weighted) + np.uint64(32768)) >> np.uint64(16), dtype=kind)


DATASET = Dataset(
    name="four_class",
    title="Kaggle Brain Tumor MRI Dataset, single slices with a tumour type and no masks (most T1CE, no tumour: mixed)",
    sequences=(Sequence.T1CE,),
    licence="CC0 1.0",
    citation="Nickparvar M. Brain Tumor MRI Dataset. Kaggle 2021, doi:10.34740/kaggle/dsv/2645886. "
    "Many pictures: Cheng J. figshare 2017, doi:10.6084/m9.figshare.1512427 (CC BY 4.0).",
    find=find,
    sliced=True,
)
