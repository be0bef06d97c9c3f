"""4D NIfTI: several volumes on one grid in one file, as the Medical Segmentation Decathlon stores its sequences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats import nifti
from tumorscope.formats.checks import check_file, check_finite
from tumorscope.formats.gz import is_gzip, read_gzip

#: More volumes than this in one file are a time series, not sequences.
MAX_VOLUMES = 16


def read_nifti_series(path: str | Path) -> list[Image]:
    """Read every volume of a 3D or 4D NIfTI, voxels in the order of the file.

    Args:
        path: A ``.nii`` or ``.nii.gz`` file.

    Returns:
        One Image (x, y, z) per volume, in the file's order; see :func:`~tumorscope.formats.nifti.read_nifti`.

    Raises:
        InputError: as :func:`~tumorscope.formats.nifti.read_nifti`, and for more than 16 volumes or a fifth axis.
        GeometryError: if its affine cannot be inverted.
    """
    path = check_file(path)
    with nifti.one_error(path):
        compressed = is_gzip(path)
        with read_gzip(path) if compressed else path.open("rb") as stream:
            header = nifti.read_header(stream, path)
            shape = [int(n) for n in header.get_data_shape()]
            if len(shape) != 4 or shape[3] == 1:
                return [nifti.read_nifti(path)]
            if shape[3] > MAX_VOLUMES:
                raise InputError(
                    expected=f"at most {MAX_VOLUMES} volumes in one file",
                    found=f"shape {tuple(shape)} in {path}",
                    fix="Give structural scans; this looks like a time series",
                )
            one = header.copy()
            one.set_data_shape(shape[:3])
            nifti.volume_shape(one, path)
            data = nifti.read_voxels(stream, header, tuple(shape), path, nifti.MAX_RATIO if compressed else 1)
        slope, intercept = header.get_slope_inter()
        affine = header.get_best_affine()
    check_finite(data, path)
    whole = 1.0 if slope is None else float(slope), float(intercept or 0.0)
    first = Image(nifti.scaled(data[..., 0], *whole), affine, source=path, header=one)
    return [first, *(replace(first, data=nifti.scaled(data[..., k], *whole)) for k in range(1, shape[3]))]
