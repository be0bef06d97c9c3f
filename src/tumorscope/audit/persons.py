"""Which cases are one patient, whatever each release calls them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def persons(names: Sequence[Sequence[str]], patients: Sequence[str]) -> npt.NDArray[np.int64]:
    """Number the patients of cases; cases that share a patient or any further name share a number.

    Args:
        names: Every name of each case.
        patients: Patient of each case.

    Returns:
        int64 (cases,): the smallest index of a case of the same patient.
    """
    parent = list(range(len(names)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, (own, patient) in enumerate(zip(names, patients, strict=True)):
        for name in {plain_name(n) for n in (*own, patient)}:
            a, b = root(first.setdefault(name, index)), root(index)
            parent[max(a, b)] = min(a, b)
    return np.array([root(i) for i in range(len(names))], dtype=np.int64)


def plain_name(name: str) -> str:
    """Return ``name`` in capitals with one kind of separator: TCGA-CS-4941 and tcga_cs_4941 are the same."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())


def means_a_person_anywhere(name: str) -> bool:
    """Whether a name is given once in the world: those of BraTS and TCGA are, "patient 7" or "0012" is not."""
    return bool(re.search(r"BRATS|TCGA_[A-Z0-9]{2}_[A-Z0-9]{4}", plain_name(name)))
