"""Label maps in ITK's formats (NRRD, 3D Slicer's ``.seg.nrrd``, MetaImage), read by SimpleITK."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array, Image
from tumorscope.formats.checks import check_file, damaged
from tumorscope.formats.segment_names import class_named

SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_itk_file(path: str | Path) -> bool:
    """Whether the name of ``path`` has one of these formats' endings."""
    return Path(path).name.lower().endswith(SUFFIXES)


def read_itk_labels(path: str | Path) -> tuple[Image, dict[int, str]]:
    """Read a label map.

    Args:
        path: A file of :data:`SUFFIXES`. A ``.seg.nrrd`` may hold several layers; they are put on one another in order.

    Returns:
        uint8 label map, affine in RAS+ mm; and value → class name, where a ``.seg.nrrd`` tells names (segments in
        layers are numbered anew, from 1). Empty for other files.

    Raises:
        InputError: if it cannot be read, is not 3D, holds no whole numbers of 0 to 255, or segments overlap.
    """
    import SimpleITK as sitk

    path = check_file(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise damaged(path, "NRRD or MetaImage", str(error).splitlines()[-1]) from error
    if image.GetDimension() != 3:
        raise InputError(
            expected="a 3D label map", found=f"{image.GetDimension()} dimensions in {path}", fix="Export one 3D volume"
        )
    layers = np.atleast_1d(sitk.GetArrayFromImage(image))
    layers = layers[..., None] if image.GetNumberOfComponentsPerPixel() == 1 else layers
    data = np.transpose(layers, (2, 1, 0, 3))
    if data.min() < 0 or data.max() > 255 or (data != np.rint(data)).any():
        raise InputError(
            expected="whole numbers from 0 to 255",
            found=f"{data.min():g} to {data.max():g} in {path}",
            fix="Give the mask",
        )
    labels, names = _flat(data, _segments(image), path)
    return Image(labels, _affine(image), source=path), names


def _affine(image: Any) -> Array:
    lps = np.eye(4)
    lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    return np.asarray(_TO_RAS @ lps)


def _segments(image: Any) -> list[tuple[int, int, str]]:
    """Return (layer, value, name) of each segment that 3D Slicer's metadata list."""
    found = []
    for key in sorted(image.GetMetaDataKeys()):
        match = re.fullmatch(r"(Segment\d+)_LabelValue", key)
        if match:
            start = match[1]
            keys = image.GetMetaDataKeys()
            layer = int(image.GetMetaData(f"{start}_Layer")) if f"{start}_Layer" in keys else 0
            name = image.GetMetaData(f"{start}_Name") if f"{start}_Name" in keys else start
            found.append((layer, int(image.GetMetaData(key)), name))
    return found


def _flat(data: Array, segments: list[tuple[int, int, str]], path: Path) -> tuple[Array, dict[int, str]]:
    if not segments:
        if data.shape[3] > 1:
            raise InputError(
                expected="one label map", found=f"{data.shape[3]} values per voxel in {path}", fix="Export a label map"
            )
        return data[..., 0].astype(np.uint8), {}
    labels = np.zeros(data.shape[:3], dtype=np.uint8)
    for number, (layer, value, name) in enumerate(segments, 1):
        mask = data[..., layer] == value
        if (labels[mask] > 0).any():
            raise InputError(
                expected="segments that do not overlap",
                found=f"'{name}' over another one in {path}",
                fix="Make them exclusive (3D Slicer: Masking, Modify other segments: Overwrite all), then save again",
            )
        labels[mask] = number
    return labels, {n: class_named([name]) or name for n, (_, _, name) in enumerate(segments, 1)}
