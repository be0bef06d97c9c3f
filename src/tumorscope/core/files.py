"""Files that appear whole or not at all, and content hashes."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tumorscope.core.errors import OutputError


def _write_error(path: Path, error: OSError) -> OutputError:
    return OutputError(
        expected=f"to be able to write {path}",
        found=(error.strerror or str(error)).lower(),
        fix="Free space or choose another output folder, then run again",
    )


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a scratch path beside ``path``; rename it to ``path`` when the block ends well.

    The scratch name keeps the full suffix (``.nii.gz``) because writers choose the format by it.

    Raises:
        OutputError: if the folder or the file cannot be written (no space, no right, a file in the way).
    """
    path = Path(path)
    suffix = "".join(path.suffixes[-2:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch_name = tempfile.mkstemp(prefix=".writing-", suffix=suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _write_error(path, error) from error
    scratch = Path(scratch_name)
    try:
        yield scratch
        scratch.chmod(0o644)
        scratch.replace(path)
    except OSError as error:
        raise _write_error(path, error) from error
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all."""
    with atomic_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def ensure_folder(path: str | Path) -> Path:
    """Create the output folder ``path`` if needed and return it.

    Raises:
        OutputError: if it is a file, or cannot be made.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise OutputError(expected="an output folder", found=f"a file at {path}", fix="Name a folder after -o")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _write_error(path, error) from error
    return path


def zip_folder(folder: Path, path: str | Path) -> Path:
    """Write every file below ``folder`` into a zip file, under the folder's name, and return ``path``.

    Raises:
        OutputError: if it cannot be written.
    """
    with atomic_path(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, Path(folder.name) / file.relative_to(folder))
    return Path(path)


def content_hash(*parts: bytes) -> str:
    """Return the first 16 hex digits of the SHA-256 over ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
