"""What the checks look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tumorscope.audit.case_scan import CaseScan
from tumorscope.audit.numbers import picture_number
from tumorscope.audit.pairs import Ints, Pairs, Pictures, similar_pairs
from tumorscope.audit.persons import persons
from tumorscope.baselines.mask_crop import MaskCrop
from tumorscope.baselines.slice_set import SliceSet
from tumorscope.core.labels import BRATS, SCHEMES, LabelScheme, custom_scheme
from tumorscope.datasets.slicewise import slice_id
from tumorscope.datasets.splits import PARTS, Part

#: Of two volumes at least this many slices, and this share of the smaller one's, must look alike to count as copies.
_LEAST_SLICES, _LEAST_SHARE = 3, 0.3


@dataclass(frozen=True, eq=False)
class Audited:
    """A data set that was scanned, divided into parts or not.

    Slices are numbered through: those of the first case, of the second, and so on.

    Attributes:
        name: Data set name.
        title: One line for people.
        scans: Its cases.
        sequences: What its cases should hold.
        parts: Case or slice id → part; empty without a split.
        unit: What the split kept together; "" without a split.
        origin: Where the split comes from, in words.
        sliced: Whether the slice is a usual unit of scores of this data set.
        others: Data sets to compare with, by name.
    """

    name: str
    title: str
    scans: Sequence[CaseScan]
    sequences: tuple[str, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    unit: str = ""
    origin: str = ""
    sliced: bool = False
    others: Mapping[str, Audited] = field(default_factory=dict)

    @cached_property
    def case(self) -> Ints:
        """Case of each slice: index into ``scans``, (N,)."""
        return np.repeat(np.arange(len(self.scans)), [len(s.slices) for s in self.scans])

    @cached_property
    def z(self) -> Ints:
        """Position of each slice in its case, (N,)."""
        runs = [np.arange(len(s.slices)) for s in self.scans]
        return np.concatenate(runs) if runs else np.zeros(0, np.int64)

    @cached_property
    def part(self) -> npt.NDArray[np.int8]:
        """Part of each slice: index into ``PARTS``, -1 for none, (N,)."""
        number = {part: i for i, part in enumerate(PARTS)}
        codes = []
        for scan in self.scans:
            whole = self.parts.get(scan.id)
            found = [whole] * len(scan.slices) if whole else _parts_of_slices(scan, self.parts)
            codes += [-1 if p is None else number[p] for p in found]
        return np.array(codes, dtype=np.int8)

    @cached_property
    def case_parts(self) -> list[set[Part]]:
        """Parts in which each case lies: more than one where slices were divided."""
        found: list[set[Part]] = [{self.parts[s.id]} if s.id in self.parts else set() for s in self.scans]
        for case, part in set(zip(self.case.tolist(), self.part.tolist(), strict=True)):
            if part >= 0:
                found[case].add(PARTS[part])
        return found

    @cached_property
    def person(self) -> Ints:
        """Patient of each case, as a number that cases of one patient share whatever they are called, (cases,)."""
        return persons([s.names for s in self.scans], [s.patient for s in self.scans])

    @cached_property
    def foreground(self) -> Ints:
        """Labelled pixels of each slice, (N,); 0 where there is no label."""
        counts = [s.slices.counts.sum(axis=1) if s.labelled else np.zeros(len(s.slices)) for s in self.scans]
        return np.concatenate(counts).astype(np.int64) if counts else np.zeros(0, np.int64)

    @cached_property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Whether each slice has a label map, (N,)."""
        return np.array([s.labelled for s in self.scans], np.bool_)[self.case]

    @property
    def blocks(self) -> bool:
        """Whether patient ids are missing and blocks of neighbouring numbers stand for them."""
        return any(s.unit == "block" for s in self.scans)

    @property
    def split_advice(self) -> str:
        """What to do about a split that leaks."""
        unit = (
            "Patient ids are missing here, so split by block of neighbouring numbers"
            if self.blocks
            else "Split by patient"
        )
        return f"{unit}: tumorscope split --dataset {self.name} --data DIR -o DIR."

    @property
    def divided(self) -> bool:
        """Whether there is a training part and another one."""
        return len(set(self.parts.values())) > 1

    @cached_property
    def pictures(self) -> Pictures:
        """Descriptions of all slices."""
        slices = [s.slices for s in self.scans]
        return Pictures(
            np.concatenate([s.bits for s in slices]),
            np.concatenate([s.small for s in slices]),
            np.concatenate([s.usable for s in slices]),
        )

    @cached_property
    def pixels(self) -> npt.NDArray[np.uint64]:
        """Pixel hash of each slice, (N,)."""
        return np.concatenate([s.slices.pixels for s in self.scans])

    @cached_property
    def copies(self) -> Pairs:
        """Pairs of slices of different cases that look the same."""
        pairs = similar_pairs(self.pictures, wanted=lambda a, b: self.case[a][:, None] != self.case[b][None, :])
        return pairs.take(credible(self, self, pairs))

    def copies_of(self, other: Audited) -> Pairs:
        """Return the pairs of a slice of this data set (first) and one of another (second) that look the same."""
        pairs = similar_pairs(self.pictures, other.pictures)
        return pairs.take(credible(self, other, pairs))

    @cached_property
    def scheme(self) -> LabelScheme | None:
        """Label scheme of all labelled cases; where releases of BraTS are mixed, the one they can be converted to."""
        names = {s.scheme for s in self.scans if s.scheme}
        if names == {"custom"}:
            return custom_scheme({v: f"value {v}" for s in self.scans for v in s.values})
        found = [SCHEMES.get(name) for name in sorted(names)]
        if len(found) == 1:
            return found[0]
        known = {label.name for s in found if s for label in s.labels}
        glioma = found and all(s is not None and set(s.regions) == set(BRATS.regions) for s in found)
        return BRATS if glioma and "RC" not in known else None

    def in_part(self, part: Part) -> Ints:
        """Return the numbers of the slices of a part."""
        return np.flatnonzero(self.part == PARTS.index(part))

    def part_size(self, part: Part) -> int:
        """Return how many slices a part has."""
        return len(self.in_part(part))

    def slice_set(self, chosen: Ints) -> SliceSet:
        """Return slices as the baselines take them."""
        scans = [self.scans[c] for c in self.case[chosen]]
        z = self.z[chosen]
        alone = len(self.case) == len(self.scans)
        numbers = [(picture_number(s.id) or 0) if alone else int(i) for s, i in zip(scans, z, strict=True)]
        frames = [s.slices.frame[i] for s, i in zip(scans, z, strict=True)]
        masks = [self._mask(s, int(i)) for s, i in zip(scans, z, strict=True) if s.labelled]
        types = [s.tumor_type for s in scans]
        return SliceSet(
            [s.id for s in scans],
            [str(self.person[c]) for c in self.case[chosen]],
            [s.patient if alone else s.id for s in scans],
            np.array(numbers, dtype=np.int64),
            np.stack(frames) if frames else np.zeros((0, 1, 1), np.uint8),
            masks,
            [] if None in types else [str(t) for t in types],
        )

    def _mask(self, scan: CaseScan, z: int) -> MaskCrop:
        """Return a label slice in the values of :attr:`scheme`."""
        mask = scan.slices.masks[z]
        if self.scheme is None or scan.scheme == self.scheme.name or not mask.labels.size:
            return mask
        return replace(mask, labels=SCHEMES[scan.scheme].convert(mask.labels, self.scheme))

    def place(self, index: int, name: str = "") -> tuple[str, str, int]:
        """Return a slice as an example shows it."""
        return name, self.scans[self.case[index]].id, int(self.z[index])

    def slice_name(self, index: int) -> str:
        """Return a slice for people: case, and slice number from 1 where the case has several."""
        scan = self.scans[self.case[index]]
        return scan.id if len(scan.slices) == 1 else f"{scan.id} slice {self.z[index] + 1}"


def _parts_of_slices(scan: CaseScan, parts: Mapping[str, Part]) -> list[Part | None]:
    """Return the part of each axial slice; slices are named along the file's third axis, which may run downwards."""
    found = [parts.get(slice_id(scan.id, z)) for z in range(len(scan.slices))]
    axis = scan.grid[2][2:]
    return found if axis == "S" else found[::-1] if axis == "I" else [None] * len(found)


def credible(a: Audited, b: Audited, pairs: Pairs) -> npt.NDArray[np.bool_]:
    """Return which pairs count: all of single pictures; of two volumes only where several slices look alike.

    Single slices of different heads, near the top of the skull for example, may look alike by chance; a third of two
    volumes do not. One slice that looks like many neighbouring ones of the other volume counts once.
    """
    cases = list(zip(a.case[pairs.first].tolist(), b.case[pairs.second].tolist(), strict=True))
    alike: dict[tuple[int, int], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for key, first, second in zip(cases, pairs.first.tolist(), pairs.second.tolist(), strict=True):
        alike[key][0].add(first)
        alike[key][1].add(second)

    def enough(key: tuple[int, int]) -> bool:
        sizes = [int(x.scans[i].slices.usable.sum()) for x, i in ((a, key[0]), (b, key[1]))]
        single = min(len(a.scans[key[0]].slices), len(b.scans[key[1]].slices)) == 1
        return single or min(map(len, alike[key])) >= max(_LEAST_SLICES, _LEAST_SHARE * min(sizes))

    verdict = {key: enough(key) for key in alike}
    return np.array([verdict[key] for key in cases], dtype=np.bool_)
