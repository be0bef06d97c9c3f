"""Content hashes by which a case is recognised under another name."""

from __future__ import annotations

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.files import content_hash
from tumorscope.core.image import Image
from tumorscope.datasets.slicewise import SliceReader, as_slices
from tumorscope.transforms.grid import to_model_orientation


def case_hashes(case: Case) -> list[str]:
    """Hash every image and the label of a loaded case.

    Voxels are put into one orientation and type first, so that the same scan saved under another name, compression,
    data type or axis order hashes the same. Labels hash by what is tumour, so that a release with other label values
    is recognised, and a picture set that was compressed anew is recognised by its masks. Constant images and empty
    labels recognise nobody and give no hash.

    Args:
        case: With images in memory.

    Returns:
        Sorted hashes of 16 hex digits.

    Raises:
        TypeError: if an image is still a path.
    """
    arrays = []
    for source in (*case.images.values(), *([case.label] if case.label is not None else [])):
        if not isinstance(source, Image):
            raise TypeError("case_hashes needs a loaded case")
        oriented = to_model_orientation(source)
        arrays.append(oriented > 0 if source is case.label else oriented.astype(np.float32))
    return sorted(
        content_hash(str(a.shape).encode(), np.ascontiguousarray(a).tobytes()) for a in arrays if a.min() != a.max()
    )


def known_by(case: Case) -> frozenset[str]:
    """Return every hash under which a bundle may have recorded what ``case`` holds.

    Bundles trained slice-wise record slices, others whole studies; a study is therefore also known by its slices, and
    a slice by its study.

    Args:
        case: As discovered, or a slice of one.

    Raises:
        InputError: if it cannot be read.
    """
    loaded = case.loaded()
    found = set(case_hashes(loaded))
    if isinstance(case.reader, SliceReader):
        found |= _of_study(case.reader)
    else:
        for part in as_slices([loaded]) if loaded.label is not None else ():
            found.update(case_hashes(part.loaded()))
    return frozenset(found)


#: The study hashed last: slices are asked for in order.
_last: list[tuple[Case, frozenset[str]]] = []


def _of_study(reader: SliceReader) -> frozenset[str]:
    if not _last or _last[0][0] is not reader.parent:
        _last[:] = [(reader.parent, frozenset(case_hashes(reader.whole)))]
    return _last[0][1]
