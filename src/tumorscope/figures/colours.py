"""Colours and long names of classes."""

from __future__ import annotations

from typing import Literal

from tumorscope.core.labels import LabelScheme, label_values
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.decode import own_value

Palette = Literal["papers", "safe"]
RGB = tuple[float, float, float]

#: Class or region → words for people who do not know the abbreviation.
LONG_NAMES: dict[str, str] = {
    "NCR/NET": "necrotic and non-enhancing core",
    "NCR": "necrosis",
    "NET": "non-enhancing core",
    "NETC": "non-enhancing core",
    "ED": "oedema",
    "SNFH": "surrounding FLAIR hyperintensity",
    "ET": "enhancing tumour",
    "RC": "resection cavity",
    "TC": "tumour core",
    "WT": "whole tumour",
    "tumor": "tumour or abnormality",
}


def long_name(name: str) -> str:
    """Return ``name`` with its meaning, where known: "ED: oedema"."""
    return f"{name}: {LONG_NAMES[name]}" if name in LONG_NAMES else name


def class_colours(scheme: LabelScheme, palette: Palette = "papers") -> dict[int, RGB]:
    """Return label value → RGB in [0, 1]."""
    chosen = {x.value: x.safe_colour if palette == "safe" else x.colour for x in scheme.labels}
    return {value: (r / 255, g / 255, b / 255) for value, (r, g, b) in chosen.items()}


def legend_of(segmentation: Segmentation, palette: Palette = "papers") -> list[tuple[RGB, str]]:
    """Return colour and long name of every class that occurs."""
    colours = class_colours(segmentation.scheme, palette)
    present = set(label_values(segmentation.labels.data).tolist())
    return [(colours[x.value], long_name(x.name)) for x in segmentation.scheme.labels if x.value in present]


def scheme_legend(scheme: LabelScheme, palette: Palette = "papers") -> list[tuple[RGB, str]]:
    """Return colour and long name of every class."""
    colours = class_colours(scheme, palette)
    return [(colours[x.value], long_name(x.name)) for x in scheme.labels]


def target_colour(scheme: LabelScheme, name: str, palette: Palette = "papers") -> RGB:
    """Return the colour of a region (that of its own class) or class."""
    colours = class_colours(scheme, palette)
    values = {x.name: x.value for x in scheme.labels}
    return colours[values[name] if name in values else own_value(scheme, name)]


def outlines(scheme: LabelScheme, palette: Palette = "papers") -> dict[str, RGB]:
    """Return what is outlined, and its colour: nested regions in the colour of their own class, else every class."""
    colours = class_colours(scheme, palette)
    if scheme.regions:
        return {region: colours[own_value(scheme, region)] for region in scheme.regions}
    return {x.name: colours[x.value] for x in scheme.labels}
