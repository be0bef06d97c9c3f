"""nibabel's functions for axis orders, imported without pydicom, which nibabel would load and NIfTI does not need."""

from __future__ import annotations

import sys

_absent = "pydicom" not in sys.modules and "nibabel" not in sys.modules
if _absent:  # pydicom and its decoders take 0.2 s of processor time; formats.dicom imports them where they are used
    sys.modules["pydicom"] = None  # type: ignore[assignment]
try:
    from nibabel.orientations import aff2axcodes, apply_orientation, axcodes2ornt, io_orientation, ornt_transform
finally:
    if _absent:
        del sys.modules["pydicom"]

__all__ = ["aff2axcodes", "apply_orientation", "axcodes2ornt", "io_orientation", "ornt_transform"]
