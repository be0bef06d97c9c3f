"""Measured k-space in HDF5 files (fastMRI's single-coil layout) → images."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.files import ensure_folder
from tumorscope.core.image import Array, Image
from tumorscope.inference.restorer import Restorer
from tumorscope.workflows.image_files import FileRow, Product, write_product


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
    rows = []
    for path in paths:
        begun = time.perf_counter()
        try:
            kspace, mask = read_kspace(path)
            rows.append(_done(path, kspace, mask, ensure_folder(output), restorer, begun))
        except TumorscopeError as error:
            rows.append(FileRow(path.stem, "failed", str(error)))
        if say:
            say(rows[-1].line)
            for note in rows[-1].notes:
                say(f"        {note}")
    return rows


def _done(path: Path, kspace: Array, mask: Array, output: Path, restorer: Restorer, begun: float) -> FileRow:
    filled, found = (np.fft.fftshift(x, axes=(-2, -1)) for x in restorer.from_kspace(kspace, mask))
    rate = len(mask) / int(mask.sum())
    written = []
    for name, slices in (("zero-filled", filled), ("reconstructed", found)):
        image = Image(slices.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]), spacing_known=False)
        what = f"{name} from measured k-space, R = {rate:.1f}"
        written.append(str(write_product(Product(name, image, what), image, output, path.stem)))
    note = (
        f"Read as {len(kspace)} slices of one coil; {int(mask.sum())} of {len(mask)} columns were measured (R = "
        f"{rate:.1f}). The file tells no voxel size: sizes are unknown."
    )
    return FileRow(path.stem, "ok", "", tuple(written), (note,), round(time.perf_counter() - begun, 3))
