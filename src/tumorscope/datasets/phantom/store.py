"""Phantom patients on disk, in the BraTS 2017-2022 layout."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from tumorscope.core.case import Case
from tumorscope.core.errors import OutputError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import brats
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.phantom.make import case_id, make_phantom
from tumorscope.datasets.phantom.spec import PhantomSpec

#: Marks a folder as a phantom and holds the spec it was made from.
SIDECAR = "phantom.json"
_NAMES = {Sequence.FLAIR: "flair", Sequence.T1: "t1", Sequence.T1CE: "t1ce", Sequence.T2: "t2"}
_DEFAULT = PhantomSpec()


def write_phantom(folder: str | Path, spec: PhantomSpec = _DEFAULT, *, spacing: float = 1.0) -> Path:
    """Make a phantom and write it as a BraTS case, whole or not at all.

    Args:
        folder: Parent folder; made if absent.
        spec: What the patient looks like. The same seed replaces the phantom already there.
        spacing: Voxel size in mm.

    Returns:
        ``folder/Phantom_SSS`` (seed), holding ``Phantom_SSS_{flair,t1,t1ce,t2,seg}.nii.gz`` and ``phantom.json``.

    Raises:
        OutputError: if it cannot be written, or something else has that name.
        UsageError: as :func:`make_phantom`.
    """
    folder = ensure_folder(folder)
    target = folder / case_id(spec)
    if target.exists() and not (target / SIDECAR).is_file():
        raise OutputError(
            expected=f"no folder {target.name} but a phantom's",
            found=f"other files at {target}",
            fix="Choose another folder",
        )
    case = make_phantom(spec, spacing=spacing)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    except OSError as error:
        raise OutputError(
            expected=f"to be able to write into {folder}", found=str(error), fix="Choose another folder"
        ) from error
    try:
        _write(case, spec, scratch / case.id)
        if target.exists():
            target.replace(scratch / "old")
        (scratch / case.id).replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _write(case: Case, spec: PhantomSpec, folder: Path) -> None:
    from tumorscope.formats.nifti import write_nifti

    for sequence, name in _NAMES.items():
        image = case.images[sequence]
        assert isinstance(image, Image)
        write_nifti(image, folder / f"{case.id}_{name}.nii.gz")
    assert isinstance(case.label, Image)
    write_nifti(case.label, folder / f"{case.id}_seg.nii.gz")
    write_text(folder / SIDECAR, json.dumps({"grade": case.grade, "spec": asdict(spec)}, indent=2) + "\n")


def find(root: Path) -> list[Case]:
    """Find the phantoms at or below ``root``; other cases are passed over."""
    cases = []
    for case in brats.find(root):
        label = case.label
        sidecar = label.parent / SIDECAR if isinstance(label, Path) else None
        if sidecar is not None and sidecar.is_file():
            case.grade = json.loads(sidecar.read_text(encoding="utf-8")).get("grade")
            cases.append(case)
    return cases


DATASET = Dataset(
    name="phantom",
    title="synthetic glioma patients made by tumorscope, BraTS layout",
    sequences=tuple(Sequence),
    licence="Apache-2.0; anatomy from the ICBM152 2009a template (Copyright McConnell Brain Imaging Centre, free use)",
    citation="Fonov V et al. NeuroImage 2011;54:313 (template).",
    find=find,
)


def discover(root: str | Path) -> list[Case]:
    """Find the phantoms that :func:`write_phantom` wrote at or below ``root``.

    Raises:
        InputError: if there is none.
    """
    return DATASET.discover(root)
