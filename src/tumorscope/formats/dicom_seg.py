"""DICOM segmentation objects → label maps (highdicom)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats.checks import check_file, damaged
from tumorscope.formats.segment_names import class_named

_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_dicom_seg(path: str | Path) -> bool:
    """Whether ``path`` is a DICOM segmentation object."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        return str(pydicom.dcmread(path, specific_tags=["SOPClassUID"]).SOPClassUID) == "1.2.840.10008.5.1.4.1.1.66.4"
    except (InvalidDicomError, OSError, AttributeError):
        return False


def read_dicom_seg(path: str | Path) -> tuple[Image, dict[int, str]]:
    """Read a segmentation object of exclusive segments.

    Args:
        path: A file with SOP class Segmentation Storage.

    Returns:
        A label map (slices without a frame are 0, slices outside the first and last frame are not in it) whose
        values are the segment numbers, with its affine in RAS+ mm; and segment number → class name: the BraTS class
        where label or code tells it, else the segment's own label.

    Raises:
        InputError: if it is damaged, no segmentation, its frames make no volume, or segments overlap.
    """
    import highdicom as hd

    path = check_file(path)
    try:
        seg = hd.seg.segread(path)
        volume = seg.get_volume(combine_segments=True, dtype=np.uint8, rescale_fractional=False)
    except RuntimeError as error:
        raise InputError(
            expected="segments that do not overlap, on evenly spaced slices", found=str(error), fix="Export it again"
        ) from error
    except Exception as error:  # pydicom raises many kinds for damaged content
        raise damaged(path, "DICOM segmentation", error) from error
    names = {number: _class_of(seg.get_segment_description(number)) for number in seg.segment_numbers}
    return Image(np.asarray(volume.array), _TO_RAS @ volume.affine, source=path), names


def _class_of(description: object) -> str:
    label = str(description.segment_label)  # type: ignore[attr-defined]
    kind = description.SegmentedPropertyTypeCodeSequence[0]  # type: ignore[attr-defined]
    modifiers = kind.get("SegmentedPropertyTypeModifierCodeSequence", [])
    words = [label, *(m.CodeMeaning for m in modifiers), kind.CodeMeaning]
    return class_named(words) or label
