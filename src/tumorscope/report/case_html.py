"""One case's report: a single HTML file with everything inside, ready to print."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from tumorscope.core.labels import LabelScheme
from tumorscope.report.case_pictures import Picture
from tumorscope.report.case_tables import html_row, legend, lesion_tables, region_swatch, sizes_table
from tumorscope.report.notice import ESSENTIALS
from tumorscope.report.preparation import preparation
from tumorscope.report.type_html import type_section

_TEMPLATE = Path(__file__).parent / "case.html"
_SIDES = {
    "volume": "Radiological display: the patient's right is on the left.",
    "picture": "A picture does not tell left from right: compare with the original study.",
}


def case_html(
    record: Mapping[str, Any], scheme: LabelScheme, pictures: Sequence[Picture], looked: bytes | None = None
) -> str:
    """Return the report.

    Args:
        record: From :func:`~tumorscope.report.record.case_record`.
        scheme: Of the label map, for the colours.
        pictures: From :func:`~tumorscope.report.case_pictures.case_pictures`; the first stands above the tables.
        looked: What a classifier saw and where it looked, as PNG, if one was asked.
    """
    bundle = record["bundle"]
    origin = bundle["title"] if bundle else "Measured from a label map that was drawn or edited by hand"
    fields = {
        "case": escape(record["case"]),
        "subtitle": escape(f"{origin}. {record['created'].replace('T', ' ')[:16]} UTC."),
        "notice": escape(record["notice"]),
        "essentials": escape(ESSENTIALS),
        "body": _body(record, scheme, pictures, "" if looked is None else type_section(record["tumor_type"], looked)),
        "warnings": _list("Please note", _to_note(record), "") + preparation(record),
        "provenance": _provenance(record),
        "steps": "".join(f"<li>{escape(s)}</li>" for s in record["steps"]),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(fields)


def type_html(record: Mapping[str, Any], looked: bytes) -> str:
    """Return the report of a case that was classified and not segmented.

    Args:
        record: From :func:`~tumorscope.report.record.type_record`.
        looked: What the classifier saw and where it looked, as PNG.
    """
    bundle = record["bundle"]
    fields = {
        "case": escape(record["case"]),
        "subtitle": escape(f"{bundle['title']}. {record['created'].replace('T', ' ')[:16]} UTC."),
        "notice": escape(record["notice"]),
        "essentials": escape(ESSENTIALS),
        "body": type_section(record["tumor_type"], looked),
        "warnings": _list("Please note", _to_note(record), ""),
        "provenance": _provenance(record),
        "steps": "".join(f"<li>{escape(s)}</li>" for s in record["steps"]),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(fields)


def _body(record: Mapping[str, Any], scheme: LabelScheme, pictures: Sequence[Picture], told: str) -> str:
    """Return everything between the title and the notes of a segmented case."""
    first, *rest = pictures
    parts = [
        f'<div class="facts">{_findings(record, scheme)}</div>',
        _list("Quality flags", record["flags"], "flags"),
        f"<div>{legend(scheme)}</div>",
        _picture(first, record, 1),
        told,
        f'<h2>Sizes</h2>\n<div class="wide"><table>{sizes_table(record, scheme)}</table></div>',
        f'<p class="small">{escape(_units(record))}</p>',
        f"<h2>Lesions</h2>\n{lesion_tables(record)}",
        *(["<h2>More pictures</h2>"] if rest else []),
        *(_picture(p, record, n) for n, p in enumerate(rest, 2)),
    ]
    return "\n".join(parts)


def _to_note(record: Mapping[str, Any]) -> list[str]:
    own = record["bundle"]["limits"] if record["bundle"] else []
    return list(dict.fromkeys([*record["notes"], *own, *record.get("tumor_type", {}).get("limits", [])]))


def _findings(record: Mapping[str, Any], scheme: LabelScheme) -> str:
    """Return the main numbers in one short list; a region with a flag says so."""
    regions, known = record["regions"], record["spacing_known"]
    sure = (record.get("uncertainty") or {}).get("regions") or {}
    places = (record.get("midline") or {}).get("regions") or {}
    items = []
    for name in ("WT", "TC", "ET") if "WT" in regions else list(regions)[:3]:
        if name not in regions:
            continue
        region = regions[name]
        value = f"{region['ml']:.1f} ml" if known else f"{region['voxels']} px"
        more = ""
        if known and name in sure:
            low, high = sure[name]["interval_ml"]
            more = f"{low:.1f} to {high:.1f} ml"
        if any(flag.startswith((f"{name}: ", f"{name} reaches")) for flag in record["flags"]):
            more = f"{more}; see flags" if more else "see flags"
        items.append((name, value, more))
    for name, table in record.get("lesions", {}).items():
        if name in ("ET", "tumor") and table["rows"]:
            row = table["rows"][0]
            size = (
                f"{row['longest_axial_diameter']:.0f} × {row['perpendicular_diameter']:.0f} {'mm' if known else 'px'}"
            )
            items.append((f"largest {name}", size, f"{table['count']} lesion{'s' * (table['count'] != 1)}"))
    whole = places.get("WT") or next(iter(places.values()), None)
    if whole:
        side = {"both": "both sides"}.get(whole["side"], whole["side"])
        items.append(("side", side, f"{whole['centre_to_midline_mm']:.0f} mm from midline"))
    return "".join(
        f"<div class=fact><span>{region_swatch(scheme, n) if n in regions else ''}{escape(n)}</span>"
        f"<b>{escape(v)}</b><small>{escape(m)}</small></div>"
        for n, v, m in items
    )


def _picture(picture: Picture, record: Mapping[str, Any], number: int) -> str:
    data = base64.b64encode(picture.png).decode()
    caption = escape(f"{picture.caption} {_SIDES[record['input']]}")
    return (
        f'<figure><img style="width:{picture.width}%" alt="{escape(picture.title)}" src="data:image/png;base64,{data}">'
        f"<figcaption><b>{number}. {escape(picture.title)}.</b> {caption}</figcaption></figure>\n"
    )


def _list(title: str, sentences: Sequence[str], kind: str) -> str:
    if not sentences:
        return '<p class="small">Quality flags: none raised.</p>' if kind == "flags" else ""
    rows = "".join(f"<li>{escape(s)}</li>" for s in sentences)
    return f'<section class="{kind}"><h2>{title}</h2>\n<ul>{rows}</ul></section>'


def _units(record: Mapping[str, Any]) -> str:
    nested = "Regions overlap: WT contains TC, TC contains ET. " if "WT" in record["regions"] else ""
    what = "voxels" if record["spacing_known"] else "pixels"
    parts = f"Parts: groups of {what} that touch by face, edge or corner. "
    if not record["spacing_known"]:
        return f"{nested}{parts}The size of a pixel is unknown, so nothing is given in mm or ml."
    spacing, plane = " × ".join(f"{v:g}" for v in record["spacing_mm"]), record["plane"]
    sentences = [
        f"{nested}{parts}Volumes over the whole scan in its own voxels of {spacing} mm.",
        f"Axial diameters: longest × perpendicular of the largest part, within one slice of the file "
        f"({plane['slice_mm']:g} mm apart, tilted by "
        f"{plane['tilt_deg']:g}° from axial), between outer edges of voxels; the perpendicular is the longest line at "
        "right angles in that slice (RANO bidimensional).",
    ]
    if record.get("uncertainty"):
        sentences.append(f"Interval and predicted Dice: {record['uncertainty']['method']}")
    if record.get("midline"):
        sentences.append(record["midline"]["note"])
    return " ".join(sentences)


def _accuracy(scores: Sequence[Mapping[str, Any]], shown: Sequence[str]) -> str:
    """Return what is known of the model's accuracy, in one sentence; ``shown``: what it saw when it was tested."""
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
    seen = " and ".join(shown)
    return f"{scores[0]['n']} patients it never saw; mean Dice (95 % interval) with {seen}: {', '.join(values)}."


def _model_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    bundle = record["bundle"]
    if not bundle:
        return [("Label map", record["origin"])]
    use = "" if bundle["commercial_use"] else "; no commercial use"
    return [
        ("Model", f"{bundle['name']} {bundle['version']}. {bundle['chosen']}"),
        ("Tested on", _accuracy(bundle["scores"], bundle["scores_with"])),
        ("Trained on", f"{bundle['trained_on']} (licence: {bundle['licence']}{use})"),
    ]


def _label_values(labels: Mapping[str, Any]) -> str:
    values = ", ".join(f"{value} {name}" for name, value in labels["values"].items())
    whose = {"input": "the input's own", "bundle": "the model's"}.get(labels["convention"], "the mask's own")
    return f"{values} ({whose} convention: {labels['title']})"


def _provenance(record: Mapping[str, Any]) -> str:
    software = record["software"]
    runtime = f"; {software['runtime']}" if software["runtime"] else ""
    rows = [
        *_model_rows(record),
        ("Software", f"{software['name']} {software['version']}{runtime}"),
        ("Made", f"{record['created'].replace('T', ' ')[:19]} UTC"),
        *([("Label values", _label_values(record["labels"]))] if "labels" in record else []),
        ("Seconds", ", ".join(f"{step} {s:.2f}" for step, s in record["seconds"].items())),
    ]
    html = [html_row([f"<b>{escape(k)}</b>", escape(v)], numbers=2) for k, v in rows if v]
    for item in record["inputs"]:
        several = f" ({item['files']} files)" if item["files"] > 1 else ""
        name = escape(f"{item['file']}{several}")
        cell = f'{name}<br><span class="hash">SHA-256 {item["sha256"]}</span>'
        html.append(html_row([f"<b>Input {escape(item['sequence'])}</b>", cell], numbers=2))
    return "".join(html)
