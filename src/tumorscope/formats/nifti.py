"""NIfTI-1 and NIfTI-2 (``.nii``, ``.nii.gz``): nibabel's header and geometry, voxels read straight into one array."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from tumorscope.core.errors import InputError, OutputError
from tumorscope.core.files import atomic_path
from tumorscope.core.image import Array, Image
from tumorscope.formats.checks import check_file, check_finite, damaged
from tumorscope.formats.gz import GZIP_ERRORS, is_gzip, read_gzip, write_gzip
from tumorscope.formats.marks import mark_header

#: Deflate cannot shrink data more than this, so a header that claims more is wrong.
MAX_RATIO = 1100
#: Bytes after the voxels that pass for padding (one tape block); more means that the header is wrong.
_PADDING = 512
_SUFFIXES = (".nii", ".nii.gz")
#: Marks, in the header's description, a grid whose spacing is not physical (made from a raster picture).
_NO_SPACING = b"tumorscope: spacing unknown"
_QFORM = ("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
_SFORM = ("sform_code", "srow_x", "srow_y", "srow_z")


def read_nifti(path: str | Path, *, dtype: npt.DTypeLike | None = None) -> Image:
    """Read one 3D volume, voxels in the order of the file.

    The affine is nibabel's choice: sform if its code is set, else qform, else the voxel sizes alone. Scaling is
    applied; whole numbers stay integers where slope and intercept are whole, everything else that is scaled becomes
    float32. Gzip is recognised by content, so a mis-named ``.nii`` or ``.nii.gz`` is read as well.

    Args:
        path: A ``.nii`` or ``.nii.gz`` file.
        dtype: Type wanted instead of the file's (``np.uint8`` for label maps that were stored as float).

    Returns:
        Image with ``data`` (x, y, z) in native byte order and ``header`` the nibabel header. 2D files become one
        slice; trailing axes of length 1 are dropped.

    Raises:
        InputError: if the file is missing, empty, damaged, not NIfTI, cut short, longer than its header says, 4D,
            coloured or complex, holds NaN or infinity, or does not fit ``dtype``.
        GeometryError: if its affine cannot be inverted.
    """
    path = check_file(path)
    with one_error(path):
        compressed = is_gzip(path)
        with read_gzip(path) if compressed else path.open("rb") as stream:
            header = read_header(stream, path)
            shape = volume_shape(header, path)
            slope, intercept = header.get_slope_inter()
            data = read_voxels(stream, header, shape, path, MAX_RATIO if compressed else 1)
        data = scaled(data, 1.0 if slope is None else float(slope), float(intercept or 0.0))
        affine = header.get_best_affine()
    check_finite(data, path)
    known = header["descrip"].item() != _NO_SPACING
    return Image(_as_type(data, dtype, path), affine, spacing_known=known, source=path, header=header)


@contextlib.contextmanager
def one_error(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes nibabel, gzip or numpy raise into one InputError."""
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    try:
        yield
    except (HeaderDataError, WrapStructError, ValueError, OverflowError, *GZIP_ERRORS) as error:
        raise damaged(path, "NIfTI", error) from error
    except MemoryError as error:
        raise InputError(
            expected="a volume that fits into memory", found=f"too many voxels in {path}", fix="Resample it first"
        ) from error


def read_header(stream: IO[bytes], path: Path) -> Any:
    """Read the nibabel header at the start of ``stream``; refuse what is not a single-file NIfTI."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    start = stream.read(348)
    if start[344:348] == b"n+1\0":
        kind = Nifti1Header
    elif start[4:7] == b"n+2":
        kind = Nifti2Header
    elif start[344:347] == b"ni1":
        raise InputError(
            expected="header and voxels in one NIfTI file",
            found=f"only a header (.hdr/.img pair) in {path}",
            fix="Convert the pair to .nii.gz",
        )
    else:
        raise InputError(
            expected="a NIfTI file", found=f"other content in {path}", fix="Give the scan itself, or export it as NIfTI"
        )
    stream.seek(0)
    return kind.from_fileobj(stream)


def volume_shape(header: Any, path: Path) -> tuple[int, int, int]:
    """Return (x, y, z) of the one volume the header describes."""
    shape = [int(n) for n in header.get_data_shape()]
    dtype = header.get_data_dtype()
    if len(shape) < 2 or min(shape) < 1:
        raise InputError(
            expected="one 3D volume (x, y, z)", found=f"shape {tuple(shape)} in {path}", fix="Export the scan again"
        )
    volumes = math.prod(shape[3:])
    if volumes > 1:
        raise InputError(
            expected="one 3D volume (x, y, z)",
            found=f"{volumes} volumes (shape {tuple(shape)}) in {path}",
            fix="Split it into one 3D file per sequence and name the one you want",
        )
    if dtype.fields is not None or dtype.kind not in "iuf":
        raise InputError(
            expected="one number per voxel", found=f"voxels of type {dtype} in {path}", fix="Export a grey-scale scan"
        )
    x, y, z = (*shape, 1)[:3]
    return x, y, z


def read_voxels(stream: IO[bytes], header: Any, shape: tuple[int, ...], path: Path, ratio: int) -> Array:
    """Read the stored voxels into one new array (x, y, z), first axis fastest, native byte order."""
    dtype = header.get_data_dtype()
    needed = math.prod(shape) * dtype.itemsize
    offset, size = int(header.get_data_offset()), path.stat().st_size
    missing = f"{needed} bytes of voxels (shape {shape}, {dtype.name})"
    if needed > size * ratio:
        raise _wrong_length(missing, f"a file of {size} bytes, too small for that", path)
    stream.seek(offset)
    buffer = np.empty(needed, dtype=np.uint8)
    view, filled = buffer.data, 0
    while filled < needed:
        got = stream.readinto(view[filled : filled + (1 << 20)])  # type: ignore[attr-defined]
        if not got:
            raise _wrong_length(missing, f"{filled} bytes", path)
        filled += got
    if len(stream.read(_PADDING + 1)) > _PADDING:  # reaching the end also checks gzip's checksum
        raise _wrong_length(missing, "more than that", path)
    data: Array = buffer.view(dtype).reshape(shape, order="F")
    return data if dtype.isnative else data.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _wrong_length(needed: str, found: str, path: Path) -> InputError:
    return InputError(
        expected=f"{needed} as the header says",
        found=f"{found} in {path}",
        fix="Copy or download it again; it is cut short or its header is wrong",
    )


def scaled(data: Array, slope: float, intercept: float) -> Array:
    """Return ``slope · data + intercept``; integers stay integers where both are whole numbers."""
    if slope == 1.0 and intercept == 0.0:
        return data
    dtype = np.promote_types(data.dtype, np.float32) if data.dtype.kind == "f" else np.dtype(np.float32)
    if data.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        ends = (int(v) * int(slope) + int(intercept) for v in (data.min(), data.max()))
        whole = np.result_type(*(np.min_scalar_type(v) for v in ends))
        dtype = whole if whole.kind in "iu" and whole.itemsize <= 4 else dtype
    out = np.empty(data.shape, dtype=dtype, order="F")
    for k in range(data.shape[2]):
        out[..., k] = data[..., k].astype(np.float64) * slope + intercept
    return out


def _as_type(data: Array, dtype: npt.DTypeLike | None, path: Path) -> Array:
    """Return ``data`` as ``dtype`` if no value changes by it (rounding between float types is fine)."""
    if dtype is None or data.dtype == dtype:
        return data
    try:
        return _cast(data, np.dtype(dtype))
    except ValueError as error:
        raise InputError(
            expected=f"values that fit {np.dtype(dtype).name}",
            found=f"{error} in {path}",
            fix="Check that this is the file you meant (a label map holds small whole numbers)",
        ) from error


def _cast(data: Array, dtype: np.dtype[Any]) -> Array:
    """Cast without changing a value.

    Raises:
        ValueError: naming a value that does not fit an integer type.
    """
    if dtype.kind not in "iu" or np.can_cast(data.dtype, dtype):
        return data.astype(dtype)
    limits = np.iinfo(dtype)
    for extreme in (data.min(), data.max()):
        if not limits.min <= extreme <= limits.max:
            raise ValueError(f"the value {extreme:g}")
    out = data.astype(dtype)
    if data.dtype.kind == "f" and not np.array_equal(out, data):
        raise ValueError(f"the value {data[out != data][0]:g}")
    return out


def write_nifti(image: Image, path: str | Path, *, dtype: npt.DTypeLike | None = None, note: str = "") -> Path:
    """Write ``image`` as NIfTI, whole or not at all.

    Where ``image.header`` is a NIfTI header, its qform, sform, their codes and units go into the new file unchanged
    as long as they describe ``image.affine``; after a change of grid both forms are set anew. Nothing else of
    the old header is kept (free-text fields and extensions can hold personal data).

    Args:
        image: Data (x, y, z).
        path: Ends in ``.nii`` or ``.nii.gz``.
        dtype: Type in the file. Default: bool as uint8, floats as float32, 64-bit integers as the smallest type
            that holds them, other integers as they are.
        note: What was done to the voxels ("synthetic: …"), for the header (see
            :func:`~tumorscope.formats.marks.mark_header`; ``descrip`` stays if it says that spacing is unknown).

    Returns:
        ``path``.

    Raises:
        OutputError: if the name has another ending or the file cannot be written.
        ValueError: if the voxels are not finite real numbers, or a value does not fit an integer ``dtype``.
    """
    path = Path(path)
    if not path.name.lower().endswith(_SUFFIXES):
        raise OutputError(expected="a name ending in .nii or .nii.gz", found=str(path), fix="Choose such a name")
    data = _storable(image.data, dtype)
    header = _header_for(image, data.dtype)
    if note:
        mark_header(header, note, describe=image.spacing_known)
    header.set_data_offset(header.single_vox_offset + header.extensions.get_sizeondisk())
    opener = write_gzip if path.name.lower().endswith(".gz") else _write_plain
    with atomic_path(path) as scratch, opener(scratch) as stream:
        stream.write(header.binaryblock + bytes((bool(note), 0, 0, 0)))
        header.extensions.write_to(stream, byteswap=False)
        stream.write(np.asfortranarray(data).T.data.cast("B"))
    return path


def _write_plain(path: Path) -> IO[bytes]:
    return path.open("wb")


def _storable(data: Array, dtype: npt.DTypeLike | None) -> Array:
    if data.dtype.kind not in "biuf" or (data.dtype.kind == "f" and not np.isfinite(data).all()):
        raise ValueError("only finite real numbers can be written as NIfTI")
    if dtype is not None:
        return _cast(data, np.dtype(dtype))
    if data.dtype.kind == "b":
        return data.astype(np.uint8)
    if data.dtype.kind == "f":
        return data.astype(np.float32, copy=False)
    if data.dtype.itemsize == 8:
        return _cast(data, np.result_type(*(np.min_scalar_type(int(v)) for v in (data.min(), data.max()))))
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def _header_for(image: Image, dtype: np.dtype[Any]) -> Any:
    """Return a fresh nibabel header holding the geometry of ``image`` and nothing personal."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    source = image.header if isinstance(image.header, Nifti1Header) else None
    big = isinstance(source, Nifti2Header) or max(image.shape) > np.iinfo(np.int16).max
    header = Nifti2Header() if big else Nifti1Header()
    header.set_data_shape(image.shape)
    header.set_data_dtype(dtype)
    header.set_slope_inter(1, 0)
    header.set_xyzt_units("mm" if image.spacing_known else "unknown")
    codes = (2, 2)
    if source is not None:
        for name in (*_QFORM, *_SFORM, "xyzt_units"):
            header[name] = source[name]
        header["pixdim"][:4] = source["pixdim"][:4]
        codes = (int(source["qform_code"]), int(source["sform_code"]))
        codes = codes if any(codes) else (2, 2)
    if source is None or not np.allclose(header.get_best_affine(), image.affine, rtol=0, atol=1e-6):
        _set_forms(header, image.affine, *codes)
    if not image.spacing_known:
        header["descrip"] = _NO_SPACING
    return header


def _set_forms(header: Any, affine: Array, qform_code: int, sform_code: int) -> None:
    """Describe ``affine`` by the sform and, where a quaternion can (no shear), by the qform."""
    header.set_qform(affine, code=qform_code, strip_shears=True)
    header.set_sform(affine, code=sform_code or qform_code)
    if not np.allclose(header.get_qform(), affine, rtol=1e-5, atol=1e-4):
        header["qform_code"] = 0
