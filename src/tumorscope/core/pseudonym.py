"""Pseudonyms: keyed hashes of identifiers, equal for equal identifiers under one key and telling nothing without it.

An unkeyed hash of a UID or a patient id can be undone by whoever has a list of candidates: hash them all and compare.
HMAC-SHA256 (RFC 2104) with a secret key cannot. The key is, in this order: the file of :func:`pseudonym_key`, the file
that ``TUMORSCOPE_KEY`` names, or one of this installation, made on first use.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from tumorscope.core.errors import InputError

log = logging.getLogger(__name__)

#: Bytes of a key that is made here, and the fewest that are accepted.
KEY_BYTES, LEAST_BYTES = 32, 16
_chosen: ContextVar[bytes | None] = ContextVar("pseudonym key", default=None)


def pseudonym(*parts: bytes) -> str:
    """Return 64 hex digits for ``parts``, the same for the same parts and key.

    Raises:
        InputError: if the file that ``TUMORSCOPE_KEY`` names holds no key.
    """
    return hmac.new(_chosen.get() or _own_key(), b"\0".join(parts), hashlib.sha256).hexdigest()


@contextmanager
def pseudonym_key(path: str | Path | None) -> Iterator[None]:
    """Use the key in ``path`` within the block; the file is made if it is not there. None leaves the key as it is.

    Raises:
        InputError: if it cannot be read or made, or holds too few bytes.
    """
    token = None if path is None else _chosen.set(read_key(Path(path)))
    try:
        yield
    finally:
        if token is not None:
            _chosen.reset(token)


def read_key(path: Path) -> bytes:
    """Return the bytes of a key file, which is made if it is not there, readable by its owner only.

    Raises:
        InputError: if it cannot be read or made, or holds too few bytes.
    """
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise InputError(
            expected="a key file for pseudonyms", found=f"{error.strerror}: {path}", fix="Name a file you may write"
        ) from error
    if len(key) < LEAST_BYTES:
        raise InputError(
            expected=f"at least {LEAST_BYTES} bytes of key",
            found=f"{len(key)} in {path}",
            fix="Name a file that is not there yet: a key is made in it",
        )
    return key


def key_file() -> Path:
    """Return ``TUMORSCOPE_KEY``, else where this installation keeps its key in the user's own data folder."""
    named = os.environ.get("TUMORSCOPE_KEY")
    if named:
        return Path(named)
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "tumorscope" / "pseudonym.key"


def _own_key() -> bytes:
    """Return the installation's key; where none can be kept, one for this run only."""
    path = key_file()
    try:
        return read_key(path)
    except InputError:
        if os.environ.get("TUMORSCOPE_KEY"):
            raise
        log.warning("No key for pseudonyms can be kept at %s: those of this run fit no other run.", path)
        return _key_of_this_run()


@lru_cache(maxsize=1)
def _key_of_this_run() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def _make(path: Path) -> None:
    """Write a random key beside ``path`` and give it that name, unless another process was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=".writing-", dir=path.parent)  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(scratch, path)
    finally:
        Path(scratch).unlink()
