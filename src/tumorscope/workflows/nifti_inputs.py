"""NIfTI files whose names do not tell the sequence: 4D files, and volumes that must be looked at."""

from __future__ import annotations

import re
from pathlib import Path

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import folder as own_data
from tumorscope.datasets.decathlon import ORDER, VolumesReader, volume_order
from tumorscope.formats.nifti_series import read_nifti_series
from tumorscope.study.brain import brain_mask
from tumorscope.study.classify import assign, log_probabilities
from tumorscope.study.state import has_skull

#: An image tells its sequence if it is this probable.
SURE = 0.7
_DECATHLON = re.compile(r"^BRATS_\d+$", re.IGNORECASE)


def volumes_in(path: Path) -> int:
    """Return how many volumes a NIfTI file holds, by its header; 1 where that cannot be read."""
    from tumorscope.formats.gz import is_gzip, read_gzip
    from tumorscope.formats.nifti import one_error, read_header

    try:
        with one_error(path), read_gzip(path) if is_gzip(path) else path.open("rb") as stream:
            shape = read_header(stream, path).get_data_shape()
    except InputError:
        return 1
    return int(shape[3]) if len(shape) > 3 else 1


def case_of_series(name: str, path: Path) -> Case:
    """Return the case that a 4D file holds.

    What its volumes are is told by ``dataset.json`` in the folder above or, in a file named as the Decathlon's, by that
    data set's order; any other file is looked at.

    Raises:
        InputError: if it has more volumes than sequences, or the images do not tell what they are.
    """
    settings = path.parent.parent / "dataset.json"
    if path.parent.name.startswith("images") and settings.is_file():
        order, note = volume_order(settings), "The volumes' sequences were told by dataset.json."
    elif _DECATHLON.match(name) and volumes_in(path) == len(ORDER):
        order, note = ORDER, "The volumes were taken in the Decathlon's order: FLAIR, T1, T1CE, T2."
    else:
        order, note = _looked_at(read_nifti_series(path), path)
    return Case(name, name, dict.fromkeys(order, path), notes=[note], reader=VolumesReader(order))


def case_by_look(name: str, paths: list[Path]) -> Case:
    """Return the case that unnamed volumes make, one file per sequence, told by what they look like.

    Raises:
        InputError: if the images do not tell.
    """
    from tumorscope.formats import read_image

    order, note = _looked_at([read_image(path) for path in paths], paths[0] if len(paths) == 1 else paths[0].parent)
    images: dict[Sequence, Image | Path] = dict(zip(order, paths, strict=True))
    return Case(name, name, images, notes=[note], reader=own_data.read)


def _looked_at(images: list[Image], where: Path) -> tuple[tuple[Sequence, ...], str]:
    """Return what the images show, and how sure that is in one sentence."""
    found: list[tuple[Sequence, float]] = []
    if len(images) <= len(Sequence) and all(min(image.shape) > 1 for image in images):
        found = assign([_score(image) for image in images])
    if not found or min(sure for _, sure in found) < SURE:
        seen = ", ".join(f"{s} {sure:.0%}" for s, sure in found)
        raise InputError(
            expected="to know which sequence each volume shows",
            found=f"a name that does not tell: {where}" + (f" (the image looks like {seen})" if seen else ""),
            fix="State it with --sequence T1, T1CE, T2 or FLAIR, or in the file names",
            option="--sequence",
        )
    seen = ", ".join(f"{s} ({sure:.0%})" for s, sure in found)
    return tuple(s for s, _ in found), f"No name told the sequence; the image looks like {seen}."


def _score(image: Image) -> Array:
    try:
        return log_probabilities(image, brain_mask(image) if has_skull(image) else None)
    except InputError:
        return log_probabilities(image)
