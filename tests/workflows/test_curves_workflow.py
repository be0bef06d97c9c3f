"""``tumorscope curves``: what is written, what is said, and what happens to files that are no logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tumorscope.cli.main import main
from tumorscope.core.errors import InputError, UsageError
from tumorscope.workflows.curves import draw_curves

KERAS = "epoch,loss,val_loss,dice_coef,val_dice_coef\n" + "".join(
    f"{e},{1 / (e + 1):.4f},{0.4 + 0.02 * abs(e - 3):.4f},{1 - 1 / (e + 1):.4f},{0.5 + 0.01 * e:.4f}\n"
    for e in range(9)
)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the pictures without drawing them."""
    from tumorscope.training.log_file import read_training_log

    def named(path: Path, folder: Path) -> list[Path]:
        return [folder / f"{quantity}.png" for quantity in read_training_log(path).curves]

    monkeypatch.setattr("tumorscope.figures.curves.save_curves", named)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "theirs" / "training.log"
    path.parent.mkdir()
    path.write_text(KERAS)
    return path


def test_best_epoch_gap_and_verdict(log: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = draw_curves([log], tmp_path / "out", echo=said.append)["logs"][0]
    assert (found["best_epoch"], found["best"], found["chosen_by"]) == (4, 0.4, "val loss")
    assert found["quantities"]["dice"]["best_epoch"] == 9
    assert found["quantities"]["dice"]["at_best_epoch"] == {"train": 0.75, "val": 0.53}
    assert found["verdict"].epoch == 5
    assert "best epoch 4 by val loss, 0.4" in said[0]
    assert "Over-fitting from epoch 5" in said[0] and "gap +0.22" in said[0] and "gap +0.15" in said[0]
    assert found["files"] == [str(tmp_path / "out" / f"{q}.png") for q in ("loss", "dice")]


def test_another_quantity_decides(log: Path, tmp_path: Path) -> None:
    assert draw_curves([log], tmp_path, "dice", echo=str)["logs"][0]["best_epoch"] == 9
    with pytest.raises(UsageError, match="one of loss, dice after --by; found 'iou'"):
        draw_curves([log], tmp_path, "iou", echo=str)


def test_a_run_of_ours_is_judged_by_its_own_monitor(log: Path, tmp_path: Path) -> None:
    (log.parent / "recipe.yaml").write_text("training: {monitor: val_dice}\n")
    assert draw_curves([log.parent], tmp_path, echo=str)["logs"][0]["chosen_by"] == "val dice"


def test_several_logs_get_a_folder_each(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(KERAS)
    files = [entry["files"][0] for entry in draw_curves([log, other, log], tmp_path / "out", echo=str)["logs"]]
    assert files == [str(tmp_path / "out" / name / "loss.png") for name in ("theirs", "other", "theirs-2")]


def test_one_bad_log_of_two_is_told_and_the_other_drawn(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("no,table\nof,numbers\n")
    code = main(["curves", str(bad), str(log), "-o", str(tmp_path / "out"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert list(result["failed"]) == [str(bad)]
    assert result["logs"][0]["verdict"]["kind"] == "over-fitting"
    assert main(["curves", str(bad), str(bad), "-o", str(tmp_path / "out")]) == 2


def test_the_only_log_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing at"):
        draw_curves([tmp_path / "absent"], tmp_path / "out", echo=str)
    assert main(["curves"]) == 64
