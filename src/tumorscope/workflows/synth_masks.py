"""The label maps that ``synth`` paints: of given cases, or of new phantoms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError

#: A name, and the case or why there is none.
MaskOrError = tuple[str, Case | TumorscopeError]


def phantom_masks(count: int, seed: int) -> Iterator[MaskOrError]:
    """Make phantoms whose tumours differ in size, four in five of them enhancing."""
    from tumorscope.datasets.phantom import PhantomSpec, make_phantom

    rng = np.random.default_rng(seed)
    for number in range(count):
        spec = PhantomSpec(seed=seed + number, growth=float(rng.uniform(0.2, 1.0)), enhancing=bool(rng.uniform() < 0.8))
        case = make_phantom(spec)
        yield case.id, case


def masks_of(given: Iterable[str | Path | Case], count: int | None = None) -> Iterator[MaskOrError]:
    """Return the cases with a label map in folders.

    Args:
        given: Case folders, folders of such, or cases.
        count: So many in all: the first ones, or all and then, in turn, the readable ones again.
    """
    if count is None:
        yield from _found(given)
        return
    seen: list[MaskOrError] = []
    for one in islice(_found(given), count):
        seen.append(one)
        yield one
    usable = [one for one in seen if isinstance(one[1], Case)]
    yield from islice(cycle(usable), count - len(seen))


def _found(given: Iterable[str | Path | Case]) -> Iterator[MaskOrError]:
    from tumorscope.datasets import DATASETS

    for path in given:
        if isinstance(path, Case):
            yield path.id, path
            continue
        found: list[Case] = []
        problem: TumorscopeError | None = None
        for dataset in ("brats", "folder"):
            try:
                found = [c for c in DATASETS.load(dataset).discover(path) if c.label is not None]
            except TumorscopeError as error:
                problem = error
            if found:
                break
        if not found:
            yield str(path), _none(path, problem)
        yield from ((case.id, case) for case in found)


def _none(path: str | Path, problem: TumorscopeError | None) -> TumorscopeError:
    if problem is not None and problem.option != "--data":
        return problem
    found = "none" if problem is None else problem.found
    return InputError(
        expected=f"cases with a label map below {path}", found=found, fix="Give case folders with _seg files"
    )
