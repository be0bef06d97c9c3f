"""Jun Cheng's Figshare set: 3064 contrast-enhanced T1 slices of 233 patients with tumour masks and tumour type.

Two forms are read:

- as published: ``1.mat`` … ``3064.mat`` (MATLAB 7.3, which is HDF5) anywhere at or below the root, e.g. in
  ``brainTumorDataPublic_1-766``; ``cjdata`` holds ``image``, ``tumorMask``, ``tumorBorder``, ``label`` (1 meningioma,
  2 glioma, 3 pituitary) and ``PID``, the patient; the block stays as an alias, by which test lists name it;
- as pictures: ``images/<number>.jpg``, ``masks/<number>.png`` and ``labels.csv`` (index, class, image, mask). It
  has no patient ids, so ``patient`` is a block (:mod:`~tumorscope.datasets.figshare_blocks`).

MATLAB stores columns first, so the HDF5 array is already (x, y) = (column, row) of the upright picture. Pixels
are 0.49 mm in most scans, but no file says so; sizes are therefore in pixels.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.figshare_blocks import LAST, block_of, tumor_type_of

#: ``cjdata/label`` → tumour type.
TYPES = {1: "meningioma", 2: "glioma", 3: "pituitary"}
_PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


def find(root: Path) -> list[Case]:
    """Find the ``.mat`` files at or below ``root``; where there are none, the pictures at most two levels below it.

    Raises:
        InputError: if a ``.mat`` file cannot be used, or ``labels.csv`` lacks a column or names an unknown type.
    """
    files = sorted((p for p in root.rglob("*.mat") if p.stem.isdecimal()), key=lambda p: (int(p.stem), p))
    if files:
        return [_mat_case(path) for path in files]
    for folder in (root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))):
        if (folder / "images").is_dir() and (folder / "masks").is_dir():
            return _picture_cases(folder)
    return []


def _case(number: int, patient: str, tumor_type: str, image: Path, mask: Path, **more: Any) -> Case:
    return Case(
        id=f"{number:04d}",
        patient=patient,
        images={Sequence.T1CE: image},
        label=mask,
        scheme=BINARY,
        tumor_type=tumor_type,
        **more,
    )


def _mat_case(path: Path) -> Case:
    """Make the case of one ``.mat`` file; only its patient and label are read now."""
    fields = read_mat(path, ("PID", "label"))
    code = int(fields["label"].ravel()[0])
    if code not in TYPES:
        raise _unusable(path, f"label {code}", "a label 1, 2 or 3")
    patient = "".join(chr(int(c)) for c in fields["PID"].ravel()).strip("\0 ")
    if not patient:
        raise _unusable(path, "an empty PID", "a patient in cjdata/PID")
    number = int(path.stem)
    aliases = (block_of(number),) if number <= LAST else ()
    return _case(number, patient, TYPES[code], path, path, aliases=aliases, reader=read_case)


def read_mat(path: Path, names: tuple[str, ...]) -> dict[str, Array]:
    """Read fields of ``cjdata``, each as HDF5 stores it (MATLAB's dimensions in reverse).

    Raises:
        InputError: if the file is missing, not HDF5, damaged, or lacks a field.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = file["cjdata"]
            return {name: np.asarray(group[name]) for name in names}
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = "no such field" if isinstance(error, KeyError) else str(error).splitlines()[0]
        wanted = "MATLAB 7.3 file with cjdata/" + ", cjdata/".join(names)
        raise _unusable(path, reason, f"a {wanted}") from error


def _unusable(path: Path, found: str, expected: str) -> InputError:
    return InputError(expected=expected, found=f"{found} in {path}", fix="Download or unpack this file again")


def read_case(case: Case, sequences: tuple[Sequence, ...]) -> Case:
    """Read image and mask of one ``.mat`` file.

    Raises:
        InputError: if the file cannot be used.
        GeometryError: if image and mask differ in shape.
    """
    from tumorscope.formats.raster import AFFINE

    path = case.label
    assert isinstance(path, Path)
    fields = read_mat(path, ("image", "tumorMask"))
    image, mask = (np.squeeze(fields[name]) for name in ("image", "tumorMask"))
    if image.ndim != 2 or not np.isfinite(image).all():
        raise _unusable(path, f"an array of shape {image.shape}", "one finite 2D picture")
    label = Image((mask > 0).astype(np.uint8)[..., None], AFFINE, False, path) if mask.ndim == 2 else None
    picture = Image(image[..., None], AFFINE, spacing_known=False, source=path)
    return _paired(case, picture, label, sequences)


def _paired(case: Case, image: Image, label: Image | None, sequences: tuple[Sequence, ...]) -> Case:
    if label is None or image.shape != label.shape:
        raise GeometryError(
            expected=f"image and mask of {case.id} of one size ({image.shape[:2]})",
            found=f"{label.shape[:2] if label else 'no 2D mask'} in {case.label}",
            fix="Download or unpack it again",
        )
    images: dict[Sequence, Image | Path] = dict.fromkeys(sequences, image)
    return replace(case, images=images, label=label, reader=None)


def _picture_cases(folder: Path) -> list[Case]:
    """Make the cases of ``images/`` and ``masks/``, with the classes of ``labels.csv`` where it lies beside them."""
    table = folder / "labels.csv"
    rows = _rows(table) if table.is_file() else _unlisted(folder)
    cases = []
    for number, tumor_type, image, mask in rows:
        patient = block_of(number, tumor_type)
        cases.append(_case(number, patient, tumor_type, image, mask, unit="block", reader=read_pictures))
    return cases


def _unlisted(folder: Path) -> list[tuple[int, str, Path, Path]]:
    files = {p.stem: p for p in sorted((folder / "images").iterdir()) if p.suffix.lower() in _PICTURES}
    masks = {p.stem: p for p in sorted((folder / "masks").iterdir()) if p.suffix.lower() in _PICTURES}
    both = sorted(int(s) for s in files if s.isdecimal() and s in masks and 1 <= int(s) <= 3064)
    return [(n, tumor_type_of(n), files[str(n)], masks[str(n)]) for n in both if str(n) in files]


def _rows(table: Path) -> list[tuple[int, str, Path, Path]]:
    rows = []
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
        for line, row in enumerate(csv.DictReader(handle), start=2):
            try:
                number, word = int(row["index"]), row["class"].strip().lower()
                tumor_type = next(t for t in TYPES.values() if word.startswith(t))
                rows.append((number, tumor_type, table.parent / row["image"], table.parent / row["mask"]))
            except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
                raise InputError(
                    expected=f"columns index, class ({', '.join(TYPES.values())}), image and mask",
                    found=f"{dict(row)} in line {line} of {table}",
                    fix="Correct the line",
                ) from error
    return rows


def read_pictures(case: Case, sequences: tuple[Sequence, ...]) -> Case:
    """Read one picture and its mask (0/1 or 0/255).

    Raises:
        InputError: if a file cannot be read.
        GeometryError: if they differ in size.
    """
    from tumorscope.formats import read_image

    picture, path = case.images[Sequence.T1CE], case.label
    assert isinstance(picture, Path)
    assert isinstance(path, Path)
    mask = read_image(path)
    values = mask.data > max(float(mask.data.max()) / 2, 0.5)
    return _paired(case, read_image(picture), mask.with_data(values.astype(np.uint8)), sequences)


DATASET = Dataset(
    name="figshare",
    title="Figshare brain tumour data set (Cheng), T1CE slices with tumour masks",
    sequences=(Sequence.T1CE,),
    licence="CC BY 4.0",
    citation="Cheng J. Brain tumor dataset. figshare 2017, doi:10.6084/m9.figshare.1512427; "
    "Cheng J et al. PLoS ONE 2015;10(10):e0140381.",
    find=find,
    sliced=True,
)
