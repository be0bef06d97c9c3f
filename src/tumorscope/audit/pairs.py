"""Find pictures that are copies of one another.

Hashes are compared all against all, block by block: time grows with the square of the number of slices, memory does
not. A pair of hashes within :data:`MOST_BITS` of 256 bits is confirmed by the detail inside the two heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorscope.audit.detail import Detail, detail_correlation, details
from tumorscope.audit.picture_hash import LEAST_BITS

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

#: Hashes further apart than this many of 256 bits are not compared any further.
MOST_BITS = 24
#: Least correlation of the detail in the two small pictures.
LEAST_CORRELATION = 0.8
#: Pictures compared with one another at a time: what a block needs stays in a processor's cache.
_ROWS, _COLUMNS = 64, 1024
#: Pairs whose detail is correlated at a time, and views whose detail is kept; bounds memory to some 100 MB.
_AT_ONCE, _KEPT = 256, 8192
#: Words of a hash (four of 64 bits), those through the middle of the picture first: they differ most.
_ORDER = (2, 1, 0, 3)

#: ``(rows (R,), columns (C,)) -> bool (R, C)``: which pairs matter.
Wanted = Callable[[Ints, Ints], npt.NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Descriptions of N pictures, as :class:`~tumorscope.audit.picture_hash.PictureHash` has them for one.

    Attributes:
        bits: uint8 (N, 2, 8, 32).
        small: uint8 (N, 2, S, S).
        usable: bool (N,).
    """

    bits: npt.NDArray[np.uint8]
    small: npt.NDArray[np.uint8]
    usable: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pairs:
    """P pairs of pictures that look the same.

    Attributes:
        first: Index of one, (P,).
        second: Index of the other, (P,).
        orientation: How the first must be turned to look like the second: index into ``ORIENTATIONS``, (P,).
        bits: Hamming distance of the hashes, (P,).
        correlation: Of the detail in the small pictures, (P,).
    """

    first: Ints
    second: Ints
    orientation: Ints
    bits: Ints
    correlation: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: npt.NDArray[np.bool_] | Ints) -> Pairs:
        """Return the chosen pairs."""
        return Pairs(
            self.first[chosen],
            self.second[chosen],
            self.orientation[chosen],
            self.bits[chosen],
            self.correlation[chosen],
        )


def similar_pairs(a: Pictures, b: Pictures | None = None, wanted: Wanted | None = None) -> Pairs:
    """Return the pairs that look the same, each pair once, in its best orientation.

    Args:
        a: Pictures.
        b: Other pictures; None compares ``a`` with itself (first < second).
        wanted: Which pairs matter; default all.
    """
    other = a if b is None else b
    rows, columns = np.flatnonzero(a.usable), np.flatnonzero(other.usable)
    found: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []
    for r in range(0, len(rows), _ROWS):
        some = rows[r : r + _ROWS]
        for c in range(0, len(columns), _COLUMNS):
            others = columns[c : c + _COLUMNS]
            if b is None and others[-1] <= some[0]:
                continue
            keep = np.ones((len(some), len(others)), np.bool_) if wanted is None else wanted(some, others)
            if b is None:
                keep = keep & (some[:, None] < others[None, :])
            if keep.any():
                found += _candidates(a, other, some, others, keep)
    if not found:
        empty = np.zeros(0, np.int64)
        return Pairs(empty, empty, empty, empty, np.zeros(0))
    first, second, view, orientation, bits = _closest(found)
    correlation = _correlations(a, other, first, second, view, orientation)
    return Pairs(first, second, orientation, bits, correlation).take(correlation >= LEAST_CORRELATION)


def _candidates(
    a: Pictures, b: Pictures, rows: Ints, columns: Ints, keep: npt.NDArray[np.bool_]
) -> list[tuple[Ints, Ints, Ints, Ints, Ints]]:
    """Return (first, second, view, orientation, bits) of the pairs of a block whose hashes are close."""
    found = []
    for view in range(2):
        enough = _rich(a, rows, view)[:, None] & _rich(b, columns, view)[None, :] & keep
        if not enough.any():
            continue
        theirs = _words(b.bits[columns, view, 0])
        for orientation in range(8):
            ours = _words(a.bits[rows, view, orientation])
            distance = _apart(ours, theirs, _ORDER[0])
            distance += _apart(ours, theirs, _ORDER[1])
            i, j = np.divmod(np.flatnonzero((distance <= MOST_BITS) & enough), len(columns))
            if not i.size:
                continue
            exact = np.bitwise_count(ours[i] ^ theirs[j]).sum(axis=1).astype(np.int64)
            near = exact <= MOST_BITS
            i, j, exact = i[near], j[near], exact[near]
            size = len(i)
            found.append((rows[i], columns[j], np.full(size, view), np.full(size, orientation), exact))
    return found


def _rich(pictures: Pictures, chosen: Ints, view: int) -> npt.NDArray[np.bool_]:
    """Return where a view has enough set bits: two nearly blank hashes are close whatever they show."""
    return np.asarray(np.bitwise_count(pictures.bits[chosen, view, 0]).sum(axis=1) >= LEAST_BITS)


def _words(bits: npt.NDArray[np.uint8]) -> Words:
    return np.ascontiguousarray(bits).view(np.uint64)


def _apart(a: Words, b: Words, word: int) -> npt.NDArray[np.uint8]:
    """Return in how many bits one word of each hash differs, (R, C)."""
    ours, theirs = (np.ascontiguousarray(w[:, word]) for w in (a, b))
    return np.asarray(np.bitwise_count(ours[:, None] ^ theirs[None, :]))


def _correlations(
    a: Pictures, b: Pictures, first: Ints, second: Ints, view: Ints, orientation: Ints
) -> npt.NDArray[np.float64]:
    """Correlate the detail of pairs; what a picture needs for that is worked out once for many pairs."""
    values = np.zeros(len(first))
    ours, theirs = 2 * first + view, 2 * second + view
    for some in _runs(ours, np.arange(len(ours))):
        left, i = _details(a, ours[some])
        for both in _runs(theirs, some):
            right, j = _details(b, theirs[both])
            at = i[np.searchsorted(some, both)]
            for code in np.unique(orientation[both]).tolist():
                turned = np.flatnonzero(orientation[both] == code)
                for start in range(0, len(turned), _AT_ONCE):
                    k = turned[start : start + _AT_ONCE]
                    mine = left.take(at[k])
                    mine = Detail(_turned(mine.rough, code), _turned(mine.inside, code))
                    values[both[k]] = detail_correlation(mine, right.take(j[k]))
    return values


def _runs(keys: Ints, chosen: Ints) -> Iterator[Ints]:
    """Divide ``chosen`` so that the keys of each part lie within a range of :data:`_KEPT`."""
    part = keys[chosen] // _KEPT
    for number in np.unique(part).tolist():
        yield chosen[part == number]


def _details(pictures: Pictures, keys: Ints) -> tuple[Detail, Ints]:
    """Return the detail of each view (twice the picture's index, plus the view) once, and which each key means."""
    unique, which = np.unique(keys, return_inverse=True)
    return details(pictures.small.reshape(-1, *pictures.small.shape[2:])[unique]), which


def _turned(pictures: npt.NDArray[Any], code: int) -> npt.NDArray[Any]:
    """Turn pictures (N, S, S) as :func:`~tumorscope.audit.picture_hash.oriented` does for one."""
    plain = pictures if code < 4 else pictures.transpose(0, 2, 1)
    return np.ascontiguousarray(np.rot90(plain, code % 4, axes=(1, 2)))


def _closest(found: list[tuple[Ints, Ints, Ints, Ints, Ints]]) -> tuple[Ints, ...]:
    """Keep the view and orientation of the closest hashes of each pair; columns are first, second, view, …, bits."""
    first, second, view, orientation, bits = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((orientation, bits, second, first))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
    kept = order[new]
    return first[kept], second[kept], view[kept], orientation[kept], bits[kept]
