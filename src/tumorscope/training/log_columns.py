"""What the columns of a training log mean, however a framework spelled them (S2-42)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "val"]

#: Quantity → words for people.
NAMES = {"loss": "loss", "accuracy": "pixel accuracy", "dice": "Dice", "iou": "IoU"}
#: Quantity → spellings (without ``val_``, lower case, separators as ``_``) that mean it.
_SPELLINGS: dict[str, str] = {
    "loss": r"(total_)?loss",
    "accuracy": r"((binary|categorical|sparse_categorical|pixel|global)_)?acc(uracy)?",
    "dice": r"(mean_)?(dice(_(coef|coeff|coefficient|score|metric))?|dsc)",
    "iou": r"(mean_|binary_|one_hot_(mean_)?)?(iou|io_u)(_(score|metric|coef))?|(mean_)?jaccard(_(index|score|coef))?",
}
#: Columns that are no curve: counters, clocks and rates.
_ASIDE = re.compile(r"(epochs?|global_step|steps?|iterations?|lr.*|learning_rate.*|seconds|.*time.*|unnamed.*|)")
_EPOCH = re.compile(r"epochs?")


@dataclass(frozen=True)
class Column:
    """One column of a log.

    Attributes:
        part: Training or validation.
        quantity: ``loss``, ``accuracy``, ``dice``, ``iou``, or the column's own name without its part.
        exact: Whether the quantity is one of the four by its spelling.
    """

    part: Part
    quantity: str
    exact: bool


def is_epoch(name: str) -> bool:
    """Whether the column counts epochs."""
    return _EPOCH.fullmatch(_normal(name)) is not None


def read_column(name: str) -> Column | None:
    """Return what a column holds, or None if it is no curve.

    ``val_dice_coef``, ``dice_coef`` (Keras: no prefix is training), ``mean_io_u_3`` (Keras numbers repeated metrics),
    ``train_loss_epoch`` (Lightning), ``Validation Loss``, ``valid/iou_score`` and the like.
    """
    text = _normal(name)
    if _ASIDE.fullmatch(text):
        return None
    text = re.sub(r"_epoch$", "", text)
    part: Part = "train"
    for pattern, found in ((r"^(val|valid|validation)_|_(val|valid|validation)$", "val"), (_TRAIN, "train")):
        shorter = re.sub(pattern, "", text)
        if shorter != text:
            text, part = shorter, "val" if found == "val" else "train"
            break
    bare = re.sub(r"_\d+$", "", text)
    for quantity, pattern in _SPELLINGS.items():
        if re.fullmatch(pattern, bare):
            return Column(part, quantity, exact=True)
    return Column(part, _AFFIX.sub("", name.strip().strip('"')) or text, exact=False)


#: The part's name at either end of a column as it was written, for quantities that keep their own name.
_AFFIX = re.compile(
    r"(?i)^(val|valid|validation|train|training|tr)[_/ .-]|[_/ .-](val|valid|validation|train|training)$"
)
_TRAIN = r"^(train|training|tr)_|_(train|training)$"


def lower_is_better(quantity: str) -> bool:
    """Whether a quantity falls when a model gets better: losses, errors and distances."""
    return re.search(r"loss|error|mse|mae|hd|hausdorff|entropy|distance", quantity.lower()) is not None


def _normal(name: str) -> str:
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.strip().strip('"').lstrip("\ufeff"))
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
