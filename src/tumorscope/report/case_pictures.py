"""The pictures of a case's report, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures import report_views
from tumorscope.figures.overlay import overlay_figure
from tumorscope.figures.save import png_bytes

_SINGLE = "The slice as it is, and with the segmentation on it."
_STACK = "The slice with the largest segmented area, as it is and with the segmentation, and two more slices."
_DIAMETERS = {
    "longest_axial": "white: longest diameter within one axial slice",
    "perpendicular": "yellow: longest line at right angles to it",
}


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Attributes:
        title: Heading.
        caption: What it shows.
        png: The picture.
        width: Of the page's width, in percent.
    """

    title: str
    caption: str
    png: bytes
    width: int = 100


def case_pictures(
    images: Mapping[Sequence, Image], segmentation: Segmentation, measurements: Mapping[str, Any]
) -> list[Picture]:
    """Draw the pictures of a report.

    A volume of known spacing shows three planes through the tumour's centre, every sequence, the diameters of the
    largest lesion (enhancing, else of the first table that has one) and, with probabilities, their entropy; anything
    else shows the slices there are.

    Args:
        images: Sequences on the segmentation's grid.
        segmentation: Label map.
        measurements: From :func:`~tumorscope.workflows.assess.assess`.
    """
    labels = segmentation.labels
    if not labels.spacing_known or min(labels.shape) < 2:
        caption = _SINGLE if labels.shape[2] == 1 else _STACK
        return [Picture("Segmentation", caption, png_bytes(overlay_figure(images, segmentation, palette="safe")))]
    views = report_views
    pictures = [
        Picture(
            "Through the centre of the tumour",
            f"{_plane_words(images)} through the tumour's centre of mass; outlines above, filled below.",
            png_bytes(views.planes_view(images, segmentation)),
        )
    ]
    region, row = largest_lesion(measurements)
    if row is not None:
        drawn = "; ".join(_DIAMETERS.values())
        caption = (
            f"Largest lesion of {region} (lesion 1), slice {row['slice'] + 1}: {drawn}; "
            f"product {row['bidimensional_product']:.0f} mm². Blue outline: {region}; enlarged. The coronal and "
            "sagittal planes pass through the middle of the longest diameter, which is projected onto them."
        )
        pictures.append(
            Picture("Largest diameters", caption, png_bytes(views.diameters_view(images, segmentation, row, region)))
        )
    caption = "The axial slice with the largest segmented area: as it is, and outlined."
    shown = png_bytes(views.sequences_view(images, segmentation))
    pictures.append(Picture("Sequences used", caption, shown, min(100, 26 * len(images))))
    if segmentation.probabilities:
        figure = views.uncertainty_view(images, segmentation)
        caption = (
            "Entropy of the model's probabilities (the largest over the regions): bright where the model itself is "
            "undecided. It does not say how often the model is wrong."
        )
        pictures.append(Picture("Where the model is unsure", caption, png_bytes(figure)))
    return pictures


def largest_lesion(measurements: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Return the region and the table row of the lesion whose diameters are drawn: enhancing tumour first."""
    tables = measurements.get("lesions", {})
    for name in ("ET", *tables):
        if name in tables and tables[name]["rows"]:
            return name, tables[name]["rows"][0]
    return "", None


def _plane_words(images: Mapping[Sequence, Image]) -> str:
    above = "T1CE" if Sequence.T1CE in images else ""
    below = "FLAIR" if Sequence.FLAIR in images else ""
    words = f" ({above} above, {below} below)" if above and below else ""
    return f"Axial, coronal and sagittal slices{words}"
