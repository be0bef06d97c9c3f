"""Pairs of predicted and reference label maps in two folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, LabelScheme
from tumorscope.datasets.base import read_volumes
from tumorscope.datasets.names import is_label, sequence_of
from tumorscope.formats import is_image_file

Missing = Literal["error", "empty"]
_WORDS = ("seg", "segmentation", "label", "mask", "gt")


@dataclass(frozen=True)
class LabelPair:
    """A predicted and a reference label map of one case; without a prediction nothing was predicted."""

    id: str
    pred: Path | None
    ref: Path


def find_pairs(pred: Path, ref: Path, missing: Missing = "error") -> list[LabelPair]:
    """Pair label maps by case.

    A label map is ``<case>.nii.gz`` or ``<case>_seg.nii.gz`` (any raster likewise) directly in a folder, or in a folder
    of its own, named after the case, any file with "seg", "segmentation", "label", "mask" or "gt" in its name.

    Args:
        pred: Folder of predictions.
        ref: Folder of references.
        missing: What a reference without prediction is: an ``error``, or a pair with an ``empty`` prediction.

    Returns:
        The pairs, sorted by case.

    Raises:
        InputError: if a folder is missing or holds a case's scans, a case has two label maps, a reference has no
            prediction, or none has one.
    """
    predictions, references = _label_files(pred), _label_files(ref)
    absent = sorted(set(references) - set(predictions))
    if not references or len(absent) == len(references) or (absent and missing == "error"):
        raise InputError(
            expected=f"one prediction per reference ({len(references)} references below {ref})",
            found=f"none for {', '.join(absent[:3])}" if absent else "no reference label maps",
            fix="Predict these cases too, take them out of the reference folder, or add --missing empty",
        )
    return [LabelPair(name, predictions.get(name), path) for name, path in sorted(references.items())]


def _label_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(
            expected="a folder of label maps", found=f"no folder at {folder}", fix="Check --pred and --ref"
        )
    _refuse_scans(folder)
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if is_image_file(p) and not p.name.startswith(".")):
        stem = path.name.split(".")[0]
        parts = stem.lower().replace("-", "_").split("_")
        if path.parent == folder:
            case = stem[: -len(parts[-1]) - 1] if parts[-1] in _WORDS and len(parts) > 1 else stem
        elif any(word in parts for word in _WORDS):
            case = path.parent.name
        else:
            continue
        if case in found:
            raise InputError(
                expected=f"one label map for case {case}", found=f"{found[case]} and {path}", fix="Remove one"
            )
        found[case] = path
    return found


def _refuse_scans(folder: Path) -> None:
    """Raise InputError where ``folder`` holds the scans of one case, by their names: none of them is a label map."""
    files = sorted(p for p in folder.iterdir() if is_image_file(p) and not p.name.startswith("."))
    scans = [p for p in files if sequence_of(p) is not None and not is_label(p)]
    if scans and (len(scans) < len(files) or len({sequence_of(p) for p in scans}) > 1):
        raise InputError(
            expected="a folder of label maps, or of folders with one label map each",
            found=f"scans of one case in {folder} ({', '.join(p.name for p in scans[:3])})",
            fix="Give the folder above it, or a folder with its label map alone",
        )


def read_pair(pair: LabelPair, ignored: int | None = None) -> tuple[Image, Image, LabelScheme, LabelScheme]:
    """Read a pair and tell both label schemes.

    Two maps of 0 and 1 only are binary; otherwise values and file name tell the scheme of each
    (:func:`~tumorscope.core.labels.detect_scheme`). ``ignored`` marks pixels of the reference that nobody labelled; it
    tells no scheme.

    Raises:
        InputError: if a file is no label map.
        GeometryError: if they lie on different grids.
    """
    paths = (pair.pred or pair.ref, pair.ref)
    values = (None if pair.pred else ignored, ignored)
    cases = [
        read_volumes(Case(p.name, p.name, {}, label=p, ignore_value=v), ()) for p, v in zip(paths, values, strict=True)
    ]
    found, truth = (c.label for c in cases)
    assert isinstance(found, Image) and isinstance(truth, Image)
    if pair.pred is None:
        found = truth.with_data(np.zeros_like(truth.data))
    if not found.same_grid(truth):
        raise GeometryError(
            expected=f"a prediction on the grid of {pair.ref} {truth.shape}",
            found=f"shape {found.shape} or another affine in {pair.pred}",
            fix="Resample the prediction to the reference's grid",
        )
    if max(int(np.max(found.data)), int(np.max(truth.data, where=truth.data != ignored, initial=0))) <= 1:
        return found, truth, BINARY, BINARY
    schemes = [c.scheme for c in cases]
    assert schemes[0] is not None and schemes[1] is not None
    return found, truth, schemes[0], schemes[1]


def regions_of(pred: LabelScheme, ref: LabelScheme) -> dict[str, tuple[str, str]]:
    """Return the regions and classes to score: name → (its name in the prediction, in the reference).

    Raises:
        UsageError: if the schemes share none.
    """
    if pred.name == "binary" and "WT" in ref.regions:
        return {"WT": ("tumor", "WT")}
    if ref.name == "binary" and "WT" in pred.regions:
        return {"tumor": ("WT", "tumor")}
    shared = {name: (name, name) for name in ref.targets if name in pred.targets}
    if not shared:
        raise UsageError(
            expected=f"a reference with {', '.join(pred.targets)}",
            found=f"{', '.join(ref.targets)}",
            fix="Choose another bundle or data set",
        )
    return shared
