"""Everything that is measured of one label map: sizes, lesions, sides, uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.inference.lesions import find_lesions
from tumorscope.inference.measure import measure
from tumorscope.inference.midline import Midline, find_midline, laterality
from tumorscope.inference.postprocess import bounding_box
from tumorscope.inference.uncertainty import METHOD, region_uncertainty


def assess(
    images: Mapping[Sequence, Image],
    segmentation: Segmentation,
    sides: bool = True,
    temperatures: Mapping[str, float] | None = None,
    midline: Callable[[], Midline | None] | None = None,
) -> dict[str, Any]:
    """Measure a label map.

    Args:
        images: Sequences on its grid, for the midline.
        segmentation: The label map, with probabilities where a model made it.
        temperatures: Of the bundle that made the probabilities.
        sides: Whether the images tell left from right (pictures do not).
        midline: Gives the midline, where it has been looked for already.

    Returns:
        What :func:`~tumorscope.inference.measure.measure` gives; ``midline`` (None where there is none): ``method``,
        ``note`` and ``regions`` → :func:`~tumorscope.inference.midline.laterality`, which each row of a table of
        lesions has too; and ``uncertainty`` (None without probabilities): ``method`` and ``regions`` →
        :func:`~tumorscope.inference.uncertainty.region_uncertainty`.
    """
    found = measure(segmentation)
    regions = region_uncertainty(segmentation, temperatures)
    found["uncertainty"] = {"method": METHOD, "regions": regions} if regions else None
    found["midline"] = None
    if sides:
        look = midline or partial(find_midline, images)
        found["midline"] = _midline(look, segmentation, found["lesions"])
    return found


def _midline(
    look: Callable[[], Midline | None], segmentation: Segmentation, tables: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Place regions and lesions relative to the midline; adds to the rows of ``tables``."""
    from scipy.ndimage import find_objects

    whole = segmentation.labels
    inner = bounding_box(whole.data > 0)
    midline = None if inner is None else look()
    if midline is None or inner is None:
        return None
    labels = Image(whole.data[inner], _shifted(whole, inner))
    segmentation = Segmentation(labels, segmentation.scheme)
    for name, table in tables.items():
        numbered = find_lesions(segmentation.region(name))
        if numbered is None:
            continue
        parts, _, box = numbered
        for row, part in zip(table["rows"], find_objects(parts), strict=False):
            where = [slice(b.start + i.start, b.start + i.stop) for b, i in zip(box, part, strict=True)]
            one = parts[part] == row["number"]
            row |= laterality(one, Image(one, _shifted(labels, where)), midline)
    names = segmentation.scheme.regions or segmentation.scheme.targets
    places = {name: laterality(segmentation.region(name), labels, midline) for name in names}
    return {"method": midline.method, "note": midline.note, "regions": {n: p for n, p in places.items() if p}}


def _shifted(image: Image, box: Iterable[slice]) -> Any:
    """Return the affine of a box of an image."""
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [side.start for side in box]
    return affine
