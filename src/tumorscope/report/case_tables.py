"""The tables of a case's report as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tumorscope.core.labels import LabelScheme
from tumorscope.figures.colours import LONG_NAMES, RGB, class_colours, target_colour

_SIDES = {"left": "left", "right": "right", "both": "crosses midline"}


def html_row(cells: Sequence[str], kind: str = "td", numbers: int = 1) -> str:
    """Return a table row; cells are HTML, those from ``numbers`` on are numbers."""
    return (
        "<tr>"
        + "".join(f"<{kind}{' class=n' if i >= numbers else ''}>{cell}</{kind}>" for i, cell in enumerate(cells))
        + "</tr>\n"
    )


def swatch(rgb: RGB, outline: bool = False) -> str:
    """Return a small square of a colour, filled or as a frame."""
    r, g, b = (round(255 * v) for v in rgb)
    kind = f"border:2px solid rgb({r},{g},{b})" if outline else f"background:rgb({r},{g},{b})"
    return f'<span class="swatch" style="{kind}"></span>'


def region_swatch(scheme: LabelScheme, name: str) -> str:
    """Return the square of a region (a frame, as it is outlined) or class."""
    return swatch(target_colour(scheme, name, "safe"), name in scheme.regions)


def legend(scheme: LabelScheme) -> str:
    """Return the colours of the pictures in words: classes filled, regions outlined."""
    colours = class_colours(scheme, "safe")
    filled = [f"{swatch(colours[x.value])}{_named(x.name)}" for x in scheme.labels]
    lines = [f"{swatch(target_colour(scheme, n, 'safe'), outline=True)}{escape(n)} outline" for n in scheme.regions]
    return " ".join(f"<span class=key>{entry}</span>" for entry in [*filled, *(lines if len(lines) > 1 else [])])


def sizes_table(record: Mapping[str, Any], scheme: LabelScheme) -> str:
    """Return one row per region and class: volume with its interval, diameters, parts, side."""
    known, sure = record["spacing_known"], (record.get("uncertainty") or {}).get("regions") or {}
    places = (record.get("midline") or {}).get("regions") or {}
    unit = "mm" if known else "px"
    head = ["Region", *(["Volume, ml"] if known else [])]
    head += [*([f"90 % interval, {'ml' if known else 'px'}"] if sure else []), "Voxels" if known else "Size, px"]
    head += [_diameters(unit), *(["3D, mm"] if known else []), "Parts", "Slice of largest area"]
    head += [*(["Side"] if places else []), *(["Predicted Dice"] if sure else [])]
    rows = [html_row(head, "th")]
    for name, region in record["regions"].items():
        cells = [region_swatch(scheme, name) + _explained(name)]
        cells += [f"{region['ml']:.2f}"] if known else []
        cells += [_interval(sure.get(name), known)] if sure else []
        cells += [_spaced(region["voxels"]), _product(region)]
        cells += [_number(region.get("longest_3d_diameter"))] if known else []
        where = "–" if region["largest_slice"] is None else str(region["largest_slice"] + 1)
        cells += [str(region["lesions"]), where]
        cells += [_SIDES.get(places.get(name, {}).get("side", ""), "")] if places else []
        cells += [f"{sure[name]['predicted_dice']:.2f}" if name in sure else ""] if sure else []
        rows.append(html_row(cells))
    return "".join(rows)


def lesion_tables(record: Mapping[str, Any]) -> str:
    """Return one table per region whose lesions are listed."""
    known = record["spacing_known"]
    unit, html = ("mm", "") if known else ("px", "")
    for name, table in record.get("lesions", {}).items():
        least = f"{table['min_ml']:g} ml" if known else f"{table['min_voxels']} px"
        smaller = (
            f"; {table['smaller']} smaller part{'s' * (table['smaller'] != 1)} not listed" if table["smaller"] else ""
        )
        title = f"{_named(name)}: {table['count']} of at least {least}{smaller}"
        html += f"<h3>{title}</h3>\n"
        if not table["rows"]:
            continue
        sided = any("side" in row for row in table["rows"])
        head = ["No.", "Volume, ml" if known else "Size, px", _diameters(unit), f"Product, {unit}²"]
        head += [*(["3D, mm"] if known else []), "Slice of diameters", *(["≥ 10 × 10 mm"] if known else [])]
        head += [*(["Centre (R, A, S), mm"] if known else []), *(["Side", "Centre to midline, mm"] if sided else [])]
        rows = [html_row(head, "th"), *(html_row(_lesion_cells(row, known, sided)) for row in table["rows"])]
        html += f'<div class="wide"><table>{"".join(rows)}</table></div>\n'
    return html


def _lesion_cells(row: Mapping[str, Any], known: bool, sided: bool) -> list[str]:
    cells = [str(row["number"]), f"{row['ml']:.2f}" if known else _spaced(row["voxels"]), _product(row)]
    cells += [f"{row['bidimensional_product']:.0f}"]
    cells += [_number(row.get("longest_3d_diameter"))] if known else []
    cells += [str(row["slice"] + 1)]
    if known:
        cells += ["yes" if row["rano_measurable"] else "no", ", ".join(f"{v:.0f}" for v in row["centre_mm"])]
    if sided:
        cells += [_SIDES.get(row.get("side", ""), ""), _number(row.get("centre_to_midline_mm"))]
    return cells


def _diameters(unit: str) -> str:
    """Return the heading of diameters within a slice, which only of a volume is known to be axial."""
    return f"Axial diameters, {unit}" if unit == "mm" else f"Diameters, {unit}"


def _named(name: str) -> str:
    return escape(f"{name} ({LONG_NAMES[name]})" if name in LONG_NAMES else name)


def _explained(name: str) -> str:
    long = f' <span class="long">{escape(LONG_NAMES[name])}</span>' if name in LONG_NAMES else ""
    return escape(name) + long


def _product(sizes: Mapping[str, Any]) -> str:
    return f"{sizes['longest_axial_diameter']:.1f} × {sizes['perpendicular_diameter']:.1f}"


def _interval(sure: Mapping[str, Any] | None, known: bool) -> str:
    if sure is None:
        return ""
    low, high = sure["interval_ml"] if known else sure["interval_voxels"]
    return f"{low:.2f} to {high:.2f}" if known else f"{_spaced(low)} to {_spaced(high)}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _spaced(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
