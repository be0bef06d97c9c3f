"""Which pictures of Cheng's Figshare set may show one patient, told from their numbers.

The 3064 files are numbered tumour type by tumour type, and within a type plane by plane: all patients' axial slices,
then all coronal, then all sagittal ones, the patients in the same order each time (a tumour seen at axial 62-66 is
seen again at coronal 290-293 and sagittal 523-526). Neighbouring numbers kept together would therefore still put one
patient's axial slices into training and the coronal ones into the test. A block here is a stretch of patients through
all planes.

Where the planes of meningiomas and pituitary adenomas correspond was found by aligning the tumours' position and size
along the head axis that two planes share (dynamic time warping over the masks), then looking at the pictures around
each cut. Every cut lies where one run of slices ends: neighbours in a run correlate with 0.75 and more at 64×64 pixels,
across a cut with less (but 2017 and 2018, two skull bases, 0.85).

Gliomas came in two batches. The first (715-917, with 209 and 210) holds all planes of its patients: block 9. In the
second (1841-3062) the planes do not begin with the same patient: by eye, axial 1881 goes with coronal 2247 and sagittal
2858, axial 2158 with coronal 2694 and sagittal 2758, axial 2241 and 2344 with coronal 2487 and sagittal 3031, and some
patients were scanned again later. Only one cut through it is clear, and not free of doubt (coronal 2540-2553): blocks
10 and 11. So it never stands on both sides of a fixed test list.

Which run belongs to which patient is judged by eye, so one or two patients may be divided at a cut. Where files carry
PID, use that instead.
"""

from __future__ import annotations

from bisect import bisect_right

from tumorscope.core.errors import InputError

#: Number of the last file.
LAST = 3064

#: First file number of a stretch, its tumour type, its block. Each stretch ends where the next begins.
STRETCHES: tuple[tuple[int, str, int], ...] = (
    (1, "meningioma", 1),  # axial
    (42, "meningioma", 2),
    (59, "pituitary", 5),
    (60, "meningioma", 2),
    (80, "meningioma", 3),
    (176, "meningioma", 4),
    (209, "glioma", 9),
    (211, "meningioma", 1),  # coronal
    (261, "meningioma", 2),
    (304, "meningioma", 3),
    (405, "meningioma", 4),
    (442, "meningioma", 1),  # sagittal
    (501, "meningioma", 2),
    (540, "meningioma", 3),
    (664, "meningioma", 4),
    (709, "pituitary", 5),
    (715, "glioma", 9),  # all planes
    (918, "pituitary", 5),  # axial
    (972, "pituitary", 6),
    (1065, "pituitary", 5),  # coronal
    (1112, "pituitary", 6),
    (1166, "pituitary", 5),  # sagittal
    (1222, "pituitary", 6),
    (1284, "pituitary", 7),  # axial
    (1383, "pituitary", 8),
    (1456, "pituitary", 7),  # coronal
    (1563, "pituitary", 8),
    (1640, "pituitary", 7),  # sagittal
    (1759, "pituitary", 8),
    (1841, "glioma", 10),  # axial
    (2018, "glioma", 11),
    (2243, "glioma", 10),  # coronal
    (2344, "glioma", 11),  # axial, from 2402 coronal
    (2540, "glioma", 10),  # coronal
    (2554, "glioma", 11),  # coronal, from 2731 sagittal
    (2858, "glioma", 10),  # sagittal
    (2934, "glioma", 11),
    (3030, "meningioma", 4),
    (3031, "glioma", 11),
    (3063, "meningioma", 4),
)
_STARTS = [start for start, _, _ in STRETCHES]


def _stretch(number: int) -> tuple[int, str, int]:
    if not 1 <= number <= LAST:
        raise InputError(
            expected=f"a file number of the Figshare set, 1 to {LAST}",
            found=f"{number}",
            fix="Keep the files' public names; for other pictures use the data set 'folder'",
        )
    return STRETCHES[bisect_right(_STARTS, number) - 1]


def tumor_type_of(number: int) -> str:
    """Return "meningioma", "glioma" or "pituitary": what the public file ``number`` is labelled.

    Raises:
        InputError: if there is no such file.
    """
    return _stretch(number)[1]


def block_of(number: int, tumor_type: str | None = None) -> str:
    """Return the block of file ``number``, e.g. ``block-004``.

    Args:
        number: The public file number, 1-3064.
        tumor_type: What the copy at hand says; another type than the public one is a block of its own.

    Raises:
        InputError: if there is no such file.
    """
    _, public, block = _stretch(number)
    name = f"block-{block:03d}"
    return name if tumor_type in (None, public) else f"{name}-{tumor_type}"
