"""What this program wrote into a file that is no scan: made by a network, or changed."""

from __future__ import annotations

from pathlib import Path

from tumorscope.core.errors import TumorscopeError

#: So begin the names of images that ``synth`` made, which tell it where a conversion lost the header.
_NAMES = ("synthetic_", "latent_")
_PROGRAM = "tumorscope"


def mark_of(path: str | Path) -> str:
    """Return what a file says of itself where this program made or changed it ("synthetic: …", "processed: …"), or "".

    NIfTI files carry it as a comment, PNG files as their description; a name that begins as those of ``synth`` counts
    too. A file that cannot be read says nothing.
    """
    from tumorscope.formats import image_suffix

    path = Path(path)
    suffix = image_suffix(path)
    try:
        told = _comment(path) if suffix.startswith(".nii") else _description(path) if suffix == ".png" else ""
    except (TumorscopeError, OSError, ValueError):
        told = ""
    if _PROGRAM in told:
        return told
    return "synthetic, by its name" if suffix and path.name.startswith(_NAMES) else ""


def _comment(path: Path) -> str:
    from tumorscope.formats.gz import is_gzip, read_gzip
    from tumorscope.formats.nifti import one_error, read_header

    with one_error(path), read_gzip(path) if is_gzip(path) else path.open("rb") as stream:
        extensions = read_header(stream, path).extensions
        return next((e.text.strip("\0") for e in extensions if e.get_code() == 6), "")


def _description(path: Path) -> str:
    from PIL import Image as pillow

    with pillow.open(path) as picture:
        return str(picture.info.get("Description", ""))
