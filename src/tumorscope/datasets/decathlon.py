"""Medical Segmentation Decathlon, Task01_BrainTumour: one 4D NIfTI per case, sequences named in ``dataset.json``.

``imagesTr/BRATS_001.nii.gz`` holds FLAIR, T1w, t1gd and T2w as its four volumes, ``labelsTr/BRATS_001.nii.gz`` the
labels 1 oedema, 2 non-enhancing core, 3 enhancing tumour (another order than BraTS); ``imagesTs`` has no labels. The
cases are BraTS 2016 and 2017 cases under new numbers, and no public table says which: nothing here can tell that a
case is also in a BraTS release. Compare the pictures themselves (``tumorscope audit``) before mixing the two.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import DECATHLON
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import Dataset, read_volumes

#: The volumes of an image where ``dataset.json`` does not name them.
ORDER = (Sequence.FLAIR, Sequence.T1, Sequence.T1CE, Sequence.T2)
#: ``labels`` of ``dataset.json`` as released, in lower case without spaces, underscores and hyphens.
_LABELS = {
    "0": ("background",),
    "1": ("edema",),
    "2": ("nonenhancingtumor", "nonenhancingtumour"),
    "3": ("enhancingtumor", "enhancingtumour"),
}


def find(root: Path) -> list[Case]:
    """Find the images of ``imagesTr`` and ``imagesTs`` in ``root`` or at most two levels below it.

    Raises:
        InputError: if ``dataset.json`` is not that of Task01 or cannot be read.
    """
    folders = [p for depth in ("", "*/", "*/*/") for p in sorted(root.glob(f"{depth}imagesTr")) if p.is_dir()]
    return [case for folder in folders for case in _task(folder.parent)]


def _task(folder: Path) -> list[Case]:
    order = volume_order(folder / "dataset.json")
    cases = []
    for images, labels in (("imagesTr", "labelsTr"), ("imagesTs", "")):
        for path in sorted((folder / images).glob("*.nii*")) if (folder / images).is_dir() else []:
            if path.name.startswith("."):
                continue
            name = path.name.partition(".")[0]
            label = next((p for p in sorted((folder / labels).glob(f"{name}.nii*"))), None) if labels else None
            cases.append(
                Case(
                    id=name,
                    patient=name,
                    images=dict.fromkeys(order, path),
                    label=label,
                    scheme=DECATHLON if label else None,
                    release_part="test" if images == "imagesTs" else "train",
                    notes=["No label: the Decathlon keeps those of its test part."] if images == "imagesTs" else [],
                    reader=VolumesReader(order),
                )
            )
    return cases


def volume_order(path: Path) -> tuple[Sequence, ...]:
    """Return what the volumes hold, as ``dataset.json`` says; the released order where there is no such file.

    Raises:
        InputError: if it is not that of Task01 or cannot be read.
    """
    if not path.is_file():
        return ORDER
    try:
        info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
        channels = info.get("modality") or info["channel_names"]
        labels = {str(k): v for k, v in info["labels"].items()}
        names = [channels[str(k)] for k in range(len(channels))]
        order = tuple(Sequence.parse(name) for name in names)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, AttributeError, TypeError, UsageError) as error:
        raise _wrong(f"{type(error).__name__}: {error} in {path}") from error
    plain = {k: "".join(c for c in str(v).lower() if c.isalpha()) for k, v in labels.items()}
    if any(plain.get(k) not in names for k, names in _LABELS.items()) or len(set(order)) < len(order):
        raise _wrong(f"labels {labels} and channels {channels} in {path}")
    return order


def _wrong(found: str) -> InputError:
    return InputError(
        expected="the dataset.json of Task01_BrainTumour (modality FLAIR, T1w, t1gd, T2w; labels edema, "
        "non-enhancing tumor, enhancing tumour)",
        found=found,
        fix="Point --data at Task01_BrainTumour as downloaded",
        option="--data",
    )


class VolumesReader:
    """Reads one 4D image and its label.

    Attributes:
        order: What each volume holds.
    """

    def __init__(self, order: tuple[Sequence, ...]) -> None:
        self.order = order

    def __call__(self, case: Case, sequences: tuple[Sequence, ...]) -> Case:
        """Return ``case`` with the volumes of ``sequences`` and its label.

        Raises:
            InputError: if a file cannot be read or has another number of volumes.
            GeometryError: if the label lies on another grid.
        """
        from tumorscope.formats.nifti_series import read_nifti_series

        path = next(iter(case.images.values()))
        assert isinstance(path, Path)
        images: dict[Sequence, Image | Path] = {}
        if sequences:
            volumes = read_nifti_series(path)
            if len(volumes) != len(self.order):
                raise InputError(
                    expected=f"{len(self.order)} volumes ({', '.join(self.order)})",
                    found=f"{len(volumes)} in {path}",
                    fix="Download it again",
                )
            by_name = dict(zip(self.order, volumes, strict=True))
            images = {s: by_name[s].with_data(np.asfortranarray(by_name[s].data)) for s in sequences}
        return read_volumes(replace(case, images=images), tuple(images))


DATASET = Dataset(
    name="decathlon",
    title="Medical Segmentation Decathlon Task01_BrainTumour (484 labelled and 266 test cases)",
    sequences=tuple(Sequence),
    licence="CC BY-SA 4.0",
    citation="Antonelli M et al. The Medical Segmentation Decathlon. Nat Commun 2022;13:4128.",
    find=find,
)
