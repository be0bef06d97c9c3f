"""Curves from a run's log."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as Pillow

from tumorscope.figures.curves import curve_figure, save_curves

ROWS = [
    {"epoch": e, "train_loss": 1.0 - e / 10, "train_dice": e / 10} | ({"val_loss": v, "val_dice": 1 - v} if v else {})
    for e, v in enumerate((0.9, 0.5, 0.0, 0.7))
]


@pytest.mark.parametrize(("quantity", "best"), [("loss", "best 0.5000, epoch 2"), ("dice", "best 0.5000, epoch 2")])
def test_both_curves_and_the_best_epoch(quantity: str, best: str) -> None:
    (axes,) = curve_figure(ROWS, quantity).axes
    train, val = axes.lines[0], axes.lines[1]
    assert list(train.get_xdata()) == [1, 2, 3, 4]
    assert list(val.get_xdata()) == [1, 2, 4]  # epochs without validation are left out
    assert [text.get_text() for text in axes.texts] == [best]
    assert axes.get_xlabel() == "epoch"
    assert len(axes.get_legend().get_texts()) == 2


def test_a_quantity_that_was_not_logged_gives_empty_axes() -> None:
    (axes,) = curve_figure(ROWS, "iou").axes
    assert not axes.lines


def test_three_files(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,train_loss,val_loss,val_dice,val_iou\n0,1,0.9,,\n1,0.8,0.7,0.5,0.4\n")
    paths = save_curves(tmp_path / "log.csv", tmp_path)
    assert [p.name for p in paths] == ["loss.png", "dice.png", "iou.png"]
    assert all(Pillow.open(p).size == (704, 440) for p in paths)
