import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorscope.cli.argv import fill_json, take_flag, take_overrides
from tumorscope.core.errors import UsageError

WORD = st.text("abc.-=", min_size=1, max_size=6)


@given(st.lists(WORD), st.integers(0, 8))
def test_a_flag_is_taken_wherever_it_stands(words, place):
    words = [word for word in words if word != "--"]
    with_flag = [*words[:place], "--traceback", *words[place:]]
    assert take_flag(with_flag, "--traceback") == (words, True)
    assert take_flag(words, "--traceback") == (words, False)


def test_a_flag_after_two_dashes_is_a_word():
    assert take_flag(["a", "--", "--traceback"], "--traceback") == (["a", "--", "--traceback"], False)


@pytest.mark.parametrize(
    ("words", "positionals", "expected"),
    [
        (["--json"], False, ["--json", "-"]),
        (["--json", "-"], False, ["--json", "-"]),
        (["--json", "-o", "out"], True, ["--json", "-", "-o", "out"]),
        (["--json", "scores"], False, ["--json", "scores"]),
        (["--json=scores", "x"], True, ["--json=scores", "x"]),
        (["a", "--json", "s.json"], True, ["a", "--json", "s.json"]),
        # never take a scan for the file to write
        (["--json", "scan.nii.gz"], True, ["--json", "-", "scan.nii.gz"]),
    ],
)
def test_bare_json_means_stdout(words, positionals, expected):
    assert fill_json(words, positionals=positionals) == expected


def test_overrides_are_separated_from_own_options():
    words = ["lgg-flair", "--data", "d", "--optimizer.lr", "3e-4", "-o", "run", "--seed=7", "--loss.dice.weight", "-1"]
    rest, overrides = take_overrides(words, ["data", "out"])
    assert rest == ["lgg-flair", "--data", "d", "-o", "run"]
    assert overrides == {"optimizer.lr": "3e-4", "seed": "7", "loss.dice.weight": "-1"}


def test_values_may_hold_equal_signs_and_dashes_in_keys_become_underscores():
    _, overrides = take_overrides(["--network.args.encoder-name=a=b"], [])
    assert overrides == {"network.args.encoder_name": "a=b"}


@pytest.mark.parametrize("words", [["--optimizer.lr"], ["--optimizer.lr", "--data", "d"], ["--a.b=1", "--a.b", "2"]])
def test_malformed_overrides_are_usage_errors(words):
    with pytest.raises(UsageError, match="Expected"):
        take_overrides(words, ["data"])


def test_a_mistyped_own_option_is_named():
    with pytest.raises(UsageError, match=r"Did you mean --data\?"):
        take_overrides(["--dat", "d"], ["data", "out"])


def test_words_after_two_dashes_stay():
    assert take_overrides(["--", "--a.b", "1"], []) == (["--", "--a.b", "1"], {})
