"""Training logs of any origin, and what they say about over-fitting."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorscope.core.errors import InputError
from tumorscope.training.log_columns import lower_is_better, read_column
from tumorscope.training.log_file import TrainingLog, find_log, read_training_log
from tumorscope.training.overfit import gap_text, judge_overfit, signed_gap


def write(folder: Path, text: str, name: str = "training.log") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "part", "quantity"),
    [
        ("loss", "train", "loss"),
        ("val_loss", "val", "loss"),
        ("dice_coef", "train", "dice"),
        ("val_dice_coef", "val", "dice"),
        ("dice_coefficient", "train", "dice"),
        ("mean_io_u_3", "train", "iou"),
        ("val_mean_io_u_3", "val", "iou"),
        ("OneHotMeanIoU", "train", "iou"),
        ("valid/iou_score", "val", "iou"),
        ("val_jaccard_index", "val", "iou"),
        ("acc", "train", "accuracy"),
        ("val_categorical_accuracy", "val", "accuracy"),
        ("train_loss_epoch", "train", "loss"),
        ("Validation Loss", "val", "loss"),
        ("valLoss", "val", "loss"),
        ("\ufeffloss", "train", "loss"),
        ("dice_coef_edema", "train", "dice_coef_edema"),
        ("val_dice_WT", "val", "dice_WT"),
        ("precision_1", "train", "precision_1"),
    ],
)
def test_columns_are_recognised(name: str, part: str, quantity: str) -> None:
    column = read_column(name)
    assert column is not None
    assert (column.part, column.quantity) == (part, quantity)


@pytest.mark.parametrize("name", ["epoch", "Epoch", "lr", "learning_rate", "seconds", "step", "wall_time", ""])
def test_counters_and_clocks_are_no_curves(name: str) -> None:
    assert read_column(name) is None


@pytest.mark.parametrize(("quantity", "lower"), [("loss", True), ("hd95", True), ("dice", False), ("accuracy", False)])
def test_which_way_is_better(quantity: str, lower: bool) -> None:
    assert lower_is_better(quantity) is lower


class TestKeras:
    TEXT = "epoch,accuracy,dice_coef,loss,val_dice_coef,val_loss\n0,0.9,0.1,1.0,0.2,0.9\n1,0.95,0.3,0.5,0.4,0.6\n"

    def test_epochs_count_from_one_and_the_four_come_first(self, tmp_path: Path) -> None:
        log = read_training_log(write(tmp_path, self.TEXT))
        assert list(log.curves) == ["loss", "accuracy", "dice"]
        assert log.curves["loss"] == {"train": [(1, 1.0), (2, 0.5)], "val": [(1, 0.9), (2, 0.6)]}
        assert log.best("loss") == (2, 0.6)
        assert log.best("dice") == (2, 0.4)
        assert log.best("accuracy") is None
        assert (log.epochs, log.notes) == (2, [])
        assert log.columns["val_dice_coef"] == "val dice"

    @pytest.mark.parametrize("delimiter", [";", "\t", "|"])
    def test_other_delimiters_with_decimal_commas(self, tmp_path: Path, delimiter: str) -> None:
        text = self.TEXT.replace(",", delimiter).replace(".", ",")
        assert read_training_log(write(tmp_path, text)).curves == read_training_log(write(tmp_path, self.TEXT)).curves

    def test_byte_order_mark_crlf_and_blank_lines(self, tmp_path: Path) -> None:
        text = "\ufeff" + self.TEXT.replace("\n", "\r\n\r\n")
        assert read_training_log(write(tmp_path, text)).best("loss") == (2, 0.6)

    def test_a_run_started_again_into_the_same_file(self, tmp_path: Path) -> None:
        log = read_training_log(write(tmp_path, self.TEXT + self.TEXT))
        assert [e for e, _ in log.curves["loss"]["train"]] == [1, 2, 3, 4]
        assert log.notes == ["The epoch counter starts anew 1 time(s): epochs were numbered on."]

    def test_no_epoch_column_and_two_columns_of_one_meaning(self, tmp_path: Path) -> None:
        log = read_training_log(write(tmp_path, "mean_io_u,mean_io_u_1,loss\n0.1,0.2,1\n0.2,0.3,nan\n"))
        assert log.curves["iou"]["train"] == [(1, 0.1), (2, 0.2)]
        assert log.curves["mean_io_u_1"]["train"] == [(1, 0.2), (2, 0.3)]
        assert math.isnan(log.curves["loss"]["train"][1][1])
        assert log.best("loss", "train") == (1, 1.0)
        assert len(log.notes) == 2 and "'loss' is no finite number in epoch 2" in log.notes[1]


def test_lightning_writes_training_and_validation_apart(tmp_path: Path) -> None:
    text = "epoch,step,train_loss,val_loss\n0,10,,0.9\n0,10,1.0,\n1,20,,0.8\n1,20,0.7,\n"
    log = read_training_log(write(tmp_path, text, "metrics.csv").parent)
    assert log.curves["loss"] == {"train": [(1, 1.0), (2, 0.7)], "val": [(1, 0.9), (2, 0.8)]}
    assert log.notes == []


def test_our_log_is_found_first(tmp_path: Path) -> None:
    write(tmp_path, "epoch,loss\n0,1\n")
    write(tmp_path, "epoch,train_loss\n0,1\n", "log.csv")
    assert find_log(tmp_path).name == "log.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rows of numbers; found 0 rows"),
        ("epoch,loss\n", "found 0 rows"),
        ("epoch,loss\n0,high\n", "column 'loss'; found 'high' in line 2"),
        ("epoch,loss\n0,1\n1,2,3\n", "2 cells per row, as in the header; found 3 cells in line 3"),
        ("epoch,lr\n0,1\n", "columns of numbers by epoch; found epoch, lr"),
        ("epoch,loss\nnan,1\n", "epochs"),
    ],
)
def test_what_is_no_log_is_told_in_words(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_training_log(write(tmp_path, text))


def test_neither_log_nor_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of log\.csv"):
        read_training_log(tmp_path)
    with pytest.raises(InputError, match="found nothing at"):
        read_training_log(tmp_path / "absent")
    (tmp_path / "training.log").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="a text file"):
        read_training_log(tmp_path)


def curves(train: list[float], val: list[float], quantity: str = "loss") -> TrainingLog:
    points = {"train": list(enumerate(train, 1)), "val": list(enumerate(val, 1))}
    return TrainingLog(Path("x"), {quantity: points}, {})  # type: ignore[dict-item]


FALLING = [1 / (e + 1) for e in range(20)]


class TestOverfit:
    def test_validation_turns_up(self) -> None:
        found = judge_overfit(curves(FALLING, [0.4 + 0.02 * abs(e - 6) for e in range(20)]))
        assert (found.kind, found.epoch) == ("over-fitting", 8)  # best in epoch 7
        assert found.gap_now is not None and found.gap_now == pytest.approx(0.66 - 1 / 20, abs=0.03)
        assert found.sentence.startswith("Over-fitting from epoch 8: validation loss gets worse")

    def test_validation_stands_still(self) -> None:
        found = judge_overfit(curves(FALLING, [max(1 / (e + 1), 0.25) for e in range(20)]))
        assert found.kind == "widening gap"
        assert found.epoch in (4, 5, 6)

    def test_a_gap_in_favour_of_validation_is_none(self) -> None:
        """Validation better than training in every epoch, both curves level off and approach each other."""
        train = [0.996281, 0.996671, 0.996958, 0.997054, 0.997371, 0.997549, 0.997634, 0.997693]
        val = [0.997423, 0.997901, 0.998018, 0.998016, 0.998098, 0.998123, 0.998169, 0.998172]
        found = judge_overfit(curves(train, val, "accuracy"), "accuracy")
        assert (found.kind, found.epoch) == ("none", None)
        assert "validation is better than training, gap -0.0005" in found.sentence and "grew" not in found.sentence

    @pytest.mark.parametrize("shift", [-1.2, -0.9])
    def test_a_gap_that_stays_negative_or_shrinks_is_none(self, shift: float) -> None:
        """Validation gets worse or stands still, but the gap ends negative, or smaller than it was."""
        for val in ([0.4 + 0.01 * abs(e - 6) for e in range(20)], [max(1 / (e + 1), 0.25) for e in range(20)]):
            train = [min(v, 1 / (e + 1)) - shift * max(0.0, 1 - e / 30) for e, v in enumerate(val)]
            found = judge_overfit(curves(train, val))
            assert found.kind == "none" and found.gap_now is not None

    def test_growth_below_the_noise_of_the_gap_is_none(self) -> None:
        """The same growth of the gap counts where the curves are smooth, not where they jump by as much."""
        still = [max(1 / (e + 1), 0.25) for e in range(20)]
        train = [max(1 / (e + 1), 0.25) - 0.03 * max(0, e - 4) / 15 for e in range(20)]
        assert judge_overfit(curves(train, still)).kind == "widening gap"
        jumps = [0.03 * (-1) ** e * (e % 3) for e in range(20)]
        noisy = [v + j for v, j in zip(train, jumps, strict=True)]
        assert judge_overfit(curves(noisy, still)).kind == "none"

    def test_gaps_are_signed_the_same_way(self) -> None:
        assert signed_gap(0.9, 0.8, "dice") == pytest.approx(0.1) == signed_gap(0.2, 0.3, "loss")
        assert gap_text(signed_gap(0.8, 0.9, "dice")) == "-0.1" and gap_text(0.05) == "+0.05"

    def test_validation_follows(self) -> None:
        assert judge_overfit(curves(FALLING, [v + 0.05 for v in FALLING])).kind == "none"

    def test_scores_are_judged_upside_down(self) -> None:
        rising = [1 - v for v in FALLING]
        worse = [0.6 - 0.02 * abs(e - 6) for e in range(20)]
        assert judge_overfit(curves(rising, worse, "dice"), "dice").epoch == 8
        assert judge_overfit(curves(rising, rising, "dice"), "dice").kind == "none"

    def test_validation_worse_because_training_is_worse_is_no_over_fitting(self) -> None:
        up = [0.4 + 0.02 * abs(e - 6) for e in range(20)]
        assert judge_overfit(curves(up, up)).kind == "none"

    @pytest.mark.parametrize("width", [0.001, 0.01, 0.1])
    def test_noise_alone_is_seldom_called_over_fitting(self, width: float) -> None:
        noise = 1 + width * np.random.default_rng(0).normal(size=(300, 2, 30))
        found = [judge_overfit(curves(list(train), list(val))).kind for train, val in noise]
        assert found.count("over-fitting") + found.count("widening gap") <= 0.05 * len(found)

    @given(st.floats(0.01, 100))
    def test_the_scale_of_a_loss_does_not_matter(self, scale: float) -> None:
        val = [0.4 + 0.02 * abs(e - 6) for e in range(20)]
        found = judge_overfit(curves([scale * v for v in FALLING], [scale * v for v in val]))
        assert (found.kind, found.epoch) == ("over-fitting", 8)

    def test_too_short_or_one_curve_is_unknown(self) -> None:
        assert judge_overfit(curves([1, 2], [1, 2])).kind == "unknown"
        assert "0 epochs" in judge_overfit(curves(FALLING, [])).sentence
