"""The part of a case's report that tells its tumour type."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from typing import Any

from tumorscope.core.answer import NO_TUMOR

_NAMES = {"no tumor": "no tumour", "pituitary": "pituitary adenoma"}


def type_section(found: Mapping[str, Any], picture: bytes) -> str:
    """Return the section as HTML.

    Args:
        found: ``tumor_type`` of the case's record.
        picture: What the classifier saw and where it looked, as PNG.
    """
    rows = "".join(
        f"<tr><td>{escape(_NAMES.get(name, name))}</td><td class=n>{p:.3f}</td></tr>\n"
        for name, p in sorted(found["probabilities"].items(), key=lambda item: -item[1])
    )
    kind = "disagree" if found["agrees"] is False else "agree"
    return (
        f'<h2>Tumour type</h2>\n<p class="{kind}">{escape(found["agreement"])}</p>\n'
        f"<table><tr><th>Type</th><th class=n>Calibrated probability</th></tr>\n{rows}</table>\n"
        f'<p class="small">{escape(_explained(found))}</p>\n'
        f'<img class="half" alt="What the classifier saw" src="data:image/png;base64,'
        f'{base64.b64encode(picture).decode()}">'
    )


def _explained(found: Mapping[str, Any]) -> str:
    bundle = found["bundle"]
    said = [f"Model {bundle['name']} {bundle['version']}."]
    if found["foreign"] is not None:
        said.append(f"Unlike its training pictures: {found['foreign']:.2f} of the limit.")
    if found["foreign"] is not None and found["foreign"] > 1:
        said.append("The probabilities mean nothing for such a picture.")
    if found["slices"]:
        asked = ", ".join(str(z + 1) for z in found["slices"])
        said.append(f"Asked about axial slices {asked} (counted upwards); their probabilities are averaged.")
    if found["looked_at_tumour"] is not None and found["type"] != NO_TUMOR:
        more = found["looked_at_tumour"] > found["share_of_picture"]
        said.append(
            f"{'Looked at the tumour' if more else 'Did not look at the tumour more than elsewhere'}: "
            f"{found['looked_at_tumour']:.1%} of Grad-CAM lies inside what was segmented, which is "
            f"{found['share_of_picture']:.1%} of the picture."
        )
    return " ".join(said)
