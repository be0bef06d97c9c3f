"""Measured k-space in HDF5 files (fastMRI's single-coil layout) → images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.files import ensure_folder
from tumorscope.core.image import Array, Image
from tumorscope.inference.restorer import Restorer
from tumorscope.workflows.file_rows import FileRow, done_or_failed, tell, unique_name
from tumorscope.workflows.image_files import Product, write_product


def read_kspace(path: Path) -> tuple[Array, Array]:
    """Read the data set ``kspace`` of an HDF5 file.

    Returns:
        Complex (S, H, W) with the lowest frequency first, and which columns were measured, bool (W,).

    Raises:
        InputError: if there is none, it is not complex (S, H, W), or every column or none is measured.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if not isinstance(file.get("kspace"), h5py.Dataset):
                raise InputError(
                    expected="a data set 'kspace'",
                    found=f"{', '.join(file) or 'nothing'} in {path}",
                    fix="Store the complex k-space under that name",
                )
            stored = np.asarray(file["kspace"])
    except OSError as error:
        raise InputError(expected="an HDF5 file", found=f"none at {path}", fix="Check the path") from error
    if stored.ndim != 3 or stored.dtype.kind != "c" or not np.isfinite(stored).all():
        raise InputError(
            expected="a finite complex data set 'kspace' (slices, rows, columns) of one coil",
            found=f"shape {stored.shape} of {stored.dtype} in {path}",
            fix="Combine the coils, and give a single slice a first axis of length 1",
        )
    kspace = np.fft.ifftshift(stored, axes=(-2, -1))
    mask = np.abs(kspace).max(axis=(0, 1)) > 0
    if mask.all() or not mask.any():
        raise InputError(
            expected="k-space with some columns of zeros: those not measured",
            found=f"{'every' if mask.all() else 'no'} column measured in {path}",
            fix="Set the columns that were not measured to 0",
        )
    return kspace, mask


def reconstruct_kspace(
    paths: list[Path], output: Path, restorer: Restorer, say: Callable[[str], Any] | None
) -> list[FileRow]:
    """Reconstruct every file; one that fails is one sentence."""
    taken: set[str] = set()
    rows = []
    for path in paths:
        make = partial(_done, path, ensure_folder(output), restorer)
        rows.append(done_or_failed(unique_name(path.stem, taken), make))
        tell(rows[-1], say)
    return rows


def _done(path: Path, output: Path, restorer: Restorer, name: str) -> tuple[tuple[str, ...], list[str]]:
    kspace, mask = read_kspace(path)
    filled, found = (np.fft.fftshift(x, axes=(-2, -1)) for x in restorer.from_kspace(kspace, mask))
    rate = len(mask) / int(mask.sum())
    written = []
    for kind, slices in (("zero-filled", filled), ("reconstructed", found)):
        image = Image(slices.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]), spacing_known=False)
        what = f"{kind} from measured k-space, R = {rate:.1f}"
        written.append(str(write_product(Product(kind, image, what), image, output, name)))
    note = (
        f"Read as {len(kspace)} slices of one coil; {int(mask.sum())} of {len(mask)} columns were measured (R = "
        f"{rate:.1f}). The file tells no voxel size: sizes are unknown."
    )
    return tuple(written), [note]
