import hashlib
import os
from pathlib import Path

import pytest

from tumorscope.core import pseudonym as module
from tumorscope.core.errors import InputError
from tumorscope.core.pseudonym import key_file, pseudonym, pseudonym_key


def test_one_key_one_pseudonym_another_key_another(tmp_path: Path) -> None:
    with pseudonym_key(tmp_path / "a.key"):
        first, again, other = pseudonym(b"1.2.3"), pseudonym(b"1.2.3"), pseudonym(b"1.2.4")
    with pseudonym_key(tmp_path / "a.key"):
        assert pseudonym(b"1.2.3") == first
    with pseudonym_key(tmp_path / "b.key"):
        assert pseudonym(b"1.2.3") != first
    assert first == again != other
    assert pseudonym(b"ab", b"c") != pseudonym(b"a", b"bc")
    assert hashlib.sha256(b"1.2.3").hexdigest() != first


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "study.key"
    with pseudonym_key(path):
        pass
    key = path.read_bytes()
    with pseudonym_key(path):
        pass
    assert path.read_bytes() == key and len(key) == 32
    assert [p.name for p in path.parent.iterdir()] == ["study.key"]
    if os.name != "nt":
        assert path.stat().st_mode & 0o077 == 0


def test_a_short_or_unusable_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"secret")
    with pytest.raises(InputError, match="at least 16 bytes"), pseudonym_key(tmp_path / "short"):
        pass
    with pytest.raises(InputError, match="key file"), pseudonym_key(tmp_path / "short" / "key"):
        pass


def test_without_a_place_for_the_key_pseudonyms_hold_for_one_run(tmp_path: Path, monkeypatch, caplog) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("TUMORSCOPE_KEY")
    monkeypatch.setenv("XDG_DATA_HOME" if os.name != "nt" else "LOCALAPPDATA", str(tmp_path / "file"))
    module._key_of_this_run.cache_clear()
    first = pseudonym(b"1.2.3")
    assert "fit no other run" in caplog.text
    assert pseudonym(b"1.2.3") == first
    module._key_of_this_run.cache_clear()
    assert pseudonym(b"1.2.3") != first


def test_the_installation_key_lies_where_it_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TUMORSCOPE_KEY", str(tmp_path / "named"))
    assert key_file() == tmp_path / "named"
    pseudonym(b"x")
    assert len((tmp_path / "named").read_bytes()) == 32
    (tmp_path / "named").write_bytes(b"short")
    with pytest.raises(InputError):
        pseudonym(b"x")
