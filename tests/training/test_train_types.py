"""A classifier from pictures to bundle, frozen or not, and what belongs together in a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tumorscope.audit.apart import apart
from tumorscope.audit.audited import Audited
from tumorscope.audit.groups import grouped
from tumorscope.audit.scan import scan_cases
from tumorscope.cli.main import main
from tumorscope.core.errors import UsageError
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.workflows.evaluate import evaluate
from tumorscope.workflows.train import train_recipe

KINDS = ("glioma", "meningioma", "notumor", "pituitary")
TINY = {
    "preprocess.size": "[32, 32]",
    "network.name": "efficientnet-classifier",
    "network.args": "{encoder: efficientnet-lite0, encoder_weights: none, top: false, hidden: 8}",
    "data.outlines": "null",
    "training.epochs": "1",
    "training.batch_size": "4",
    "training.ema": "0",
    "base.augmented_copies": "1",
    "data.held_out": "null",
    "data.fractions": "[0.6, 0.2, 0.2]",
}


def head(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:72j, -1:1:72j]
    blobs = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) * 30) for a, b in rng.uniform(-0.6, 0.6, (9, 2)))
    return (((x / 0.8) ** 2 + (y / 0.9) ** 2 < 1) * (60 + 120 * blobs / blobs.max())).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("four_class")
    for k, kind in enumerate(KINDS):
        for part, numbers in (("Training", range(8)), ("Testing", (20, 21))):
            folder = root / part / kind
            folder.mkdir(parents=True)
            for n in numbers:
                Pillow.fromarray(head(100 * k + n)).save(folder / f"{kind}{n}.png")
    twin = Pillow.fromarray(head(0)).resize((90, 90)).transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)
    twin.save(root / "Testing" / "glioma" / "twin.png")
    return root


def test_a_mirrored_copy_of_another_size_is_in_one_group(data: Path) -> None:
    cases = DATASETS.load("four_class").discover(data)
    together = {c.id: c.patient for c in grouped(cases, Audited("four_class", "", scan_cases(cases, thorough=False)))}
    assert together["Testing_glioma_twin"] == together["Training_glioma_glioma0"]
    assert together["Training_glioma_glioma1"] != together["Training_glioma_glioma0"]


@pytest.mark.parametrize("frozen", ["0", "2", "all"])
def test_from_pictures_to_a_bundle_that_answers(data: Path, tmp_path: Path, frozen: str) -> None:
    said: list[str] = []
    run = tmp_path / "run"
    overrides = TINY | {"base.frozen_stages": frozen}
    result = train_recipe("tumor-type", data, run, overrides=overrides, echo=said.append)
    manifest = result.bundle.manifest
    assert manifest.outputs.kind == "types" and manifest.classify is not None and manifest.classify.novelty
    assert manifest.training.split["unit"] == "group" and manifest.training.case_hashes
    scores = evaluate(
        bundle=result.bundle.folder, dataset="four_class", data=data, split=run / "split.json", runtime="torch"
    ).to_json()
    assert scores["scores"][0]["n"] == sum(map(sum, scores["confusion"]["counts"])) > 0
    again = train_recipe("tumor-type", data, run, overrides=overrides, echo=said.append)
    assert again.bundle.manifest.weights_sha256 == manifest.weights_sha256


@pytest.fixture(scope="module")
def outlined(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Figshare-like pictures with outlines; number 1 is the picture of a glioma of the Testing folder."""
    root = tmp_path_factory.mktemp("figshare")
    for name in ("images", "masks"):
        (root / name).mkdir()
    lines = ["index,class,image,mask"]
    for number, seed in ((1, None), (2, 901), (3, 902), (900, 903)):
        shown = (
            Pillow.open(data / "Testing" / "glioma" / "glioma20.png") if seed is None else Pillow.fromarray(head(seed))
        )
        shown.save(root / "images" / f"{number}.png")
        mask = np.zeros((72, 72), np.uint8)
        mask[30:40, 20:34] = 255
        Pillow.fromarray(mask).save(root / "masks" / f"{number}.png")
        kind = "glioma" if number == 900 else "meningioma"
        lines.append(f"{number},{kind},images/{number}.png,masks/{number}.png")
    (root / "labels.csv").write_text("\n".join(lines))
    return root


@pytest.mark.parametrize("frozen", ["0", "3"])
def test_outlines_of_a_second_data_set_teach_where_to_look(
    data: Path, outlined: Path, tmp_path: Path, frozen: str
) -> None:
    said: list[str] = []
    overrides = TINY | {
        "network.name": "efficientnet-attention",
        "network.args": "{encoder: efficientnet-lite0, encoder_weights: none, hidden: 8}",
        "data.outlines": "figshare",
        "data.unit": "release",
        "loss.attention": "1",
        "base.frozen_stages": frozen,
        "training.keep": "last",
    }
    result = train_recipe(
        "tumor-type", data, tmp_path / "run", overrides=overrides, outlines=outlined, echo=said.append
    )
    assert any(line.startswith("3 of 4 pictures of figshare train along") for line in said), said
    assert result.bundle.manifest.training.manifest["pictures of data.outlines"] == 3
    assert len(result.bundle.load_networks()[0].encoder.channels) == 4


def test_a_patient_most_of_whose_copies_are_kept_out_does_not_train(data: Path, outlined: Path) -> None:
    cases = {
        name: DATASETS.load(name).discover(place) for name, place in (("four_class", data), ("figshare", outlined))
    }
    audited = {name: Audited(name, "", scan_cases(found, thorough=False)) for name, found in cases.items()}
    first, second = audited["four_class"], audited["figshare"]
    for by_patient, left in ((False, ["0002", "0003", "0900"]), (True, ["0900"])):
        found = apart(cases["figshare"], second, first, ["Testing_glioma_glioma20"], by_patient=by_patient)
        assert [c.id for c in found] == left  # 1 to 3 are one block
    assert len(apart(cases["figshare"], second, first, ["Testing_glioma_glioma21"], by_patient=True)) == 4


def test_look_alikes_are_split_together_from_the_command_line(
    data: Path, outlined: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["split", "--dataset", "four_class", "--data", str(data), "--kind", "groups", "-o", str(tmp_path)]
    words += ["--against", f"figshare={outlined}", "--fractions", "0.6", "0.2", "0.2"]
    assert main(words) == 0
    assert "split-1.json" in capsys.readouterr().out
    first, second = (Split.load(tmp_path / f"split-{draw}.json") for draw in (0, 1))
    assert first.unit == "group" and first.parts["test"] == second.parts["test"]
    where = {case: part for part, ids in first.parts.items() for case in ids}
    assert where.get("Testing_glioma_twin") in (where["Training_glioma_glioma0"], None)
    assert main([*words, "--against", "figshare"]) == 64


def test_outlines_need_a_folder(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--outlines"):
        train_recipe("tumor-type", data, tmp_path / "run", overrides=TINY | {"data.outlines": "figshare"})


def test_more_stages_than_the_network_has(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="frozen_stages"):
        train_recipe("tumor-type", data, tmp_path / "run", overrides=TINY | {"base.frozen_stages": "9"})
