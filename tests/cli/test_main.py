import json
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import tumorscope
from tumorscope.cli.main import VERBS, main
from tumorscope.core.errors import InputError, UsageError


def _raise(error):
    def behaviour(command, out):
        raise error

    return behaviour


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_verbs_code_is_the_exit_code(fake, code):
    fake(lambda command, out: code)
    assert main(["fake"]) == code


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_names_every_verb(capsys, words):
    assert main(words) == 0
    text = capsys.readouterr().out
    assert all(f"  {verb} " in text for verb in VERBS)


def test_no_words_is_a_usage_error_that_shows_the_help(capsys):
    assert main([]) == 64
    assert "verbs:" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(capsys, flag):
    assert main([flag]) == 0
    assert capsys.readouterr().out == f"tumorscope {tumorscope.__version__}\n"


def test_unknown_verb_names_the_nearest(capsys):
    assert main(["predcit"]) == 64
    assert "Did you mean 'predict'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--nonsense"], ["--size", "many"], ["--size"]])
def test_wrong_options_are_usage_errors(fake, capsys, words):
    fake(lambda command, out: 0)
    # An unknown undotted option of this verb could be a recipe value, but not without its value.
    assert main(["fake", *words]) == 64
    assert capsys.readouterr().err


def test_help_of_a_verb_is_no_error(fake, capsys):
    fake(lambda command, out: 0)
    assert main(["fake", "--help"]) == 0
    assert "Example: tumorscope fake" in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "code"), [(InputError, 2), (UsageError, 64)])
def test_expected_errors_are_one_line_without_traceback(fake, capsys, kind, code):
    fake(_raise(kind(expected="a scan", found="a cat\nin line two", fix="Bring a scan")))
    assert main(["fake"]) == code
    seen = capsys.readouterr()
    assert seen.err == "tumorscope: Expected a scan; found a cat in line two. Bring a scan.\n"
    assert seen.out == ""


def test_unexpected_errors_are_one_line_and_name_the_flag(fake, capsys):
    fake(_raise(ZeroDivisionError("1 / 0")))
    assert main(["fake"]) == 2
    expected = "tumorscope: unexpected ZeroDivisionError: 1 / 0 (run with --traceback to see it)\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("words", [["--traceback", "fake"], ["fake", "--traceback"], ["fake", "a", "--traceback", "b"]])
def test_traceback_flag_works_anywhere(fake, capsys, words):
    fake(_raise(ZeroDivisionError("1 / 0")))
    assert main(words) == 2
    seen = capsys.readouterr().err
    assert "Traceback (most recent call last)" in seen
    assert "run with --traceback" not in seen


def test_full_disk_and_memory_are_sentences(fake, capsys):
    fake(_raise(OSError(28, "No space left on device")))
    assert main(["fake"]) == 2
    fake(_raise(MemoryError()))
    assert main(["fake"]) == 2
    disk, memory = capsys.readouterr().err.splitlines()
    assert "free disk space" in disk
    assert "enough memory" in memory


def test_ctrl_c_is_130_with_a_sentence(fake, capsys):
    fake(_raise(KeyboardInterrupt()))
    assert main(["fake"]) == 130
    assert "stopped by the user" in capsys.readouterr().err


def test_library_warnings_are_hidden_and_own_ones_are_notes(fake, capsys):
    def behaviour(command, out):
        warnings.warn("from a library", stacklevel=1)
        own = Path(tumorscope.__file__).parent / "transforms" / "prepare.py"
        warnings.warn_explicit("labels would be lost", UserWarning, str(own), 1)
        warnings.warn_explicit("old API", DeprecationWarning, str(own), 1)

    fake(behaviour)
    before = warnings.showwarning
    assert main(["fake"]) == 0
    assert capsys.readouterr().err == "tumorscope: note: labels would be lost\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize("flag", [[], ["--traceback"]])
def test_logged_errors_show_their_traceback_only_on_request(fake, capsys, flag):
    log = logging.getLogger("tumorscope.workflows.x")

    def behaviour(command, out):
        log.info("not worth a line")
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            log.exception("case 7 failed")

    fake(behaviour)
    assert main(["fake", *flag]) == 0
    seen = capsys.readouterr().err
    assert ("Traceback" in seen) is bool(flag)
    assert flag or seen == "tumorscope: note: case 7 failed (run with --traceback to see it)\n"
    assert logging.getLogger("tumorscope").handlers == []


def test_recipe_values_reach_the_verb(fake):
    seen = {}

    def behaviour(command, out):
        seen.update(things=command.things, size=command.size, **command.overrides)

    fake(behaviour)
    assert main(["fake", "--optimizer.lr", "3e-4", "a", "--size", "3", "--training.early-stopping=5"]) == 0
    assert seen == {"things": (Path("a"),), "size": 3, "optimizer.lr": "3e-4", "training.early_stopping": "5"}


def test_overrides_are_not_an_option_of_their_own(fake, capsys):
    fake(lambda command, out: 0)
    main(["fake", "--help"])
    assert "overrides" not in capsys.readouterr().out


def _tumorscope(*words, **options):
    return subprocess.run([sys.executable, "-m", "tumorscope", *words], capture_output=True, text=True, **options)


def test_the_process_ends_with_the_code():
    assert _tumorscope("--version").returncode == 0
    wrong = _tumorscope("nonsense")
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert wrong.stderr.startswith("tumorscope: ")


@pytest.mark.parametrize("words", [("info",), ("info", "--json"), ("predict", "--help")])
def test_a_reader_that_leaves_is_no_error(words):
    read, write = os.pipe()
    os.close(read)
    try:
        process = _tumorscope_to(write, *words)
    finally:
        os.close(write)
    assert "Broken" not in process.stderr and "Error" not in process.stderr
    assert process.stderr == "" or "--json" in words, "with --json words for people go to stderr"
    assert process.returncode == 141


def _tumorscope_to(stdout, *words):
    words = [sys.executable, "-m", "tumorscope", *words]
    return subprocess.run(words, stdout=stdout, stderr=subprocess.PIPE, text=True)


def test_json_on_stdout_is_alone_there():
    process = _tumorscope("info", "--json")
    assert json.loads(process.stdout)["version"] == tumorscope.__version__
    assert "data" in process.stderr
