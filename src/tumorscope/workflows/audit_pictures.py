"""Pictures of the slices that an audit gives as examples."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np

from tumorscope.audit.finding import Place
from tumorscope.audit.result import AuditResult
from tumorscope.audit.scan import PREFERRED
from tumorscope.core.case import Case
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.image import Array, Image
from tumorscope.transforms.grid import to_model_orientation

#: Longer side of a picture in pixels.
_SIDE = 200
_OUTLINE = (255, 196, 0)


def thumbnails(result: AuditResult, sources: Mapping[str, Sequence[Case]], dataset: str) -> dict[Place, bytes]:
    """Return each slice shown in the report as PNG, its label outlined; slices that cannot be read are left out.

    Args:
        result: Whose examples to show.
        sources: Data set → its cases.
        dataset: The audited one, which places call "".
    """
    places = {p for f in result.findings for e in f.examples for p in e.places}
    cases = {name: {c.id: c for c in found} for name, found in sources.items()}
    pictures: dict[Place, bytes] = {}
    loaded: dict[tuple[str, str], Case | None] = {}
    for place in sorted(places):
        name, case_id, z = place
        key = (name or dataset, case_id)
        if key not in loaded:
            loaded.clear()
            loaded[key] = _load(cases[key[0]].get(case_id))
        case = loaded[key]
        if case is not None:
            pictures[place] = _png(*_slice(case, z))
    return pictures


def _load(case: Case | None) -> Case | None:
    picture = next((s for s in PREFERRED if case and s in case.images), None)
    try:
        return case.loaded((picture,) if picture else ()) if case else None
    except TumorscopeError:
        return None


def _slice(case: Case, z: int) -> tuple[Array, Array | None, float]:
    """Return rows × columns of grey values and of labels, and the value shown white."""
    picture = next((s for s in PREFERRED if s in case.images), None)
    image = case.images[picture] if picture else case.label
    assert isinstance(image, Image), "the case is loaded"
    label = case.label if isinstance(case.label, Image) else None
    volume = to_model_orientation(image)
    white = 0.5 * float(np.percentile(volume[::2, ::2], 99.7)) + 0.5 * float(np.percentile(volume[:, :, z], 99.7))
    return volume[:, :, z].T, None if label is None else to_model_orientation(label)[:, :, z].T, white


def _png(grey: Array, labels: Array | None, white: float) -> bytes:
    from PIL import Image as Pillow

    pixels = np.asarray(grey, dtype=np.float32)
    scale = _SIDE / max(pixels.shape)
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    picture = Pillow.fromarray(np.clip(pixels * (255 / max(white, 1e-6)), 0, 255).astype(np.uint8)).resize(
        size, Pillow.Resampling.BILINEAR
    )
    colour = np.stack([np.asarray(picture)] * 3, axis=-1)
    if labels is not None and labels.any():
        mask = Pillow.fromarray((labels > 0).astype(np.uint8)).resize(size, Pillow.Resampling.NEAREST)
        colour[_edge(np.asarray(mask) > 0)] = _OUTLINE
    stream = io.BytesIO()
    Pillow.fromarray(colour).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def _edge(mask: Array) -> Array:
    """Return the pixels of a mask that have a neighbour outside it."""
    padded = np.pad(mask, 1)
    inside = padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    return np.asarray(mask & ~inside)
