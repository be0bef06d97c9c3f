"""Which pictures must stay in one part of a split although no patient is known: those that look the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tumorscope.audit.audited import Audited
from tumorscope.core.case import Case

Edges = npt.NDArray[np.int64]


def look_alikes(audited: Audited, others: Sequence[Audited] = ()) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Put cases into groups that a split must not divide.

    Two cases are in one group if a slice of one looks the same as one of the other (the rule of the near-duplicates
    check), if their pixels are identical, or if both look the same as slices of one patient (or block) of another data
    set; and so on from case to case.

    Args:
        audited: The data set.
        others: Data sets whose patients are known better.

    Returns:
        Case id → the group's name (a patient of another data set, else its first case) and all patients of other data
        sets in it.
    """
    size = len(audited.scans)
    names = [scan.patient for other in others for scan in other.scans]
    known = {name: size + i for i, name in enumerate(dict.fromkeys(names))}
    pairs = audited.copies
    edges = [np.stack([audited.case[pairs.first], audited.case[pairs.second]], axis=1), _identical(audited)]
    for other in others:
        found = audited.copies_of(other)
        patients = np.array([known[scan.patient] for scan in other.scans], dtype=np.int64)
        edges.append(np.stack([audited.case[found.first], patients[other.case[found.second]]], axis=1))
    labels = _components(np.concatenate(edges), size + len(known))
    members: dict[int, list[int]] = defaultdict(list)
    for case, label in enumerate(labels[:size].tolist()):
        members[label].append(case)
    patients_of: dict[int, list[str]] = defaultdict(list)
    for name, index in known.items():
        patients_of[int(labels[index])].append(name)
    found_groups: dict[str, tuple[str, tuple[str, ...]]] = {}
    for label, cases in members.items():
        theirs = tuple(sorted(patients_of[label]))
        name = "+".join(theirs) or audited.scans[cases[0]].id
        found_groups |= {audited.scans[case].id: (name, theirs) for case in cases}
    return found_groups


def grouped(cases: Sequence[Case], audited: Audited, others: Sequence[Audited] = ()) -> list[Case]:
    """Return the cases with their group as ``patient``, by which every split then keeps them together.

    Args:
        cases: As discovered.
        audited: The same cases, scanned.
        others: See :func:`look_alikes`; their patients become aliases, so that test lists find them.
    """
    groups = look_alikes(audited, others)
    return [replace(c, patient=groups[c.id][0], unit="group", aliases=(*c.aliases, *groups[c.id][1])) for c in cases]


def _identical(audited: Audited) -> Edges:
    """Return pairs of cases with a slice of identical pixels, also turned or mirrored."""
    first: dict[int, int] = {}
    pairs = []
    for case, pixels in zip(audited.case.tolist(), audited.pixels.tolist(), strict=True):
        if pixels and first.setdefault(pixels, case) != case:
            pairs.append((first[pixels], case))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _components(edges: Edges, size: int) -> npt.NDArray[np.int32]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels, dtype=np.int32)
