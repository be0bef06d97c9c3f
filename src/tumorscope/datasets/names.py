"""What a file's name says: which sequence it holds, or that it is a label map."""

from __future__ import annotations

import re
from pathlib import Path

from tumorscope.core.sequence import ALIASES, Sequence

#: Last parts of a name that mark a label map.
LABEL_NAMES = frozenset({"seg", "segm", "segmentation", "label", "labels", "mask", "gt", "annotation"})
#: Words that name a sequence only if nothing else in the name does ("flair_post" is a FLAIR after surgery).
_WEAK = frozenset({"pre", "post", "fl"})


def stem(path: str | Path) -> str:
    """Return the file name without its ending (``.nii.gz`` as a whole)."""
    from tumorscope.formats import image_suffix

    name = Path(path).name
    return name[: len(name) - len(image_suffix(name))] if image_suffix(name) else Path(name).stem


def is_label(path: str | Path) -> bool:
    """Whether the name ends in a word for a label map (``…_seg.nii.gz``, ``1_mask.png``); a brain mask is none."""
    words = _words(stem(path))
    return words[-1] in LABEL_NAMES and not (len(words) > 1 and words[-2] in ("brain", "bet"))


def sequence_of(path: str | Path) -> Sequence | None:
    """Return the sequence that a file name tells, or None.

    The last two words together are tried first (``t1_ce``, ``t2_flair``), then every word from the right; BIDS' ``ce-``
    entity makes a T1w image T1CE.
    """
    words = _words(stem(path))
    if len(words) > 1 and words[-2] + words[-1] in ALIASES:
        return ALIASES[words[-2] + words[-1]]
    known = [w for w in reversed(words) if w in ALIASES]
    strong = [w for w in known if w not in _WEAK]
    if not known:
        return None
    found = ALIASES[(strong or known)[0]]
    return Sequence.T1CE if found is Sequence.T1 and "ce" in words else found


def _words(name: str) -> list[str]:
    return [w for w in re.split(r"[-_. ]+", name.lower()) if w] or [""]
