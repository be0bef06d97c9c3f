"""Data that have a tumour type per picture and neither masks nor patients."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import audited, case, head
from PIL import Image as Pillow

from tumorscope.audit import CHECKS
from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Finding, Severity
from tumorscope.audit.result import run_checks
from tumorscope.cli.main import main
from tumorscope.workflows.audit import audit

TYPES = ("glioma", "meningioma", "pituitary", "no tumor")


def pictures(copies: int = 3, fresh: int = 4) -> Audited:
    """Twelve training pictures; the test holds mirrored copies of some, and pictures of its own, all the wrong type."""
    train = [case(f"t{i}", [head(i)], tumor_type=TYPES[i % 4], unit="slice") for i in range(12)]
    test = [case(f"c{i}", [head(i)[:, ::-1].copy()], tumor_type=TYPES[i % 4], unit="slice") for i in range(copies)]
    test += [case(f"n{i}", [head(100 + i)], tumor_type="astrocytoma", unit="slice") for i in range(fresh)]
    parts = {c.id: "train" for c in train} | {c.id: "test" for c in test}
    return audited(train + test, parts=parts, unit="release")


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {f.check: f for f in run_checks(pictures())}


def test_nothing_is_said_of_masks_and_neighbours(findings: dict[str, Finding]) -> None:
    assert not {"label-values", "empty-masks", "rectangles", "neighbours"} & set(findings)
    assert findings["patients"].severity is Severity.REMARK
    assert "not known" in findings["patients"].headline
    assert "patients unknown" in findings["files"].headline


def test_copies_and_classes_are_counted_per_part(findings: dict[str, Finding]) -> None:
    exact, near = findings["exact-duplicates"], findings["near-duplicates"]
    assert exact.severity is near.severity is Severity.LEAK
    assert exact.numbers["test slices identical to a training slice"] == 3
    assert near.numbers["test slices that look like a training slice"] == 3
    assert near.numbers["turned or mirrored pairs"] == 3
    assert "glioma 4 (3 train, 1 test)" in findings["classes"].headline


def test_the_nearest_neighbour_is_also_scored_without_copies(findings: dict[str, Finding]) -> None:
    found = findings["baselines"]
    assert found.numbers["test pictures"] == 7
    assert found.numbers["test pictures without a copy in train"] == 4
    assert found.numbers["nearest-neighbour without copies"] == 0, "no training picture has their type"
    score = next(s for s in found.scores if s.note.startswith("nearest-neighbour without copies"))
    assert (score.n, score.metric) == (4, "accuracy")
    assert "too narrow" in found.details[-1]


@pytest.mark.parametrize(("copies", "fresh"), [(0, 4), (3, 0)])
def test_without_copies_or_with_nothing_else_there_is_one_accuracy(copies: int, fresh: int) -> None:
    (found,) = CHECKS.load("baselines")(pictures(copies, fresh))
    assert "nearest-neighbour" in found.numbers
    assert "nearest-neighbour without copies" not in found.numbers


def test_copies_under_another_type_in_other_data_are_named() -> None:
    mine = audited([case(f"a{i}", [head(i)], tumor_type="glioma", unit="slice") for i in range(4)])
    kinds = ("glioma", "meningioma", None)
    theirs = audited([case(f"b{i}", [head(i)], tumor_type=kind) for i, kind in enumerate(kinds)])
    (found,) = CHECKS.load("other-data")(replace(mine, others={"figshare": theirs}))
    assert found.numbers["slices that look the same as one there"] == 3
    assert found.numbers["slices whose copy there has another tumour type"] == 1
    assert "1 of them under another tumour type" in found.headline
    assert found.examples[0].text == "a1 is glioma, the same picture in figshare (b1) is meningioma"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for i in range(8):
        for part in ("Training", "Testing")[: 1 + (i < 2)]:
            kind = ("glioma", "notumor")[i % 2]
            path = tmp_path / "data" / part / kind / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(head(i) if part == "Training" else head(i)[::-1]).save(path)
    return tmp_path / "data"


def test_the_command_on_a_small_release(release: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "audit.json", tmp_path / "audit.html"
    command = ["audit", "--dataset", "four_class", "--data", str(release), "--json", str(out), "--report", str(page)]
    assert main(command) == 0
    assert main([*command, "--strict"]) != 0
    content = json.loads(out.read_text())
    exact = next(f for f in content["findings"] if f["check"] == "exact-duplicates")
    assert exact["numbers"]["test slices identical to a training slice"] == 2
    assert "Testing_glioma_0" in page.read_text()
    assert np.isclose(next(f for f in content["findings"] if f["check"] == "baselines")["numbers"]["majority"], 0.5)


@pytest.mark.slow
def test_the_real_release(test_data: Path, tmp_path: Path) -> None:
    """S3-16 on the copy here: the release has 216 identical of 1311 test pictures, 34 % near, 1-NN 96.6 %."""
    data, figshare = test_data / "four_class", test_data / "figshare"
    result = audit("four_class", data, against=[f"figshare={figshare}"], store=tmp_path)
    found = {f.check: f.numbers for f in result.findings}
    assert found["exact-duplicates"]["test slices identical to a training slice"] == 215
    near = found["near-duplicates"]
    assert 0.30 < near["test slices within 5 bits of a training slice, not turned"] / near["test slices"] < 0.40  # type: ignore[operator]
    assert 0.96 < found["baselines"]["nearest-neighbour"] < 0.985  # type: ignore[operator]
    assert found["baselines"]["nearest-neighbour without copies"] < 0.95  # type: ignore[operator]
    assert found["other-data"]["slices whose copy there has another tumour type"] == 4
    tumours = sum(found["classes"][t] for t in ("glioma", "meningioma", "pituitary"))  # type: ignore[misc]
    assert found["other-data"]["cases that the other set has too"] > 0.9 * tumours  # type: ignore[operator]
