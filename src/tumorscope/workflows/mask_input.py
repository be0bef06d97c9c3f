"""A mask that was drawn or edited elsewhere → a segmentation in its scan's own grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorscope.core.errors import LabelError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS, SCHEMES, LabelScheme, custom_scheme, detect_scheme
from tumorscope.core.regrid import on_grid_of
from tumorscope.core.segmentation import Segmentation
from tumorscope.datasets.base import integer_labels
from tumorscope.formats import is_image_file, read_image
from tumorscope.formats.dicom_seg import is_dicom_seg, read_dicom_seg
from tumorscope.formats.itk_labels import is_itk_file, read_itk_labels


def read_mask(path: Path, scan: Image, scheme: str | None = None) -> tuple[Segmentation, str]:
    """Read a mask into the grid of its scan.

    Args:
        path: NIfTI, ``.nrrd`` or ``.seg.nrrd``, MetaImage, DICOM-SEG, or a picture.
        scan: Any image of the case.
        scheme: Name of the label scheme; default: told by the segments' names, else by the values.

    Returns:
        The segmentation, and how its values were understood, one sentence.

    Raises:
        InputError: if the file cannot be read.
        GeometryError: if its voxels are not the scan's.
        LabelError: if values fit no scheme, or not the one that was stated.
        UsageError: for an unknown scheme.
    """
    image, names = _read(path)
    chosen, said = _scheme_of(image, names, path, scheme)
    if names and chosen.name != "custom" and scheme is None:
        values = {x.name: x.value for x in chosen.labels}
        table = np.zeros(256, dtype=np.uint8)
        for number, name in names.items():
            table[number] = values.get(name, number)
        image = image.with_data(table[image.data])
    return Segmentation(on_grid_of(image, scan), chosen), said


def _read(path: Path) -> tuple[Image, dict[int, str]]:
    if is_itk_file(path):
        return read_itk_labels(path)
    if not is_image_file(path) and is_dicom_seg(path):
        return read_dicom_seg(path)
    return integer_labels(read_image(path)), {}


def _scheme_of(image: Image, names: dict[int, str], path: Path, stated: str | None) -> tuple[LabelScheme, str]:
    present = {int(v) for v in np.unique(image.data)} - {0}
    if stated is not None:
        if stated not in SCHEMES:
            raise UsageError(
                expected=f"a label scheme ({', '.join(SCHEMES)})", found=f"'{stated}'", fix="Correct --labels"
            )
        SCHEMES[stated].check(present, path.name)
        return SCHEMES[stated], f"Label values are as stated: {SCHEMES[stated].title}."
    if names:
        known = {x.name for x in BRATS.labels}
        if set(names.values()) <= known:
            return BRATS, f"Segments were recognised by their names: {', '.join(names.values())}."
        if len(names) == 1 and set(names) == {1}:
            return BINARY, f"The one segment ('{next(iter(names.values()))}') is taken as tumour."
        if len(set(names.values())) < len(names):
            raise LabelError(
                expected="segments of different classes",
                found=f"{', '.join(names.values())}",
                fix="Merge or rename them",
            )
        return custom_scheme(names), f"Segments: {', '.join(names.values())}."
    if present <= {1}:
        return BINARY, "Values are 0 and 1 only: taken as tumour (state another meaning with --labels)."
    found = detect_scheme(present, hint=path.name)
    return found, f"Label values were read as {found.title} (state another meaning with --labels)."
