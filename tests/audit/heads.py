"""Synthetic heads: an ellipse with its own folds inside, so that two of them differ as two patients do."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image as Pillow

from tumorscope.audit.audited import Audited
from tumorscope.audit.scan import scan_cases
from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence

AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def head(seed: int, size: int = 96) -> np.ndarray:
    """Return a picture (rows, columns) of values 0-255."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    inside = (rows / 0.85) ** 2 + (columns / 0.65) ** 2 < 1
    folds = Pillow.fromarray(rng.random((14, 14)).astype(np.float32)).resize((size, size), Pillow.Resampling.BICUBIC)
    picture = np.where(inside, 60 + 150 * np.asarray(folds), 0)
    return np.clip(picture, 0, 255).astype(np.uint8)


def mask(rows: slice, columns: slice, size: int = 96) -> np.ndarray:
    """Return a disc-like mask within a box."""
    out = np.zeros((size, size), np.uint8)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    out[rows, columns] = x**2 + y**2 < 1
    return out


def image(*pictures: np.ndarray) -> Image:
    """Stack pictures (rows, columns) as axial slices."""
    return Image(np.stack([p.T for p in pictures], axis=-1), AFFINE, spacing_known=False)


def case(name: str, pictures: Iterable[np.ndarray], masks: Iterable[np.ndarray] | None = None, **more: object) -> Case:
    """Return a case in memory; its patient is its name unless said otherwise."""
    label = None if masks is None else image(*masks)
    facts = {"patient": name, "scheme": None if masks is None else BINARY, **more}
    return Case(id=name, images={Sequence.FLAIR: image(*pictures)}, label=label, **facts)  # type: ignore[arg-type]


def audited(cases: list[Case], **more: object) -> Audited:
    """Scan cases in memory."""
    return Audited("folder", "test", scan_cases(cases), **more)  # type: ignore[arg-type]
