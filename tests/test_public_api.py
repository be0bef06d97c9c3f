"""``import tumorscope as ts``: light, complete, and the same names for people, editors and type checkers."""

import ast
from pathlib import Path

import pytest

import tumorscope as ts


def test_every_public_name_is_there():
    assert set(ts.__all__) == {*ts._PUBLIC, "__version__"}
    for name in ts.__all__:
        assert getattr(ts, name) is not None
        assert name in dir(ts)


def test_types_name_the_same_things():
    stub = ast.parse(Path(ts.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = {
        alias.asname: f"{node.module}:{alias.name}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == ts._PUBLIC


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        _ = ts.segmnt
