"""Names that programs give segments → class names of the BraTS schemes."""

from __future__ import annotations

from collections.abc import Iterable

_SEEN = {
    "necrosis": "NCR/NET",
    "necrotic": "NCR/NET",
    "necrotic core": "NCR/NET",
    "ncr/net": "NCR/NET",
    "ncr": "NCR/NET",
    "non-enhancing tumour": "NCR/NET",
    "non-enhancing tumor": "NCR/NET",
    "non-enhancing lesion": "NCR/NET",
    "edema": "ED",
    "oedema": "ED",
    "ed": "ED",
    "enhancing tumour": "ET",
    "enhancing tumor": "ET",
    "enhancing lesion": "ET",
    "et": "ET",
    "tumor": "tumor",
    "tumour": "tumor",
    "neoplasm": "tumor",
}


def class_named(words: Iterable[str]) -> str | None:
    """Return the class that the first known of ``words`` names, or None."""
    return next((_SEEN[w.strip().lower()] for w in words if w.strip().lower() in _SEEN), None)
