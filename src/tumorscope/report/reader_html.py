"""The blinded form of a reader study: one HTML page that needs no server, pictures inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Reader study</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 1.5rem auto; padding: 0 1rem; }}
fieldset {{ border: 1px solid #bbb; margin: 1.2rem 0; padding: .8rem 1rem; }}
img {{ width: 320px; max-width: 100%; background: #000; display: block; margin-bottom: .6rem; }}
label {{ margin-right: 1.2rem; }} button {{ font: inherit; padding: .4rem 1rem; }}
.notice {{ border-left: 4px solid #b45309; padding-left: .8rem; }}
</style></head><body>
<h1>Real or synthetic?</h1>
<p class="notice">Research use only. Some of these {count} images were made by a computer and show no patient; the
others are real. Nothing is sent anywhere: your answers stay in this page until you save them as a file.</p>
<p><label>Reader <input id="reader" autocomplete="off" placeholder="initials or number"></label>
<label>Years of experience <input id="years" type="number" min="0" max="70" style="width:5rem"></label></p>
<form id="form">
{items}
</form>
<p><button id="save" type="button">Save answers (CSV)</button> <span id="told" role="status"></span></p>
<script>
const study = {study};
document.getElementById("save").addEventListener("click", () => {{
  const value = (id) => document.getElementById(id).value.replace(/[",\\n\\r]/g, " ").trim();
  const rows = [["study", "reader", "years", "item", "answer", "confidence"]];
  let open = 0;
  document.querySelectorAll("fieldset").forEach((field) => {{
    const mark = (name) => field.querySelector(`input[name="${{name}}-${{field.id}}"]:checked`);
    const picked = (name) => (mark(name) || {{value: ""}}).value;
    if (!picked("answer")) open += 1;
    rows.push([study, value("reader"), value("years"), field.id, picked("answer"), picked("confidence")]);
  }});
  const blob = new Blob([rows.map((row) => row.join(",")).join("\\n") + "\\n"], {{type: "text/csv"}});
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `answers_${{study}}_${{value("reader") || "reader"}}.csv`;
  link.click();
  document.getElementById("told").textContent = open ? `Saved; ${{open}} not answered.` : "Saved; all answered.";
}});
</script></body></html>
"""
_ITEM = """<fieldset id="{item}"><legend>Image {number} of {count}</legend>
<img alt="Image {number}" src="data:image/png;base64,{picture}">
<div><label><input type="radio" name="answer-{item}" value="real"> real</label>
<label><input type="radio" name="answer-{item}" value="synthetic"> synthetic</label></div>
<div>How sure? {sure}</div></fieldset>"""
_SURE = '<label><input type="radio" name="confidence-{item}" value="{value}"> {value}</label>'


def reader_html(study: str, pictures: Sequence[tuple[str, bytes]]) -> str:
    """Return the form.

    Args:
        study: Name that ties answers to their key; letters, digits and dashes.
        pictures: Item name and PNG of each image, in the order they are shown.
    """
    items = []
    for number, (item, picture) in enumerate(pictures, start=1):
        sure = " ".join(_SURE.format(item=html.escape(item), value=value) for value in range(1, 6))
        encoded = base64.b64encode(picture).decode()
        items.append(
            _ITEM.format(item=html.escape(item), number=number, count=len(pictures), picture=encoded, sure=sure)
        )
    return _PAGE.format(count=len(pictures), items="\n".join(items), study=f'"{html.escape(study)}"')
