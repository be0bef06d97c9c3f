"""Files → :class:`~tumorscope.core.image.Image`. One file per format; a new one is one line in :data:`FORMATS`.

Names here are imported when used, so that listing formats costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.registry import Registry

if TYPE_CHECKING:
    from tumorscope.core.image import Image
    from tumorscope.formats.checks import check_content
    from tumorscope.formats.marks import mark_of
    from tumorscope.formats.nifti import read_nifti, write_nifti
    from tumorscope.formats.raster import write_png
    from tumorscope.formats.stack import natural_key, stack_slices

__all__ = [
    "FORMATS",
    "check_content",
    "image_suffix",
    "is_image_file",
    "known_suffix",
    "mark_of",
    "natural_key",
    "read_channels",
    "read_image",
    "read_nifti",
    "stack_slices",
    "write_nifti",
    "write_png",
]

_NIFTI = "tumorscope.formats.nifti:read_nifti"
_RASTER = "tumorscope.formats.raster:read_channels"

#: File name ending (lower case) → function that reads such a path to one Image or a list of channel Images.
FORMATS: Registry = Registry(
    "image format",
    {
        ".nii": _NIFTI,
        ".nii.gz": _NIFTI,
        ".png": _RASTER,
        ".jpg": _RASTER,
        ".jpeg": _RASTER,
        ".tif": _RASTER,
        ".tiff": _RASTER,
    },
)

_LAZY = {
    "check_content": "checks",
    "mark_of": "marks",
    "natural_key": "stack",
    "read_nifti": "nifti",
    "stack_slices": "stack",
    "write_nifti": "nifti",
    "write_png": "raster",
}


def __getattr__(name: str) -> Any:
    """Import a re-exported name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def image_suffix(path: str | Path) -> str:
    """Return the ending of ``path`` that :data:`FORMATS` knows (``.nii.gz``, lower case), or ""."""
    name = Path(path).name.lower()
    return max((s for s in FORMATS if name.endswith(s)), key=len, default="")


def known_suffix(path: str | Path) -> str:
    """Return :func:`image_suffix` of a file that must have one.

    Raises:
        InputError: if it has none, or is no file at all.
    """
    from tumorscope.core.errors import InputError
    from tumorscope.formats.checks import check_file

    if suffix := image_suffix(path):
        return suffix
    check_file(path)
    raise InputError(
        expected=f"a file of a known format ({', '.join(FORMATS)})",
        found=str(path),
        fix="Convert it to NIfTI (DICOM series: dcm2niix) or, for single slices, to PNG",
    )


def is_image_file(path: str | Path) -> bool:
    """Whether the name of ``path`` says that it can be read here; hidden files (``._scan.nii``) never can."""
    return bool(image_suffix(path)) and not Path(path).name.startswith(".")


def read_channels(path: str | Path) -> list[Image]:
    """Read any known file: one Image for NIfTI and grey pictures, one per channel for colour.

    Raises:
        InputError: if the ending is unknown or the file cannot be used; see the format's own reader.
    """
    images = FORMATS.load(known_suffix(path))(path)
    return images if isinstance(images, list) else [images]


def read_image(path: str | Path) -> Image:
    """Read a file that holds one image: NIfTI, or a grey PNG, JPEG or TIFF.

    Raises:
        InputError: as :func:`read_channels`, and for a colour picture, whose channels nobody named.
    """
    from tumorscope.core.errors import InputError

    images = read_channels(path)
    if len(images) > 1:
        raise InputError(
            expected="a grey picture",
            found=f"{len(images)} different colour channels in {path}",
            fix="Save it in grey, or read it through a data set that knows what its channels are (lgg)",
        )
    return images[0]
