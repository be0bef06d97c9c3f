"""What this program wrote into a file that is no scan: made by a network, or changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

#: So are images called that ``synth`` made, which tells it where a conversion lost the header.
_NAMES = re.compile(r"(synthetic|latent)_.+_\d{5}_|synthetic_\d{4}[_.]")
_PROGRAM = "tumorscope"
#: NIfTI's code of an extension that is a comment.
_COMMENT = 6


def mark_of(path: str | Path) -> str:
    """Return what a file says of itself where this program made or changed it ("synthetic: …", "processed: …"), or "".

    NIfTI files carry it as a comment and, cut short, in their header; PNG files as their description. A name as
    ``synth`` gives counts too. A file that cannot be read says nothing.
    """
    from tumorscope.formats import image_suffix

    path = Path(path)
    suffix = image_suffix(path)
    try:
        told = _in_nifti(path) if suffix.startswith(".nii") else _in_png(path) if suffix == ".png" else ""
    except Exception:  # whatever a damaged file raises: its reader tells
        told = ""
    if _PROGRAM in told:
        return told
    return "synthetic, by its name" if suffix and _NAMES.match(path.name) else ""


def mark_header(header: Any, note: str, describe: bool) -> None:
    """Put a mark into a nibabel NIfTI header.

    Its first word goes into ``aux_file``, all of it into a comment; with ``describe`` as many words as fit into
    ``descrip``.
    """
    from nibabel.nifti1 import Nifti1Extension

    whole = note.encode()
    header["aux_file"] = whole.split(b":")[0][:23]
    if describe:
        header["descrip"] = whole if len(whole) < 80 else whole[:80].rpartition(b" ")[0]
    header.extensions.append(Nifti1Extension("comment", whole))


def _in_nifti(path: Path) -> str:
    from tumorscope.formats.gz import is_gzip, read_gzip
    from tumorscope.formats.nifti import read_header

    with read_gzip(path) if is_gzip(path) else path.open("rb") as stream:
        header = read_header(stream, path)
    comments = [e.text.strip("\0") for e in header.extensions if e.get_code() == _COMMENT]
    return next((text for text in comments if _PROGRAM in text), _in_fields(header))


def _in_fields(header: Any) -> str:
    """Return what other programs leave of a mark: they copy the header's own fields, not its comments."""
    kind, words = (header[field].item().decode(errors="replace") for field in ("aux_file", "descrip"))
    return words if kind and words.startswith(kind) else ""


def _in_png(path: Path) -> str:
    from PIL import Image as pillow

    with pillow.open(path) as picture:
        return str(picture.info.get("Description", ""))
