"""``measure``: sizes and report of masks drawn or edited elsewhere; several dates make a timeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tumorscope.core.errors import UsageError
from tumorscope.core.files import ensure_folder
from tumorscope.core.image import Image
from tumorscope.workflows.assess import assess
from tumorscope.workflows.found import RESULT_MARK
from tumorscope.workflows.inputs import Spacing, files_of, is_picture
from tumorscope.workflows.mask_input import read_mask
from tumorscope.workflows.predict import read_case
from tumorscope.workflows.save_case import SaveOptions, save_case
from tumorscope.workflows.segment import CaseResult
from tumorscope.workflows.timeline import check_dates, write_timeline

EDITED = "Label map drawn or edited outside tumorscope; no model, so no uncertainty is known."


@dataclass
class MeasureSummary:
    """The outcome of a run.

    Attributes:
        output: Folder of the results.
        folders: Result folder of each time point, in the order given.
        volumes: Of each: region → ml (None where the spacing is unknown).
        timeline: What changed over time; None for a single time point.
    """

    output: str
    folders: list[str] = field(default_factory=list)
    volumes: list[dict[str, float | None]] = field(default_factory=list)
    timeline: dict[str, Any] | None = None


def measure_inputs(
    inputs: Sequence[str | Path],
    output: str | Path,
    *,
    scans: Sequence[str | Path] = (),
    labels: str | None = None,
    dates: Sequence[str] = (),
    spacing: Spacing | None = None,
    save: SaveOptions | None = None,
    say: Callable[[str], Any] | None = None,
) -> MeasureSummary:
    """Measure masks on their scans and write the same results as ``predict``; compare time points.

    Args:
        inputs: Masks; or result folders of earlier runs, which are only compared.
        output: Folder of the results.
        scans: The case of each mask: a file or folder; one for all is fine.
        labels: Label scheme of the masks; default told by names or values.
        dates: Of each input, ISO dates or days; with two or more inputs a timeline is written.
        spacing: Voxel size in mm where the scans carry none.
        save: Which files each case gets.
        say: Called with each line for people.

    Raises:
        UsageError: if scans or dates do not fit the inputs.
        InputError, GeometryError, LabelError: if a mask cannot be used on its scan.
        OutputError: if something cannot be written.
    """
    paths, say = [Path(p) for p in inputs], say or (lambda _: None)
    results = [(p / RESULT_MARK).is_file() for p in paths]
    masks = [p for p, result in zip(paths, results, strict=True) if not result]
    if masks and len(scans) not in (1, len(masks)):
        raise UsageError(
            expected=f"one --scan for each of {len(masks)} masks, or one for all",
            found=f"{len(scans)}",
            fix="Name the case that each mask belongs to, in the same order",
        )
    days = check_dates(dates, len(paths))
    out, summary, files = ensure_folder(output), MeasureSummary(str(output)), save or SaveOptions()
    of_mask = iter(scans if len(scans) == len(masks) else [*scans] * len(masks))
    for path, result in zip(paths, results, strict=True):
        if result:
            summary.folders.append(str(path))
            continue
        one = measure_mask(path, next(of_mask), labels, spacing, keep_identifiers=files.keep_identifiers)
        if len(masks) > len(set(map(str, scans))):
            one = replace(one, case=replace(one.case, id=f"{one.case.id}_{len(summary.folders) + 1}"))
        summary.folders.append(str(save_case(one, out, files)))
        say(_line(one))
    if len(paths) > 1:
        found = write_timeline([Path(f) for f in summary.folders], dates, days, out)
        summary.timeline = found
        say(f"{out / 'timeline.html'}: {len(paths)} time points")
    summary.volumes = [_volumes(Path(folder)) for folder in summary.folders]
    return summary


def measure_mask(
    mask: str | Path,
    scan: str | Path,
    labels: str | None = None,
    spacing: Spacing | None = None,
    *,
    keep_identifiers: bool = False,
) -> CaseResult:
    """Measure one mask on its scan.

    Args:
        mask: NIfTI, NRRD, MetaImage or DICOM-SEG.
        scan: File or folder of the case.
        labels: Label scheme; default told by names or values.
        spacing: Voxel size in mm where the scan carries none.
        keep_identifiers: Call a DICOM case by patient id and date instead of a pseudonym.

    Raises:
        InputError, GeometryError, LabelError, UsageError: as :func:`~tumorscope.workflows.mask_input.read_mask`.
    """
    started = time.perf_counter()
    case = read_case(scan, spacing=spacing, keep_identifiers=keep_identifiers)
    images = {s: i for s, i in case.images.items() if isinstance(i, Image)}
    segmentation, said = read_mask(Path(mask), next(iter(images.values())), labels)
    read = time.perf_counter()
    measurements = assess(images, segmentation, sides=not is_picture(case))
    seconds = {"read": round(read - started, 3), "measure": round(time.perf_counter() - read, 3)}
    files = {**files_of(case), "mask": (Path(mask),)}
    notes = [*(note for note in case.notes if not note.startswith("Label values were read")), said]
    return CaseResult(
        replace(case, images=dict(images), label=None, scheme=None, notes=notes),
        segmentation,
        measurements,
        None,
        EDITED,
        "mask",
        "",
        notes,
        seconds,
        files,
    )


def _line(result: CaseResult) -> str:
    regions = result.measurements["regions"]
    names = result.segmentation.scheme.regions or regions
    sizes = ", ".join(
        f"{n} {regions[n]['voxels']} px" if regions[n]["ml"] is None else f"{n} {regions[n]['ml']:.2f} ml"
        for n in names
    )
    return f"ok      {result.case.id}  {sizes}"


def _volumes(folder: Path) -> dict[str, float | None]:
    import json

    record = json.loads((folder / RESULT_MARK).read_text(encoding="utf-8"))
    return {name: region["ml"] for name, region in record["regions"].items()}
