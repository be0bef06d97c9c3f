"""Kaggle "Brain Tumor Image DataSet: Semantic Segmentation" (Roboflow COCO export, 2146 pictures).

``train/``, ``valid/`` and ``test/`` hold ``_annotations.coco.json`` and the pictures. What the files hold, against what
is often written about them:

- The pictures are Figshare's (:mod:`~tumorscope.datasets.figshare`): ``2256_jpg.rf.<hash>.jpg`` is its file 2256,
  transposed and enlarged to 640×640. ``patient`` is therefore the same block as there, and the release's own parts
  divide patients.
- Every "segmentation" is a rectangle of four corners, and a loose one (median IoU 0.55 with the true tumour's box).
  They are counted from the polygons here, and the user is warned.
- The categories are ``Tumor`` (never used), ``0`` and ``1``. They are not "non-tumour" and "tumour" (S1-11): 0 is
  nearly always glioma and 1 the other types. Both count as ``tumor``; ``tumor_type`` is Figshare's.
- A file may start with a byte-order mark, and one picture has no annotation.

The pictures' pixels stay as stored; that they are transposed is told by the affine, so models see them upright.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.coco_masks import draw, is_rectangle
from tumorscope.datasets.figshare_blocks import LAST, block_of, tumor_type_of

FILE = "_annotations.coco.json"
_PARTS: dict[str, Literal["train", "val", "test"]] = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_NAME = re.compile(r"(\d+)_(?:jpg|jpeg|png)\.rf\.([0-9a-zA-Z]+)\.", re.IGNORECASE)
#: Index (x, y) of a picture that was stored transposed → RAS+: rows run to the left, columns to posterior.
TRANSPOSED = np.array([[0.0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
RECTANGLE = "The reference is a rectangle, not an outline: scores against it say how boxes overlap."


def find(root: Path) -> list[Case]:
    """Find the pictures of every annotation file at most two levels below ``root``.

    A picture without annotation has an empty mask; one whose file is missing is left out. Both are noted.

    Raises:
        InputError: if an annotation file is not COCO, or no picture is there.
    """
    files = [path for depth in ("", "*/", "*/*/") for path in sorted(root.glob(depth + FILE))]
    cases = [case for path in files for case in _cases(path)]
    if files and not cases:
        raise InputError(
            expected=f"the pictures that {files[0]} names, beside it", found="none", fix="Download them as well"
        )
    rectangles = sum(RECTANGLE in case.notes for case in cases)
    if rectangles:
        warnings.warn(
            f"coco: {rectangles} of {len(cases)} references are rectangles of four corners, not outlines of the tumour",
            stacklevel=2,
        )
    return cases


def read_annotations(path: Path) -> dict[str, Any]:
    """Read a COCO file; a byte-order mark is passed over.

    Raises:
        InputError: if it is not JSON, or has no images and annotations.
    """
    import json

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        for entry in content["images"]:
            entry["id"], entry["file_name"], int(entry["width"]), int(entry["height"])
        for annotation in content["annotations"]:
            annotation["image_id"]
        return cast(dict[str, Any], content)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            expected="a COCO file with images (id, file_name, width, height) and annotations (image_id)",
            found=f"{type(error).__name__}: {error} in {path}",
            fix="Download it again",
        ) from error


def _cases(path: Path) -> list[Case]:
    content = read_annotations(path)
    annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    cases, missing = [], []
    for entry in content["images"]:
        picture = path.parent / Path(str(entry["file_name"])).name
        if picture.is_file():
            cases.append(_case(picture, (int(entry["width"]), int(entry["height"])), annotations[entry["id"]]))
        else:
            missing.append(picture.name)
    if cases and missing:
        shown = f"{len(missing)} of {len(content['images'])} pictures named in {path} are missing, e.g. {missing[0]}."
        cases[0].notes.append(shown)
    return cases


def _case(picture: Path, size: tuple[int, int], annotations: list[dict[str, Any]]) -> Case:
    match = _NAME.match(picture.name)
    number = int(match.group(1)) if match else 0
    known = match is not None and 1 <= number <= LAST
    notes = [] if annotations else ["No annotation: the mask is empty."]
    if annotations and all(is_rectangle(a.get("segmentation")) for a in annotations):
        notes.append(RECTANGLE)
    if not known:
        notes.append("The name tells no Figshare number: the picture counts as a block of its own.")
    return Case(
        id=f"{number:04d}-{match.group(2)[:8]}" if match and known else picture.stem,
        patient=block_of(number) if known else picture.stem,
        unit="block",
        images={Sequence.T1CE: picture},
        label=picture,
        scheme=BINARY,
        tumor_type=tumor_type_of(number) if known else None,
        release_part=_PARTS.get(picture.parent.name.lower()),
        notes=notes,
        reader=_Reader(size, annotations),
    )


class _Reader:
    """Reads one picture and draws its mask.

    Attributes:
        size: Width and height the annotations are meant for.
        annotations: COCO annotations of this picture.
    """

    def __init__(self, size: tuple[int, int], annotations: list[dict[str, Any]]) -> None:
        self.size, self.annotations = size, annotations

    def __call__(self, case: Case, sequences: tuple[Sequence, ...]) -> Case:
        """Return ``case`` with its image and mask.

        Raises:
            InputError: if the picture or an annotation cannot be read.
            GeometryError: if the picture has another size than the annotations.
        """
        from tumorscope.formats import read_channels

        path = case.images[Sequence.T1CE]
        assert isinstance(path, Path)
        channels = read_channels(path)
        data = np.mean([c.data for c in channels], axis=0).round().astype(np.uint8)
        if data.shape[:2] != self.size:
            raise GeometryError(
                expected=f"a picture of {self.size[0]}×{self.size[1]} pixels, as its annotation file says",
                found=f"{data.shape[0]}×{data.shape[1]} in {path}",
                fix="Download the pictures and their annotations together again",
            )
        image = Image(data, TRANSPOSED, spacing_known=False, source=path, header=channels[0].header)
        mask = draw(self.annotations, self.size, where=path.name)
        images: dict[Sequence, Image | Path] = dict.fromkeys(sequences, image)
        return replace(case, images=images, label=image.with_data(mask[..., None]), reader=None)


DATASET = Dataset(
    name="coco",
    title="Kaggle Brain Tumor Image DataSet (COCO export), Figshare's T1CE slices with rectangles as masks",
    sequences=(Sequence.T1CE,),
    licence="CC BY 4.0",
    citation="Pictures: Cheng J. figshare 2017, doi:10.6084/m9.figshare.1512427. "
    "Annotations: Darabi PK. Brain Tumor Image DataSet: Semantic Segmentation. Kaggle 2023.",
    find=find,
    sliced=True,
)
