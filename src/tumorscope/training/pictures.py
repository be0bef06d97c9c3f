"""Single pictures with a tumour type, prepared once and kept in one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tumorscope.core.answer import NO_TUMOR
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.files import atomic_path, content_hash, ensure_folder, write_text
from tumorscope.core.image import Array, Image
from tumorscope.datasets.hashing import case_hashes
from tumorscope.training.cache import fingerprint
from tumorscope.transforms.grid import to_model_orientation
from tumorscope.transforms.prepare import Prepared, Preprocess, prepare

#: Changes whenever what is stored changes.
_LAYOUT = 2
#: In :attr:`Pictures.tumours`: nobody said where the tumour is.
UNKNOWN = 255


@dataclass(frozen=True, eq=False)
class Pictures:
    """Prepared pictures of a data set.

    Attributes:
        ids: Case of each, (N,).
        types: Tumour type of each.
        hashes: Content hashes of each (see :func:`~tumorscope.datasets.hashing.case_hashes`).
        array: float16 (N, C, H, W), read through a memory map.
        tumours: uint8 (N, H, W), read through a memory map: 1 where the tumour is, 0 elsewhere, 255 where nobody said.
        key: Changes with the files and the preprocessing.
    """

    ids: list[str]
    types: list[str]
    hashes: list[list[str]]
    array: Array
    tumours: Array
    key: str

    @cached_property
    def position(self) -> dict[str, int]:
        """Case id → index."""
        return {name: index for index, name in enumerate(self.ids)}

    def indices(self, ids: Sequence[str]) -> Array:
        """Return the indices of cases."""
        return np.array([self.position[name] for name in ids], dtype=np.int64)


def prepare_pictures(
    cases: Sequence[Case],
    spec: Preprocess,
    folder: Path,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Pictures:
    """Prepare the pictures of ``cases``, or read what an earlier call with the same files and settings kept.

    Args:
        cases: Of one slice each, with a tumour type.
        spec: Preprocessing of one sequence.
        folder: Where prepared pictures are kept.
        progress: Called with (done, total, case id).

    Raises:
        TumorscopeError: naming the case, if one cannot be read, has no tumour type or several slices.
    """
    settings = json.dumps([_LAYOUT, spec.model_dump(mode="json")], sort_keys=True)
    key = content_hash(settings.encode(), "\n".join(f"{c.tumor_type}{fingerprint(c)}" for c in cases).encode())
    place = ensure_folder(folder)
    array_file, tumour_file, facts_file = (place / f"{key}{end}" for end in (".npy", "-tumours.npy", ".json"))
    if not facts_file.is_file():
        hashes = []
        with atomic_path(array_file) as scratch, atomic_path(tumour_file) as beside:
            array = np.lib.format.open_memmap(scratch, "w+", np.float16, (len(cases), spec.channels, *spec.size))
            tumours = np.lib.format.open_memmap(beside, "w+", np.uint8, (len(cases), *spec.size))
            for done, case in enumerate(cases):
                progress(done, len(cases), case.id)
                array[done], tumours[done], found = _prepared(case, spec)
                hashes.append(found)
            array.flush()
            tumours.flush()
        facts = {"ids": [c.id for c in cases], "types": [c.tumor_type for c in cases], "hashes": hashes}
        write_text(facts_file, json.dumps(facts))
    facts = json.loads(facts_file.read_text("utf-8"))
    array, tumours = (np.load(file, mmap_mode="r") for file in (array_file, tumour_file))
    return Pictures(**facts, array=array, tumours=tumours, key=key)


def _prepared(case: Case, spec: Preprocess) -> tuple[Array, Array, list[str]]:
    try:
        loaded = case.loaded(spec.sequences)
        images = {s: i for s, i in loaded.images.items() if isinstance(i, Image)}
        prepared = prepare(images, spec)
        array = prepared.array
        if len(array) != 1 or case.tumor_type is None:
            raise InputError(
                expected="one picture with a tumour type",
                found=f"{len(array)} slices" if case.tumor_type else "no tumour type",
                fix="Use a data set of single pictures (figshare, four_class)",
            )
        return array[0], _tumour(loaded, prepared), case_hashes(loaded)
    except TumorscopeError as error:
        where = "" if case.id in str(error) else f" (case {case.id})"
        raise error.replace(found=f"{error.found}{where}") from error


def _tumour(case: Case, prepared: Prepared) -> Array:
    """Return where the tumour is, uint8 (H, W); see :attr:`Pictures.tumours`."""
    size = prepared.array.shape[2:]
    if isinstance(case.label, Image):
        return np.asarray(prepared.grid.sample_labels(to_model_orientation(case.label))[0] > 0, dtype=np.uint8)
    return np.full(size, 0 if case.tumor_type == NO_TUMOR else UNKNOWN, dtype=np.uint8)
