"""Errors, files, sequences, registries."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from tumorscope.core.errors import GeometryError, LeakError, OutputError, TumorscopeError, UsageError
from tumorscope.core.files import atomic_path, content_hash, ensure_folder, write_text
from tumorscope.core.registry import Registry
from tumorscope.core.sequence import ALIASES, Sequence


def test_an_error_is_one_sentence_of_three_parts() -> None:
    error = GeometryError(expected="a", found="b", fix="Do c")
    assert str(error) == "Expected a; found b. Do c."
    assert str(UsageError(expected="a", found="b", fix="Did you mean 'd'?")) == "Expected a; found b. Did you mean 'd'?"
    assert (error.exit_code, UsageError.exit_code, LeakError.exit_code) == (2, 64, 2)


def test_errors_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(UsageError(expected="a", found="b", fix="name it with --c", option="--c")))
    assert type(error) is UsageError
    assert isinstance(error, TumorscopeError)
    assert (error.expected, error.found, error.fix, error.option) == ("a", "b", "name it with --c", "--c")


def test_an_error_told_in_other_words_keeps_its_kind_and_the_rest() -> None:
    error = LeakError(expected="a", found="b", fix="name it with --c", option="--c")
    other = error.replace(found="b in case 1")
    assert (type(other), other.found, error.found) == (LeakError, "b in case 1", "b")
    assert (other.expected, other.fix, other.option) == ("a", "name it with --c", "--c")


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "scan.nii.gz"
    with atomic_path(path) as scratch:
        assert scratch.name.endswith(".nii.gz")
        scratch.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(RuntimeError), atomic_path(path) as scratch:
        scratch.write_text("broken off")
        raise RuntimeError
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["scan.nii.gz"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_full_disk_and_a_file_in_the_way_are_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no space left"), atomic_path(tmp_path / "x"):
        raise OSError(28, os.strerror(28))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_text(tmp_path / "file" / "x.txt", "")
    with pytest.raises(OutputError, match="an output folder"):
        ensure_folder(tmp_path / "file")
    assert ensure_folder(tmp_path / "a" / "b").is_dir()


def test_content_hashes() -> None:
    assert content_hash(b"abc") == "ba7816bf8f01cfea"  # the first 16 digits of SHA-256, from FIPS 180-2
    assert content_hash(b"a", b"bc") == content_hash(b"abc")


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("t1ce", "T1CE"),
        ("T1Gd", "T1CE"),
        ("t1c", "T1CE"),
        ("T1-CE", "T1CE"),
        ("t1n", "T1"),
        ("T1w", "T1"),
        ("t2w", "T2"),
        ("t2f", "FLAIR"),
        ("T2-FLAIR", "FLAIR"),
        (" flair ", "FLAIR"),
    ],
)
def test_spellings_of_sequences(text: str, sequence: str) -> None:
    assert Sequence.parse(text) == sequence


def test_unknown_sequences_are_told() -> None:
    with pytest.raises(UsageError, match=r"T1, T1CE, T2, FLAIR\); found 'PET'"):
        Sequence.parse("PET")
    assert set(ALIASES.values()) == set(Sequence)
    assert list(Sequence) == ["T1", "T1CE", "T2", "FLAIR"]


def test_a_registry_imports_only_what_is_asked_for() -> None:
    registry = Registry("thing", {"join": "os.path:join", "gone": "no.such.module:x"})
    assert sorted(registry) == ["gone", "join"]
    assert registry.load("join") is os.path.join
    registry.check("gone")
    with pytest.raises(UsageError, match=r"a known thing; found 'joim'\. Did you mean 'join'"):
        registry.load("joim")
    with pytest.raises(UsageError, match="Known: gone, join"):
        registry.check("zzzz")
