import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorscope.cli import output as output_room
from tumorscope.cli.main import main
from tumorscope.cli.output import json_text, output, plain
from tumorscope.core.errors import InputError, OutputError


class Colour(StrEnum):
    RED = "red"


@dataclass
class Row:
    name: str
    size: float


def test_everything_becomes_plain():
    value = {
        Colour.RED: [Path("a/b"), np.float32(0.5), np.arange(2)],
        "rows": (Row("x", float("nan")),),
        "set": {2, 1},
        3: None,
        "flag": np.bool_(True),
    }
    assert plain(value) == {
        "red": ["a/b", 0.5, [0, 1]],
        "rows": [{"name": "x", "size": None}],
        "set": [1, 2],
        "3": None,
        "flag": True,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_text_is_strict_json_and_keeps_finite_values(value):
    def refuse(word):
        raise AssertionError(word)

    assert json.loads(json_text(value), parse_constant=refuse) == plain(value)


def test_stdout_holds_json_only(fake, capsys):
    def behaviour(command, out):
        print("a library prints")
        out.say("for [people]")
        out.give({"a": 1})

    fake(behaviour)
    assert main(["fake", "--json"]) == 0
    seen = capsys.readouterr()
    assert json.loads(seen.out) == {"a": 1}
    assert seen.err == "a library prints\nfor [people]\n"


def test_json_file_leaves_stdout_to_people(fake, capsys, tmp_path):
    def behaviour(command, out):
        out.say("hello")
        out.give([1, 2])

    fake(behaviour)
    target = tmp_path / "new" / "result.json"
    assert main(["fake", "a", "--json", str(target)]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert json.loads(target.read_text()) == [1, 2]


def test_long_lines_are_not_wrapped(capsys):
    with output(None) as out:
        out.say("x " * 300)
    assert capsys.readouterr().out.count("\n") == 1


def test_an_error_is_json_too(fake, capsys):
    def behaviour(command, out):
        raise InputError(expected="a scan", found="a cat", fix="Bring a scan")

    fake(behaviour)
    assert main(["fake", "--json"]) == 2
    seen = capsys.readouterr()
    error = json.loads(seen.out)["error"]
    assert error == {
        "message": "Expected a scan; found a cat. Bring a scan.",
        "expected": "a scan",
        "found": "a cat",
        "fix": "Bring a scan",
        "exit_code": 2,
    }
    assert seen.err.startswith("tumorscope: Expected")


def test_an_unexpected_error_is_json_too(fake, capsys):
    def behaviour(command, out):
        raise ValueError("boom")

    fake(behaviour)
    assert main(["fake", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "ValueError: boom"


def test_a_bad_json_file_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path, tmp_path / "file" / "result.json"):
        with pytest.raises(OutputError, match="--json"), output(target):
            raise AssertionError("the work began")


def test_a_terminal_sees_how_far_a_long_job_is_and_nothing_is_left(capsys, monkeypatch):
    monkeypatch.setattr(output_room, "_REDRAW_S", 0)
    with output(None) as out:
        out.watch("denoising", 0.25)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        out.watch("denoising", 0.5)
        assert capsys.readouterr().err.endswith(" 50%  denoising")
        out.say("done")
        told = capsys.readouterr()
        assert told.err == "\r\x1b[2K" and told.out == "done\n"
        out.watch("writing", 0.9)
    assert capsys.readouterr().err.endswith("\x1b[2K")
