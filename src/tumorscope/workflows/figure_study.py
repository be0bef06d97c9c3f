"""A case → what figures show of it, and where its prediction comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, SCHEMES, LabelScheme, custom_scheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import read_volumes
from tumorscope.datasets.hashing import known_by
from tumorscope.figures.study import PREFERRED, Study
from tumorscope.formats import read_image
from tumorscope.workflows.choose import choose_bundle
from tumorscope.workflows.figure_cases import Source
from tumorscope.workflows.inputs import RESULT_MARK, with_spacing
from tumorscope.workflows.segment import segment

Predict = Callable[[], Segmentation]


@dataclass
class DrawnStudy:
    """A study, what reading it told, and whether its prediction was asked for."""

    study: Study
    notes: list[str] = field(default_factory=list)
    asked: bool = False


def study_of(case: Case, source: Source, *, scan_only: bool = False) -> DrawnStudy:
    """Read a case for figures.

    The model runs only if the figure asks for a prediction: every figure may with ``source.bundle`` or
    ``source.prediction``, else only those that cannot do without.

    Args:
        case: Read or not.
        source: Spacing, and what predicts.
        scan_only: Read one sequence and the reference only.

    Raises:
        InputError: if it cannot be read, or the prediction does not fit.
    """
    wanted = _one_sequence(case, source.sequence) if scan_only else None
    read = _with_spacing(case.loaded(wanted), source)
    images = {s: x for s, x in read.images.items() if isinstance(x, Image)}
    if not images:
        raise InputError(expected=f"a scan in {case.id}", found="none", fix="Choose another case")
    truth = Segmentation(read.label, read.scheme) if isinstance(read.label, Image) and read.scheme else None
    drawn = DrawnStudy(Study(case.id, images, truth), list(read.notes))
    if scan_only:
        return drawn
    predict, model, seen = _prediction(read, images, source)

    def asked() -> Segmentation:
        drawn.asked = True
        return predict()

    stated = source.bundle is not None or source.prediction is not None
    way: dict[str, Any] = {"predict": asked} if stated else {"fallback": asked}
    drawn.study = replace(drawn.study, model=model, seen=seen, **way)
    return drawn


def _one_sequence(case: Case, sequence: Sequence | None) -> tuple[Sequence, ...] | None:
    if sequence is not None and sequence in case.images:
        return (sequence,)
    return next(((s,) for s in PREFERRED if s in case.images), None)


def _with_spacing(case: Case, source: Source) -> Case:
    """Give voxels of unknown size the stated one, the reference's too."""
    if source.spacing is None:
        return case
    stated = with_spacing(case, source.spacing)
    first = next((x for x in stated.images.values() if isinstance(x, Image)), None)
    label = case.label if isinstance(case.label, Image) else None
    if label is not None and first is not None:
        label = replace(label, affine=first.affine, spacing_known=first.spacing_known)
    return replace(stated, label=label)


def _prediction(case: Case, images: dict[Sequence, Image], source: Source) -> tuple[Predict, str, bool]:
    """Return what gives the prediction, its name, and whether it was trained or validated on the case."""
    grid = next(iter(images.values()))
    if source.prediction is not None:
        path = source.prediction
        return lambda: read_prediction(path, grid, case.scheme), path.resolve().name, False
    from tumorscope.bundles.bundle import Bundle

    try:
        bundle = choose_bundle(case)[0] if source.bundle is None else Bundle.load(source.bundle)
    except InputError as error:
        if source.bundle is not None:
            raise
        refusal = error

        def refuse() -> Segmentation:
            raise refusal

        return refuse, "model", False
    seen = bool(set(bundle.manifest.training.case_hashes) & known_by(case))
    absent = [s for s in bundle.manifest.preprocess.sequences if s not in images]
    model = f"{bundle.name} (without {', '.join(absent)})" if absent else bundle.name
    return lambda: segment(case, bundle).segmentation, model, seen


def read_prediction(path: Path, grid: Image, scheme: LabelScheme | None = None) -> Segmentation:
    """Read a prediction: a result folder of ``predict`` (with its probability maps, if it has them), or a label map.

    Args:
        path: Folder or file.
        grid: An image of the case.
        scheme: Of the case's reference, which a bare label map is taken to share where its values allow.

    Raises:
        InputError: if there is no label map.
        GeometryError: if it lies on another grid.
        LabelError: if its values fit no scheme.
    """
    file = path
    if path.is_dir():
        file = next((p for p in (path / "segmentation.nii.gz", path / "segmentation.png") if p.is_file()), path)
        if file == path:
            raise InputError(
                expected=f"a result of tumorscope predict (segmentation.nii.gz or .png) in {path}",
                found="none",
                fix="Name the case's result folder or a label map",
            )
    read = (
        read_volumes(Case(file.name, file.name, {}, label=file, scheme=_recorded(path)), ()) if path.is_dir() else None
    )
    case = read or _bare(file, scheme)
    assert isinstance(case.label, Image) and case.scheme is not None
    if not case.label.same_grid(_as_read(grid, case.label)):
        raise GeometryError(
            expected=f"a prediction on the grid of the scan {grid.shape}",
            found=f"shape {case.label.shape} or another affine in {file}",
            fix="Name the prediction of this case",
        )
    maps = {name: grid.with_data(read_image(p).data) for name, p in _probability_files(path, case.scheme).items()}
    return Segmentation(grid.with_data(case.label.data), case.scheme, maps)


def _as_read(grid: Image, label: Image) -> Image:
    """Return the grid with the label's affine where one of the two knows no spacing."""
    return grid if grid.spacing_known and label.spacing_known else replace(grid, affine=label.affine)


def _bare(file: Path, scheme: LabelScheme | None) -> Case:
    """Read a label map of unknown origin: the reference's scheme where its values fit, else binary, else detected."""
    label = read_image(file)
    values = {int(v) for v in np.unique(np.rint(label.data))} - {0}
    if scheme is not None and values <= set(scheme.values):
        known: LabelScheme | None = scheme
    elif values <= {1} or (len(values) == 1 and file.suffix.lower() == ".png"):
        known, label = BINARY, label.with_data((label.data > 0).astype(np.uint8))
    else:
        known = None
    return read_volumes(Case(file.name, file.name, {}, label=label, scheme=known), ())


def _recorded(folder: Path) -> LabelScheme | None:
    """Return the scheme that ``measurements.json`` tells."""
    record = folder / RESULT_MARK
    if not record.is_file():
        return None
    labels = json.loads(record.read_text(encoding="utf-8")).get("labels", {})
    if labels.get("scheme") in SCHEMES:
        return SCHEMES[labels["scheme"]]
    values = labels.get("values") or {}
    return custom_scheme({int(value): name for name, value in values.items()}) if values else None


def _probability_files(path: Path, scheme: LabelScheme) -> dict[str, Path]:
    if not path.is_dir():
        return {}
    names = dict.fromkeys((*scheme.regions, *(label.name for label in scheme.labels)))
    files = {name: path / f"probability_{name.replace('/', '-')}.nii.gz" for name in names}
    return {name: file for name, file in files.items() if file.is_file()}
