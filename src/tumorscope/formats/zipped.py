"""A zip file unpacked into a temporary folder that removes itself; nothing can leave that folder or fill the disk."""

from __future__ import annotations

import shutil
import stat
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from tumorscope.core.errors import InputError

#: A study is smaller than this when unpacked, in bytes.
MAX_BYTES = 16 << 30
MAX_FILES = 200_000
_CHUNK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


class Unpacked:
    """Holds the unpacked files; they vanish with the last reference to it, at the latest when Python ends.

    Attributes:
        folder: Where they are; it is called like the zip file.
    """

    def __init__(self, name: str) -> None:
        top = Path(tempfile.mkdtemp(prefix="tumorscope-"))
        self._remove = weakref.finalize(self, shutil.rmtree, top, True)
        self.folder = top / name
        self.folder.mkdir()

    def remove(self) -> None:
        """Remove the files now."""
        self._remove()


def is_zip(path: str | Path) -> bool:
    """Whether ``path`` is a file that starts like a zip file, whatever its name."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(path: str | Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> Unpacked:
    """Unpack a zip file into a temporary folder.

    Messages do not repeat names from inside the file: they often hold patients' names.

    Args:
        path: The zip file.
        max_bytes: Most bytes that may come out; counted while unpacking, whatever the directory claims.
        max_files: Most files.

    Raises:
        InputError: if it is damaged, encrypted or too large, or names a place outside its folder.
    """
    path = Path(path)
    unpacked = Unpacked(path.name.removesuffix(path.suffix) or "study")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            _check(members, max_bytes, max_files)
            left = max_bytes
            for member in members:
                left -= _extract(archive, member, unpacked.folder, left)
    except _DAMAGED as error:
        unpacked.remove()
        raise InputError(
            expected="a zip file that can be unpacked",
            found=f"a damaged or unsupported one ({type(error).__name__})",
            fix="Copy it again, or unpack it and give the folder",
        ) from error
    except BaseException:
        unpacked.remove()
        raise
    return unpacked


def _check(members: list[zipfile.ZipInfo], max_bytes: int, max_files: int) -> None:
    total = sum(m.file_size for m in members)
    if len(members) > max_files or total > max_bytes:
        raise _too_large(f"{len(members)} files of together {total / 2**30:.1f} GiB", max_bytes, max_files)
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0] or "\0" in member.filename:
            raise _refused("a zip file whose files stay inside its folder", "one that names a place outside")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise _refused("a zip file without links", "a symbolic link in it")
        if member.flag_bits & 1:
            raise _refused("a zip file without password", "an encrypted one")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Write one file and return its size; the name has been checked."""
    target = folder.joinpath(*PurePosixPath(member.filename.replace("\\", "/")).parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(member) as source, target.open("wb") as stream:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise _too_large("one that unpacks to more than it says", left, MAX_FILES)
            stream.write(chunk)
    return size


def _too_large(found: str, max_bytes: int, max_files: int) -> InputError:
    return InputError(
        expected=f"a zip file of at most {max_files} files and {max_bytes / 2**30:.1f} GiB unpacked",
        found=found,
        fix="Unpack it yourself and give the folder of one study",
    )


def _refused(expected: str, found: str) -> InputError:
    return InputError(expected=expected, found=found, fix="Unpack it yourself where that is safe and give the folder")
