"""The sequences of a case on one grid, for showing them side by side."""

from __future__ import annotations

from collections.abc import Mapping

from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.prepare import choose_target
from tumorscope.study.resample import resample


def on_one_grid(case: Case) -> tuple[dict[Sequence, Image], list[str]]:
    """Return the images of a read case on the grid of the finest one, by their headers alone, and what was done.

    Segmenting registers them; this only looks them up in the place where the scanner says they are.
    """
    images = {s: x for s, x in case.images.items() if isinstance(x, Image)}
    return _together(images)


def _together(images: Mapping[Sequence, Image]) -> tuple[dict[Sequence, Image], list[str]]:
    first = next(iter(images.values()))
    if all(image.same_grid(first) for image in images.values()):
        return dict(images), []
    if not all(image.spacing_known for image in images.values()):
        alike = {s: image for s, image in images.items() if image.shape == first.shape}
        return alike, [f"{s} is not shown: its size differs." for s in images if s not in alike]
    target = choose_target(images)
    grid = images[target]
    moved = [s for s, image in images.items() if not image.same_grid(grid)]
    shown = {
        s: grid.with_data(resample(image, grid.affine, grid.shape).data) if s in moved else image
        for s, image in images.items()
    }
    return shown, [f"Shown on the grid of {target}; {', '.join(moved)} by the scanner's coordinates."]
