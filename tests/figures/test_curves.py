"""Curves from a run's log."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as Pillow

from tumorscope.datasets.splits import Split
from tumorscope.figures.curves import curve_figure, overlap_figure, save_curves
from tumorscope.training.log_file import read_training_log

LOG = "epoch,train_loss,val_loss,train_dice,val_dice\n0,1,0.9,0.1,0.2\n1,0.8,0.5,0.2,0.6\n2,0.7,,0.3,\n"
LOG += "3,0.6,0.7,0.4,0.3\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log.csv").write_text(LOG)
    return tmp_path / "log.csv"


@pytest.mark.parametrize(("quantity", "best"), [("loss", 0.5), ("dice", 0.6)])
def test_both_curves_and_the_best_epoch(log: Path, quantity: str, best: float) -> None:
    figure = curve_figure(read_training_log(log), quantity)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["training"].get_xdata()) == [1, 2, 3, 4]
    assert list(lines["validation"].get_xdata()) == [1, 2, 4]  # epochs without validation are left out
    assert f"Best validation value {best} in epoch 2 of 4" in figure.get_supxlabel()
    assert axes.get_xlabel() == "epoch"
    assert len(axes.get_legend().get_texts()) == 2


def test_over_fitting_is_shaded_from_its_epoch(tmp_path: Path) -> None:
    rows = [f"{e},{1 / (e + 1):.4f},{0.5 + 0.1 * abs(e - 4):.4f}" for e in range(12)]
    (tmp_path / "training.log").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    figure = curve_figure(read_training_log(tmp_path), "loss")
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.texts] == ["over-fitting"]
    assert axes.patches[0].get_x() == pytest.approx(5.5)  # best in epoch 5
    assert "Over-fitting from epoch 6" in figure.get_supxlabel()


def test_a_quantity_that_was_not_logged_gives_empty_axes(log: Path) -> None:
    (axes,) = curve_figure(read_training_log(log), "iou").axes
    assert not axes.lines


def test_dice_and_iou_in_the_papers_colours(tmp_path: Path) -> None:
    (tmp_path / "training.log").write_text("epoch,val_dice_coef,val_mean_io_u\n0,0.5,0.3\n1,0.6,0.4\n")
    (axes,) = overlap_figure(read_training_log(tmp_path)).axes
    colours = {line.get_label(): line.get_color() for line in axes.lines[::2]}
    assert colours == {"IoU": "#0072B2", "Dice": "#D55E00"}


def test_one_file_per_quantity(tmp_path: Path) -> None:
    text = "epoch;accuracy;dice_coef;loss;mean_io_u_3;val_loss;dice coef/edema\n0;0,9;0,1;1,0;0,1;0,9;0\n"
    (tmp_path / "training.log").write_text(text)
    paths = save_curves(tmp_path / "training.log", tmp_path / "out")
    assert [p.name for p in paths] == ["loss.png", "accuracy.png", "dice.png", "IoU.png", "dice_coef_edema.png"]
    assert all(Pillow.open(p).size == (704, 440) for p in paths)


@pytest.mark.parametrize(
    ("unit", "word"),
    [
        ("slice", "validation (split unit: slice-wise: patients leak)"),
        ("patient", "validation (split unit: patient)"),
        (None, "validation"),
    ],
)
def test_the_legend_says_the_split_unit_of_the_run(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str | None, word: str
) -> None:
    if unit:
        Split(dataset="lgg", unit=unit, seed=0, parts={"train": ["a"], "val": ["b"]}).save(tmp_path / "split.json")
    drawn = []
    monkeypatch.setattr("tumorscope.figures.curves.write_figure", lambda figure, path: drawn.append(figure) or path)
    save_curves(log, tmp_path / "out")
    legends = [[t.get_text() for t in figure.axes[0].get_legend().get_texts()] for figure in drawn]
    assert legends == [["training", word]] * 2
