"""What scoring asks of label maps before it counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.metrics.counts import BoolArray


def check_sparse(known: BoolArray, ref: Array, surfaces: Sequence[str], case: str) -> None:
    """Make sure that sparse labels can be scored.

    Args:
        known: Where the reference is labelled.
        ref: The reference.
        surfaces: Metrics that need labels everywhere.
        case: Its id.

    Raises:
        GeometryError: if the shapes differ.
        InputError: if ``surfaces`` are asked for, or nothing is labelled.
    """
    if known.shape != ref.shape:
        raise GeometryError(
            expected=f"a mask of labelled voxels of the reference's shape {ref.shape}",
            found=f"shape {known.shape} for case {case}",
            fix="Make it from the reference",
        )
    if surfaces:
        raise InputError(
            expected=f"a reference that is labelled everywhere, for {', '.join(surfaces)}",
            found=f"{np.count_nonzero(~known)} voxels that nobody labelled in case {case}",
            fix="Choose metrics of counts only, e.g. --metrics dice iou sensitivity specificity accuracy",
        )
    if not known.any():
        raise InputError(expected="labelled voxels", found=f"none in case {case}", fix="Leave the case out")


def check_labels(labels: Array, scheme: LabelScheme, where: str) -> None:
    """Make sure that ``labels`` holds the scheme's integers only.

    Raises:
        LabelError: if it does not.
        InputError: if it holds NaN.
    """
    if labels.dtype.kind not in "iufb":
        raise LabelError(expected="a label map of integers", found=f"{labels.dtype} in {where}", fix="Convert it")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError(
            expected="a label map of integers", found=f"NaN or infinity in {where}", fix="Correct the file"
        )
    known = labels == 0
    for value in scheme.values:
        known |= labels == value
    if not known.all():
        scheme.check(np.unique(labels), where)
