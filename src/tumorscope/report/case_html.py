"""One case's report: a single HTML file with everything inside, ready to print."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from tumorscope.core.labels import LabelScheme
from tumorscope.figures.colours import LONG_NAMES, outlines
from tumorscope.report.type_html import type_section

_TEMPLATE = Path(__file__).parent / "case.html"
_PICTURE = "The slice as it is, and with the segmentation on it."
_STACK = "The slice with the largest segmented area, as it is and with the segmentation, and two more slices."
_VOLUME = (
    "The axial slice with the largest segmented area, as it is and with the segmentation, and the coronal and sagittal "
    "slices through it."
)
_SIDES = {
    "volume": "Radiological display: the patient's right is on the left.",
    "picture": "A picture does not tell left from right: compare with the original study.",
}


def case_html(
    record: Mapping[str, Any], scheme: LabelScheme, overlay: bytes, slices: int, looked: bytes | None = None
) -> str:
    """Return the report.

    Args:
        record: From :func:`~tumorscope.report.record.case_record`.
        scheme: Of the label map, for the colours.
        overlay: The overlay as PNG.
        slices: Number of slices.
        looked: What a classifier saw and where it looked, as PNG, if one was asked.
    """
    bundle = record["bundle"]
    caption = _PICTURE if slices == 1 else _VOLUME if record["spacing_known"] else _STACK
    fields = {
        "case": escape(record["case"]),
        "subtitle": escape(f"{bundle['title']}. {record['created'].replace('T', ' ')[:16]} UTC."),
        "notice": escape(record["notice"]),
        "alt": escape(f"Segmentation of {record['case']}"),
        "overlay": base64.b64encode(overlay).decode(),
        "caption": escape(f"{caption} {_SIDES[record['input']]}"),
        "type": "" if looked is None else type_section(record["tumor_type"], looked),
        "sizes": f"<h2>Sizes</h2>\n<table>{_sizes(record, scheme)}</table>\n{_small(_units(record))}",
        "warnings": _warnings(_to_note(record)),
        "provenance": _provenance(record),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(fields)


def type_html(record: Mapping[str, Any], looked: bytes) -> str:
    """Return the report of a case that was classified and not segmented.

    Args:
        record: From :func:`~tumorscope.report.record.type_record`.
        looked: What the classifier saw and where it looked, as PNG.
    """
    bundle = record["bundle"]
    text = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        case=escape(record["case"]),
        subtitle=escape(f"{bundle['title']}. {record['created'].replace('T', ' ')[:16]} UTC."),
        notice=escape(record["notice"]),
        alt="",
        overlay="",
        caption="",
        type=type_section(record["tumor_type"], looked),
        sizes="",
        warnings=_warnings(_to_note(record)),
        provenance=_provenance(record),
    )
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(('<img alt=""', '<p class="small"></p>'))
    )


def _small(text: str) -> str:
    return f'<p class="small">{escape(text)}</p>'


def _to_note(record: Mapping[str, Any]) -> list[str]:
    limits = record.get("tumor_type", {}).get("limits", [])
    return list(dict.fromkeys([*record["notes"], *record["bundle"]["limits"], *limits]))


def _row(cells: list[str], kind: str = "td", numbers: int = 1) -> str:
    """Return a table row; cells are HTML, those from ``numbers`` on are numbers."""
    return (
        "<tr>"
        + "".join(f"<{kind}{' class=n' if i >= numbers else ''}>{cell}</{kind}>" for i, cell in enumerate(cells))
        + "</tr>\n"
    )


def _sizes(record: Mapping[str, Any], scheme: LabelScheme) -> str:
    known = record["spacing_known"]
    colours = outlines(scheme)
    colours.update({x.name: (x.colour[0] / 255, x.colour[1] / 255, x.colour[2] / 255) for x in scheme.labels})
    head = ["Region", "Volume (ml)"] if known else ["Region"]
    head += [
        "Voxels" if known else "Pixels",
        f"Longest axial diameter ({'mm' if known else 'pixels'})",
        "Separate parts",
    ]
    rows = [_row([*head, "Largest slice"], "th")]
    for name, region in record["regions"].items():
        r, g, b = (round(255 * v) for v in colours[name])
        swatch = f'<span class="swatch" style="background:rgb({r},{g},{b})"></span>'
        meaning = f" ({LONG_NAMES[name]})" if name in LONG_NAMES else ""
        cells = [swatch + escape(name + meaning)]
        cells += [f"{region['ml']:.2f}"] if known else []
        cells += [f"{region['voxels']:,}".replace(",", " "), f"{region['longest_axial_diameter']:.1f}"]
        where = "–" if region["largest_slice"] is None else str(region["largest_slice"] + 1)
        rows.append(_row([*cells, str(region["lesions"]), where]))
    return "".join(rows)


def _units(record: Mapping[str, Any]) -> str:
    nested = "Regions overlap: WT contains TC, TC contains ET. " if "WT" in record["regions"] else ""
    parts = "Separate parts: groups of voxels that touch by face, edge or corner. "
    if not record["spacing_known"]:
        return f"{nested}{parts}The size of a pixel is unknown, so nothing is given in mm or ml."
    spacing = " × ".join(f"{v:g}" for v in record["spacing_mm"])
    return (
        f"{nested}{parts}Volumes over the whole scan in its own voxels of {spacing} mm; the diameter is the largest "
        "distance between two points of the outline of the largest part within one slice."
    )


def _warnings(sentences: list[str]) -> str:
    if not sentences:
        return ""
    return "<h2>Please note</h2>\n<ul>" + "".join(f"<li>{escape(s)}</li>" for s in sentences) + "</ul>"


def _accuracy(scores: list[Mapping[str, Any]]) -> str:
    """Return what is known of the model's accuracy, in one sentence."""
    if not scores:
        return "No test scores come with this model."
    if scores[0]["metric"] == "accuracy":
        told = [f"{s['mean']:.3f} ({s['ci95'][0]:.3f} to {s['ci95'][1]:.3f}; {s['on']}, n {s['n']})" for s in scores]
        return f"Accuracy (95 % interval): {'; '.join(told)}."
    values = [
        f"{s['region']} {s['mean']:.2f} ({s['ci95'][0]:.2f} to {s['ci95'][1]:.2f})"
        for s in scores
        if s["mean"] is not None and s["ci95"][0] is not None
    ]
    return f"{scores[0]['n']} patients it never saw; mean Dice (95 % interval): {', '.join(values)}."


def _label_values(labels: Mapping[str, Any]) -> str:
    values = ", ".join(f"{value} {name}" for name, value in labels["values"].items())
    whose = "the input's own" if labels["convention"] == "input" else "the model's"
    return f"{values} ({whose} convention: {labels['title']})"


def _provenance(record: Mapping[str, Any]) -> str:
    bundle, software = record["bundle"], record["software"]
    use = "" if bundle["commercial_use"] else "; no commercial use"
    rows = [
        ("Model", f"{bundle['name']} {bundle['version']}. {bundle['chosen']}"),
        ("Tested on", _accuracy(bundle["scores"])),
        ("Trained on", f"{bundle['trained_on']} (licence: {bundle['licence']}{use})"),
        ("Software", f"{software['name']} {software['version']}; {software['runtime']}"),
        *([("Label values", _label_values(record["labels"]))] if "labels" in record else []),
        ("Seconds", ", ".join(f"{step} {s:.2f}" for step, s in record["seconds"].items())),
    ]
    html = [_row([f"<b>{escape(k)}</b>", escape(v)], numbers=2) for k, v in rows]
    for item in record["inputs"]:
        several = f" ({item['files']} files)" if item["files"] > 1 else ""
        name = escape(f"{item['file']}{several}")
        cell = f'{name}<br><span class="hash">SHA-256 {item["sha256"]}</span>'
        html.append(_row([f"<b>Input {escape(item['sequence'])}</b>", cell], numbers=2))
    return "".join(html)
