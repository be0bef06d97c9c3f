"""Finding DICOM files and reading their headers: one :class:`Frame` per slice, and what is no MRI slice."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.image import Array
from tumorscope.formats import image_suffix
from tumorscope.formats.dicom_tags import SeriesTags, number, series_tags

#: Endings of old files that lack the mark "DICM".
_SUFFIXES = (".dcm", ".ima", ".dicom", ".dic")
_MR = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "enhanced MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "legacy enhanced MR",
}


@dataclass(frozen=True)
class Frame:
    """One slice.

    Attributes:
        file: Where it is.
        number: Frame of the file, from 1.
        uid: SOPInstanceUID.
        position: ImagePositionPatient, (3,) mm, LPS.
        axes: ImageOrientationPatient, (2, 3): direction of columns, direction of rows.
        spacing: PixelSpacing: between rows, between columns, mm.
        thickness: Distance to the next slice as the header states it, or slice thickness, mm.
        size: Rows, columns.
        instance: InstanceNumber, to keep an order where nothing else does.
        acquisition: AcquisitionNumber.
        part: What sets volumes of one series apart: echo, temporal position, b-value, image type, stack.
        tags: How it was made.
    """

    file: Path
    number: int
    uid: str
    position: Array
    axes: Array
    spacing: tuple[float, float]
    thickness: float
    size: tuple[int, int]
    instance: int
    acquisition: int
    part: tuple[Any, ...]
    tags: SeriesTags


@dataclass(frozen=True)
class Header:
    """One file.

    Attributes:
        study, series: Unique identifiers.
        person: What names the patient; used for pseudonyms only.
        date: StudyDate.
        number: SeriesNumber.
        frames: Its slices; empty where ``refused`` says why it is passed over.
        refused: In words that hold nothing personal.
    """

    study: str
    series: str
    person: tuple[str, ...]
    date: str
    number: int | None
    frames: tuple[Frame, ...] = ()
    refused: str = ""


def looks_like_dicom(path: Path) -> bool:
    """Whether ``path`` holds DICOM, by its mark or, for old files without one, by its ending and first bytes."""
    if path.name.upper() == "DICOMDIR" or path.name.startswith(".") or image_suffix(path):
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError:
        return False
    if start[128:132] == b"DICM":
        return True
    return path.suffix.lower() in _SUFFIXES and start[:1] in (b"\x08", b"\x02") and start[1:2] == b"\x00"


def dicom_files(root: Path, skip: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the DICOM files at or below ``root``, sorted; hidden folders and those of ``skip`` are left out."""
    if root.is_file():
        yield from [root] if looks_like_dicom(root) else []
        return
    left_out = {p.resolve() for p in skip}
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(
            n for n in folders if not n.startswith((".", "__MACOSX")) and Path(parent, n).resolve() not in left_out
        )
        yield from (p for p in (Path(parent, n) for n in sorted(names)) if looks_like_dicom(p))


def read_header(path: Path) -> Header | None:
    """Read one file without its pixels; None where it is no DICOM after all."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True, defer_size=1 << 16)
            return _header(ds, path) if ds.get("SOPClassUID") else None
        except (InvalidDicomError, OSError, EOFError, AttributeError, KeyError, ValueError, TypeError, IndexError):
            return None


def _header(ds: Any, path: Path) -> Header:
    refused = _refusal(ds)
    whole = number(ds.get("SeriesNumber"))
    person = tuple(str(ds.get(n) or "") for n in ("PatientID", "PatientName", "PatientBirthDate", "IssuerOfPatientID"))
    frames: tuple[Frame, ...] = ()
    if not refused:
        frames = tuple(_frames(ds, path))
        refused = "" if frames else "images without a position in space"
    return Header(
        study=str(ds.get("StudyInstanceUID") or ""),
        series=str(ds.get("SeriesInstanceUID") or ""),
        person=person,
        date=str(ds.get("StudyDate") or ""),
        number=None if whole is None else int(whole),
        frames=frames,
        refused=refused,
    )


def _refusal(ds: Any) -> str:
    """Say in a few plain words why a file is no MRI slice, or ""."""
    uid = ds.SOPClassUID
    if str(uid) not in _MR:
        kind = getattr(uid, "name", "")
        return kind.removesuffix(" Storage") if kind and kind != str(uid) else "objects of a private kind"
    if int(ds.get("SamplesPerPixel") or 1) > 1:
        return "colour images"
    if str(ds.get("BurnedInAnnotation") or "").upper() == "YES":
        return "images with text burnt in"
    if "LOCALIZER" in [str(v).upper() for v in ds.get("ImageType") or ()]:
        return "localizer"
    return ""


def _frames(ds: Any, path: Path) -> Iterator[Frame]:
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        frame = _frame(ds, path, 1, None)
        if frame is not None and int(ds.get("NumberOfFrames") or 1) == 1:
            yield frame
        return
    shared = (ds.get("SharedFunctionalGroupsSequence") or [None])[0]
    for index, groups in enumerate(per_frame):
        found = _Lookup(groups, shared)
        frame = _frame(ds, path, index + 1, found)
        if frame is not None:
            yield frame


class _Lookup:
    """``name -> value`` in the functional groups of one frame, then in the shared ones."""

    def __init__(self, *groups: Any) -> None:
        self.values: dict[str, Any] = {}
        for group in groups:
            for element in group or ():
                if element.VR == "SQ" and element.value:
                    for inner in element.value[0]:
                        self.values.setdefault(inner.keyword, inner.value)

    def __call__(self, name: str) -> Any:
        return self.values.get(name)


def _frame(ds: Any, path: Path, index: int, groups: _Lookup | None) -> Frame | None:
    """Return one slice, or None where the header does not say where it lies."""

    def get(name: str) -> Any:
        value = groups(name) if groups is not None else None
        return ds.get(name) if value is None else value

    position, axes, spacing = (get(n) for n in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    if position is None or axes is None or spacing is None or len(position) != 3 or len(axes) != 6:
        return None
    tags = series_tags(ds, groups)
    directions = np.array([float(v) for v in axes]).reshape(2, 3)
    lengths = np.linalg.norm(directions, axis=1)
    if min(lengths) < 0.5 or min(float(v) for v in spacing) <= 0:
        return None
    return Frame(
        file=path,
        number=index,
        uid=str(ds.get("SOPInstanceUID") or ""),
        position=np.array([float(v) for v in position]),
        axes=directions / lengths[:, None],
        spacing=(float(spacing[0]), float(spacing[1])),
        thickness=abs(number(get("SpacingBetweenSlices")) or number(get("SliceThickness")) or 1.0),
        size=(int(ds.Rows), int(ds.Columns)),
        instance=int(number(ds.get("InstanceNumber")) or 0) * 100_000 + index,
        acquisition=int(number(ds.get("AcquisitionNumber")) or 0),
        part=_part(ds, get, tags),
        tags=tags,
    )


def _part(ds: Any, get: Any, tags: SeriesTags) -> tuple[Any, ...]:
    echo = number(ds.get("EchoNumbers"))
    return (
        echo if echo is not None else round(tags.echo_time or 0.0, 1),
        str(get("TemporalPositionIdentifier") or get("TemporalPositionIndex") or ""),
        round(tags.b_value or 0.0),
        tags.image_type,
        str(get("StackID") or ""),
    )
