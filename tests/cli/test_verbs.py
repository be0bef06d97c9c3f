import inspect
import json
import re
import shlex
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from tumorscope.cli.main import VERBS, main, parse
from tumorscope.cli.options import parse_spacing
from tumorscope.core.errors import UsageError

VERBS_SHIPPED = sorted(VERBS)


def _command(verb):
    return import_module(f"tumorscope.cli.{verb.replace('-', '_')}").Command


@pytest.mark.parametrize("verb", VERBS_SHIPPED)
def test_help_explains_every_option(verb, capsys):
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    for field in fields(_command(verb)):
        if "Positional[" not in str(field.type) and field.name != "overrides":
            name = field.name.replace("_", "-")
            assert f"--{name}" in text or f"--no-{name}" in text
    assert not re.search(r"│ --?[\w-]+( [^\s]+)?\s*│\n[╰│]\s*(--|─)", text), "an option without a word of help"


@pytest.mark.parametrize("verb", VERBS_SHIPPED)
def test_the_example_of_the_help_parses(verb):
    example = re.search(r"Example: tumorscope (.+)", inspect.getdoc(_command(verb)) or "")
    assert example is not None
    named, *words = shlex.split(example.group(1))
    assert named == verb
    assert parse(_command(verb), verb, words) is not None


@pytest.mark.parametrize("verb", [verb for verb in VERBS_SHIPPED if verb != "app"])  # it serves until it is stopped
def test_every_verb_takes_json(verb, capsys):
    assert "json" in {field.name for field in fields(_command(verb))}


def test_predict_takes_several_inputs_and_all_options():
    words = [
        "a.nii",
        "b",
        "-o",
        "out",
        "--bundle",
        "x",
        "--sequence",
        "FLAIR",
        "--spacing",
        "1,1,5",
        "--runtime",
        "torch",
    ]
    command = parse(_command("predict"), "predict", [*words, "--device", "cpu", "--probabilities", "--json"])
    assert [str(path) for path in command.inputs] == ["a.nii", "b"]
    assert (str(command.out), str(command.json), command.spacing) == ("out", "-", "1,1,5")
    assert command.probabilities is True


@pytest.mark.parametrize(
    "words", [["predict", "-o", "out"], ["predict", "a"], ["predict", "a", "-o", "o", "--spacing", "1"]]
)
def test_predict_refuses_incomplete_words(words, capsys):
    assert main(words) == 64
    assert capsys.readouterr().err


@pytest.mark.parametrize(("statuses", "code"), [(["ok", "ok"], 0), (["ok", "failed"], 1), (["failed"], 2), ([], 2)])
def test_predict_codes_and_json(monkeypatch, capsys, statuses, code):
    from tumorscope.report.summary import CaseRow
    from tumorscope.workflows.predict import PredictSummary

    seen = {}

    def fake_predict(inputs, output, **options):
        seen.update(options, inputs=inputs, output=output)
        options["say"]("a line for people")
        return PredictSummary(str(output), [CaseRow(f"c{i}", status) for i, status in enumerate(statuses)])

    monkeypatch.setattr("tumorscope.workflows.predict.predict_inputs", fake_predict)
    assert main(["predict", "a", "b", "-o", "out", "--spacing", "1,1,5", "--json"]) == code
    shown = capsys.readouterr()
    assert [case["status"] for case in json.loads(shown.out)["cases"]] == statuses
    assert shown.err == "a line for people\n"
    assert (seen["inputs"], seen["output"], seen["spacing"]) == ((Path("a"), Path("b")), Path("out"), (1, 1, 5))


@pytest.mark.parametrize("runtime", ["tensorrt", ""])
def test_predict_refuses_unknown_runtimes(runtime, capsys):
    assert main(["predict", "a", "-o", "out", "--runtime", runtime]) == 64


def test_spacing():
    assert parse_spacing("1,1,5.5") == (1, 1, 5.5)
    assert parse_spacing(None) is None
    for text in ("1", "1,1", "1,1,0", "1,1,-1", "a,b,c", "1,1,nan", "1,1,inf", ""):
        with pytest.raises(UsageError, match="--spacing"):
            parse_spacing(text)


def test_train_hands_recipe_values_on(monkeypatch):
    seen = {}

    def fake_train(recipe, data, output, **options):
        seen.update(recipe=recipe, **options)
        raise UsageError(expected="x", found="y", fix="z")

    monkeypatch.setattr("tumorscope.workflows.train.train_recipe", fake_train)
    words = ["lgg-flair", "--data", "d", "-o", "r", "--optimizer.lr", "3e-4", "--training.epochs=2", "--init", "b"]
    assert main(["train", *words]) == 64
    assert seen["overrides"] == {"optimizer.lr": "3e-4", "training.epochs": "2"}
    assert (seen["recipe"], seen["init"]) == ("lgg-flair", "b")


def test_evaluate_wants_one_of_two_ways(capsys):
    assert main(["evaluate", "--bundle", "b", "--pred", "p"]) == 64
    assert "either --bundle" in capsys.readouterr().err


def test_inspect_codes(tmp_path, capsys):
    assert main(["inspect", str(tmp_path / "nothing.nii.gz")]) == 2
    (tmp_path / "bad.nii").write_text("not a scan")
    assert main(["inspect", str(tmp_path)]) == 2
    seen = capsys.readouterr()
    assert "Traceback" not in seen.err
