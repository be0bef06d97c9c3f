"""Slices as cases of their own, for the papers' slice-wise protocols (S0-22)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence


def as_slices(cases: Iterable[Case]) -> list[Case]:
    """Turn every slice (third axis) into a case ``<case>_z<index>`` of the same patient, read when needed.

    Cases of a single slice stay as they are.

    Args:
        cases: Labelled cases; their labels are read to count the slices.

    Raises:
        InputError: if a label cannot be read.
    """
    slices = []
    for case in cases:
        label = case.loaded(()).label
        assert isinstance(label, Image), "only labelled cases are divided"
        depth = label.shape[2]
        if depth == 1:
            slices.append(case)
            continue
        slices += [replace(case, id=slice_id(case.id, z), reader=SliceReader(case, z)) for z in range(depth)]
    return slices


def slice_id(case_id: str, z: int) -> str:
    """Return the id of slice ``z`` of a case."""
    return f"{case_id}_z{z:03d}"


@dataclass(frozen=True)
class SliceReader:
    """Reads one slice of a case.

    Attributes:
        parent: The whole case.
        index: Of the slice along the third axis.
    """

    parent: Case
    index: int

    @property
    def whole(self) -> Case:
        """The whole case with its images and label in memory."""
        return _read(self.parent, self.parent.sequences)

    def __call__(self, case: Case, sequences: tuple[Sequence, ...]) -> Case:
        """Return ``case`` with the images and label of its slice."""
        whole = _read(self.parent, sequences)
        images: dict[Sequence, Image | object] = {
            s: _slice(i, self.index) for s, i in whole.images.items() if isinstance(i, Image)
        }
        label = _slice(whole.label, self.index) if isinstance(whole.label, Image) else None
        return replace(case, images=images, label=label, scheme=whole.scheme, notes=whole.notes, reader=None)  # type: ignore[arg-type]


#: The case read last, by object and sequences: slices are asked for in order.
_last: dict[tuple[int, tuple[Sequence, ...]], tuple[Case, Case]] = {}


def _read(parent: Case, sequences: tuple[Sequence, ...]) -> Case:
    key = id(parent), sequences
    found = _last.get(key)
    if found is None or found[0] is not parent:
        found = parent, parent.loaded(sequences)
        _last.clear()
        _last[key] = found
    return found[1]


def _slice(image: Image, index: int) -> Image:
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, 2] * index
    return replace(image, data=image.data[:, :, index : index + 1], affine=affine)
