"""What a data set is, and how its cases are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.image import Image
from tumorscope.core.labels import LabelScheme, detect_scheme, label_values
from tumorscope.core.sequence import Sequence


@dataclass(frozen=True)
class Dataset:
    """One public data set.

    Attributes:
        name: Its name everywhere (``--dataset``).
        title: One line for people.
        sequences: What its cases hold.
        licence: Under which its data, and weights trained on it, may be used.
        citation: Whom to cite.
        find: ``root -> cases``; gives an empty list when ``root`` holds none.
        sliced: True where the slice, not only the patient, is a usual unit of scores.
        commercial: False when the licence forbids commercial use.
    """

    name: str
    title: str
    sequences: tuple[Sequence, ...]
    licence: str
    citation: str
    find: Callable[[Path], list[Case]]
    sliced: bool = False
    commercial: bool = True

    def discover(self, root: str | Path) -> list[Case]:
        """Find the cases below ``root``, sorted by id.

        Raises:
            InputError: if ``root`` is not a folder, holds no case, or holds two cases of one id.
        """
        root = Path(root)
        if not root.is_dir():
            raise InputError(
                expected=f"a folder with '{self.name}' data",
                found=f"no folder at {root}",
                fix="Check --data",
                option="--data",
            )
        cases = sorted(self.find(root), key=lambda c: c.id)
        if not cases:
            raise InputError(
                expected=f"cases of '{self.name}' ({self.title}) below {root}",
                found="none",
                fix="Point --data at the folder as downloaded or a parent of it",
                option="--data",
            )
        ids = [c.id for c in cases]
        repeated = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
        if repeated:
            raise InputError(
                expected="each case once",
                found=f"{', '.join(repeated[:3])} more than once below {root}",
                fix="Name one copy",
            )
        return cases


def absolute(path: Path) -> Path:
    """Return ``path`` from the root, links kept: a linked case is called as the link is, not as its target."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve follows links, Path.absolute keeps ".."


def read_volumes(case: Case, sequences: tuple[Sequence, ...], *, one_grid: bool = True) -> Case:
    """Read a case whose images and label are one file each, and check that they share a grid.

    Args:
        case: As discovered.
        sequences: Those to read.
        one_grid: False for raw studies, whose sequences are registered later: then any grids will do.

    Raises:
        InputError: if a file cannot be read or its label is not a label map.
        GeometryError: if a sequence or the label lies on another grid.
    """
    images = {s: _as_image(case.images[s]) for s in sequences}
    label = None if case.label is None else _as_image(case.label)
    grids = [*images.items(), *([("label", label)] if label is not None else [])]
    for name, image in grids[1:] if one_grid else ():
        if not image.same_grid(grids[0][1]):
            raise GeometryError(
                expected=f"all files of {case.id} on one grid ({grids[0][0]}: {grids[0][1].shape})",
                found=f"{name} with shape {image.shape} or another affine",
                fix="Register and resample the sequences to one of them first",
            )
    scheme = case.scheme
    if label is not None:
        label = integer_labels(label)
        values = [int(v) for v in label_values(label.data) if v != case.ignore_value]
        scheme = scheme or detect_scheme(values, hint=label.source.name if label.source else case.id)
        scheme.check(values, where=str(label.source or case.id))
    return replace(case, images=dict(images), label=label, scheme=scheme, reader=None)


def _as_image(source: Image | Path) -> Image:
    from tumorscope.formats import read_image

    return source if isinstance(source, Image) else read_image(source)


def integer_labels(label: Image) -> Image:
    """Return a label map as uint8.

    Raises:
        InputError: if it holds fractions.
        LabelError: if a value is not from 0 to 255.
    """
    if label.data.dtype == np.uint8:
        return label
    whole = np.rint(label.data) if label.data.dtype.kind == "f" else label.data
    if label.data.dtype.kind == "f" and np.abs(label.data - whole).max() > 1e-3:
        raise InputError(
            expected="whole numbers in a label map",
            found=f"fractions in {label.source}",
            fix="Give the label map, not a probability",
        )
    if whole.min() < 0 or whole.max() > 255:
        raise LabelError(
            expected="label values from 0 to 255",
            found=f"{whole.min():g} to {whole.max():g} in {label.source}",
            fix="Give the label map",
        )
    return label.with_data(whole.astype(np.uint8))


def scheme_of(case: Case) -> LabelScheme | None:
    """Return the case's scheme, reading its label if it must."""
    if case.scheme is not None or case.label is None:
        return case.scheme
    return case.loaded(()).scheme
