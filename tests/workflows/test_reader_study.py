"""reader-study: a form that does not give itself away, and answers that count once."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tumorscope.cli.main import main
from tumorscope.core.errors import InputError, UsageError
from tumorscope.formats import write_png
from tumorscope.workflows.reader_study import make_form, score_answers


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for kind, size in (("real", 64), ("synthetic", 40)):
        (tmp_path / kind).mkdir()
        for n in range(6):
            pixels = np.zeros((size, size), np.uint8)
            pixels[5 : size - 5, 8 : size - 8] = 40 + 10 * n
            Pillow.fromarray(pixels).save(tmp_path / kind / f"{kind}{n}.png")
    return tmp_path / "real", tmp_path / "synthetic"


def test_the_form_is_shuffled_and_tells_nothing(folders: tuple[Path, Path], tmp_path: Path) -> None:
    form = make_form(*folders, tmp_path / "study", count=10, seed=1)
    key = json.loads(Path(form.key).read_text())
    truths = [item["truth"] for item in key["items"].values()]
    assert truths.count("real") == truths.count("synthetic") == 5 and truths != sorted(truths)
    page = Path(form.form).read_text()
    assert page.count("<fieldset") == 10 and "real0" not in page and "synthetic0" not in page
    assert 'src="http' not in page and "Research use only" in page


def test_made_images_do_not_pass_as_real(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (file,) = sorted(folders[0].iterdir())[:1]
    (folders[0] / "synthetic_gan-t1c-flair_00001_T1CE.png").write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="made by tumorscope"):
        make_form(*folders, tmp_path, count=2)


@pytest.mark.parametrize("note", ["synthetic: made by tumorscope 1", "processed: denoised by tumorscope 1"])
def test_files_tell_what_they_are_whatever_their_names(folders: tuple[Path, Path], tmp_path: Path, note: str) -> None:
    write_png(np.ones((64, 64), np.uint8), folders[0] / "case7.png", note=note)
    with pytest.raises(InputError, match=r"case7.png, made by tumorscope"):
        make_form(*folders, tmp_path, count=2)


def test_one_folder_is_not_both(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for synthetic in (folders[0], folders[0] / "below"):
        synthetic.mkdir(exist_ok=True)
        with pytest.raises(InputError, match="two folders"):
            make_form(folders[0], synthetic, tmp_path, count=2)
    with pytest.raises(UsageError, match="even --count"):
        make_form(*folders, tmp_path, count=5)


def test_either_kind_shows_the_same_sequences(tmp_path: Path) -> None:
    for kind, names in (("real", ("t1", "t2", "flair", "flair")), ("synthetic", ("t1ce", "flair", "flair", "t2"))):
        (tmp_path / kind).mkdir()
        for n, name in enumerate(names):
            picture = Pillow.fromarray(np.full((32, 32), 90, np.uint8))
            picture.save(tmp_path / kind / f"{kind}-{n}_{name}.png")
    form = make_form(tmp_path / "real", tmp_path / "synthetic", tmp_path / "study", count=6)
    shown = [Path(item["file"]).stem for item in json.loads(Path(form.key).read_text())["items"].values()]
    ends = {kind: sorted(n.split("_")[1] for n in shown if n.startswith(kind)) for kind in ("real", "synthetic")}
    assert ends == {"real": ["flair", "flair", "t2"], "synthetic": ["flair", "flair", "t2"]}
    with pytest.raises(InputError, match=r"of the same sequences.*2 FLAIR"):
        make_form(tmp_path / "real", tmp_path / "synthetic", tmp_path / "study", count=8)


def test_fine_and_coarse_images_are_equally_sharp(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(1, 255, (64, 64)).astype(np.uint8)
    for kind, pixels in (("real", noise.repeat(4, 0).repeat(4, 1)), ("synthetic", noise)):
        (tmp_path / kind).mkdir()
        Pillow.fromarray(pixels).save(tmp_path / kind / "a.png")
    page = Path(make_form(tmp_path / "real", tmp_path / "synthetic", tmp_path / "study", count=2).form).read_text()
    first, second = (part.split('"')[0] for part in page.split("base64,")[1:3])
    assert first == second


def test_one_small_head_does_not_blur_the_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("real", "synthetic"):
        (tmp_path / kind).mkdir()
        for n, side in enumerate((8, 100, 100)):
            pixels = np.zeros((120, 120), np.uint8)
            pixels[:side, :side] = rng.integers(1, 255, (side, side))
            Pillow.fromarray(pixels).save(tmp_path / kind / f"{n}.png")
    page = Path(make_form(tmp_path / "real", tmp_path / "synthetic", tmp_path / "study", count=6).form).read_text()
    sizes = sorted(len(part.split('"')[0]) for part in page.split("base64,")[1:7])
    assert sizes[2] > 2 * sizes[1], "four of six keep their detail"


def test_answers_are_scored(folders: tuple[Path, Path], tmp_path: Path) -> None:
    form = make_form(*folders, tmp_path / "study", count=10)
    key = json.loads(Path(form.key).read_text())

    def answers(reader: str, give: dict[str, str]) -> Path:
        path = tmp_path / f"{reader}.csv"
        with path.open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["study", "reader", "years", "item", "answer", "confidence"])
            writer.writerows([key["study"], reader, 3, item, give[v["truth"]], 2] for item, v in key["items"].items())
        return path

    right = answers("a", {"real": "real", "synthetic": "synthetic"})
    same = answers("b", {"real": "real", "synthetic": "real"})
    scores = {s.reader: s for s in score_answers([right, same], form.key)}
    assert (scores["a"].accuracy, scores["b"].accuracy, scores["all"].accuracy) == (1.0, 0.5, 0.75)
    assert main(["reader-study", "--answers", str(right), "--key", form.key]) == 0
    with pytest.raises(InputError, match="study"):
        other = make_form(*folders, tmp_path / "other", count=4)
        score_answers([right], other.key)
    for twice in ([right, right], [right, answers("b", {"real": "real", "synthetic": "synthetic"}), right]):
        with pytest.raises(InputError, match="once"):
            score_answers(twice, form.key)
    half = tmp_path / "a (1).csv"
    half.write_text("".join(right.read_text().splitlines(keepends=True)[:4]))
    with pytest.raises(InputError, match="one answer of 'a' to image"):
        score_answers([half, right], form.key)
    nameless = [tmp_path / "x.csv", tmp_path / "y.csv"]
    for path in nameless:
        path.write_text(right.read_text().replace(",a,", ",,"))
    with pytest.raises(InputError, match=r"x.csv and .*y.csv"):
        score_answers(nameless, form.key)
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "x.csv"
    wrong = answers("c", {"real": "synthetic", "synthetic": "real"})
    other.write_text(wrong.read_text().replace(",c,", ",,"))
    assert [s.reader for s in score_answers([nameless[0], other], form.key)] == ["x", "x-2", "all"]


@pytest.mark.parametrize("words", [[], ["--real", "r"], ["--answers", "a.csv"]])
def test_half_a_command_is_refused(words: list[str]) -> None:
    assert main(["reader-study", *words]) == 64
