"""The four MRI sequences of a brain-tumour study and the names the world gives them."""

from __future__ import annotations

from enum import StrEnum

from tumorscope.core.errors import UsageError


class Sequence(StrEnum):
    """An MRI sequence, always in the order T1, T1CE, T2, FLAIR."""

    T1 = "T1"
    T1CE = "T1CE"
    T2 = "T2"
    FLAIR = "FLAIR"

    @classmethod
    def parse(cls, text: str) -> Sequence:
        """Return the sequence that ``text`` names.

        Args:
            text: Any spelling in use: ``t1ce``, ``T1Gd``, ``t1c``, ``t2f``, ``flair``, …

        Raises:
            UsageError: if the name is not known.
        """
        key = text.strip().lower().replace("-", "").replace("_", "").replace("+", "")
        if key not in ALIASES:
            known = ", ".join(s.value for s in cls)
            raise UsageError(expected=f"a sequence name ({known})", found=f"'{text}'", fix="Use one of these names")
        return ALIASES[key]


#: Lower-case spellings (no separators) of every sequence, BraTS releases and DICOM habits included.
ALIASES: dict[str, Sequence] = {
    **dict.fromkeys(("t1", "t1n", "t1w", "t1pre", "pre"), Sequence.T1),
    **dict.fromkeys(("t1ce", "t1c", "t1gd", "t1wce", "t1post", "t1cw", "post"), Sequence.T1CE),
    **dict.fromkeys(("t2", "t2w"), Sequence.T2),
    **dict.fromkeys(("flair", "t2f", "t2flair", "fl"), Sequence.FLAIR),
}
