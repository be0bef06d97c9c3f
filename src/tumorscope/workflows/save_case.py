"""Writing one case's results: the whole folder or nothing."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tumorscope.core.case import Case
from tumorscope.core.errors import OutputError, TumorscopeError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.image import Image
from tumorscope.formats import write_nifti, write_png
from tumorscope.inference.uncertainty import uncertainty_map
from tumorscope.report.bids import BIDSIGNORE, FileNames, bids_names, bids_subject, dataset_description, dseg_tsv
from tumorscope.workflows.found import RESULT_MARK
from tumorscope.workflows.inputs import is_picture

if TYPE_CHECKING:
    from tumorscope.workflows.classify import TypeFinding
    from tumorscope.workflows.segment import CaseResult

#: Names this module writes; anything else in an earlier result's folder is the user's and stays.
_OURS = re.compile(
    r"(segmentation\.(nii\.gz|png|dcm)|(uncertainty|spread)\.nii\.gz|overlay\.png|measurements\.json|type\.png|report\.html|probability_.*"
    r"|slices|anat)$"
)


@dataclass(frozen=True)
class SaveOptions:
    """Which files a case gets.

    Attributes:
        probabilities: One probability map per region or class.
        uncertainty: The entropy map, and with test-time augmentation the spread over its passes.
        layout: ``plain`` (``out/<case>/segmentation.nii.gz``) or ``bids`` (``out/sub-<case>/anat/…_dseg.nii.gz``).
        keep_identifiers: Keep patient, study and real UIDs in DICOM output.
    """

    probabilities: bool = False
    uncertainty: bool = False
    layout: Literal["plain", "bids"] = "plain"
    keep_identifiers: bool = False


DEFAULT = SaveOptions()


def save_case(result: CaseResult, out: Path, options: SaveOptions = DEFAULT) -> Path:
    """Write ``out/<case>/`` aside and move it into place when it is complete.

    An earlier result there is replaced; a folder with anything else in it, such as the input, is never touched.

    Raises:
        OutputError: if the target holds other files, or something cannot be written.
    """
    target = case_folder(ensure_folder(out), result.case.id, options.layout)
    return write_folder(
        out, result.case.id, lambda scratch: _write_all(result, scratch, target.name, options), options.layout
    )


def write_folder(out: Path, case_id: str, write: Callable[[Path], None], layout: str = "plain") -> Path:
    """Let ``write`` fill a folder and move it to ``out/<case>/`` when it is complete; errors as :func:`save_case`."""
    out = ensure_folder(out)
    target = case_folder(out, case_id, layout)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=out))
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        write(scratch)
        scratch.chmod(0o755)
        _move_into_place(scratch, target)
        if layout == "bids":
            _write_dataset(out)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def case_folder(out: Path, case_id: str, layout: str = "plain") -> Path:
    """Return the folder of a case's results and make sure that it is free, empty, or an earlier result.

    Raises:
        OutputError: otherwise.
    """
    plain = re.sub(r"[^\w.+ -]", "_", case_id).strip(". ") or "case"
    target = out / (bids_subject(case_id) if layout == "bids" else plain)
    if not target.exists():
        return target
    if layout == "bids" and (target / RESULT_MARK).is_file():
        held = json.loads((target / RESULT_MARK).read_text(encoding="utf-8")).get("case")
        if held != case_id:
            raise OutputError(
                expected=f"a BIDS label of its own for {case_id}", found=f"{target.name} of {held}", fix="Rename one"
            )
    if not target.is_dir() or (not (target / RESULT_MARK).is_file() and any(target.iterdir())):
        raise OutputError(
            expected=f"a new folder or an earlier result at {target}",
            found="a folder with other files" if target.is_dir() else "a file",
            fix="Choose another output folder",
        )
    return target


def _write_all(result: CaseResult, folder: Path, subject: str, options: SaveOptions) -> None:
    from tumorscope.figures.overlay import overlay_figure
    from tumorscope.figures.save import png_bytes
    from tumorscope.report.case_html import case_html
    from tumorscope.report.case_pictures import case_pictures
    from tumorscope.report.record import case_record, record_json

    segmentation = result.segmentation
    images = {s: x for s, x in result.case.images.items() if isinstance(x, Image)}
    _write_maps(result, folder, subject, options)
    result.notes += [note for note in _write_dicom(result, folder, options) if note not in result.notes]
    (folder / "overlay.png").write_bytes(png_bytes(overlay_figure(images, segmentation, title=result.case.id)))
    looked = None if result.finding is None else type_picture(result.finding, result.case.id)
    if looked is not None:
        (folder / "type.png").write_bytes(looked)
    record = case_record(
        case_id=result.case.id,
        picture=is_picture(result.case),
        measurements=result.measurements,
        scheme=segmentation.scheme,
        convention=result.convention,
        bundle=result.bundle,
        reason=result.reason,
        runtime=result.runtime,
        files=result.files,
        notes=result.notes,
        seconds=result.seconds,
        dicom=bool(result.case.sources),
        series=result.case.series,
        preprocessing=result.preprocessing,
        quality=result.quality,
        tumor_type=None if result.finding is None else result.finding.to_json(),
    )
    write_text(folder / RESULT_MARK, record_json(record))
    pictures = case_pictures(images, segmentation, result.measurements)
    write_text(folder / "report.html", case_html(record, segmentation.scheme, pictures, looked))


def _write_maps(result: CaseResult, folder: Path, subject: str, options: SaveOptions) -> None:
    segmentation, labels = result.segmentation, result.segmentation.labels
    names = bids_names(subject) if options.layout == "bids" else FileNames()
    if options.layout == "bids":
        (folder / "anat").mkdir()
    if is_picture(result.case) and labels.shape[2] == 1 and options.layout == "plain":
        write_png(labels.data[:, :, 0], folder / "segmentation.png")
    else:
        write_nifti(labels, folder / names.labels)
    if names.legend:
        write_text(folder / names.legend, dseg_tsv(segmentation.scheme))
    slices = next((f for f in result.files.values() if len(f) > 1 and len(f) == labels.shape[2]), ())
    for k, path in enumerate(slices if is_picture(result.case) else ()):
        write_png(labels.data[:, :, k], folder / "slices" / f"{path.stem}.png")
    if options.probabilities:
        for name, image in segmentation.probabilities.items():
            write_nifti(image, folder / names.probability.format(name.replace("/", "" if names.legend else "-")))
    if options.uncertainty and segmentation.probabilities:
        write_nifti(labels.with_data(uncertainty_map(segmentation)), folder / names.uncertainty)
    if options.uncertainty and result.spread is not None:
        write_nifti(labels.with_data(result.spread.data), folder / names.spread)


def _write_dicom(result: CaseResult, folder: Path, options: SaveOptions) -> list[str]:
    """Write the segmentation object where the case was read from DICOM; says why where that cannot be."""
    from tumorscope.report.dicom_seg import write_dicom_seg

    model = None if result.bundle is None else (result.bundle.name, result.bundle.manifest.version)
    reason = ""
    for files in dicom_sources(result.case):  # the label map lies on the grid of one of the series
        try:
            write_dicom_seg(
                result.segmentation,
                files,
                folder / "segmentation.dcm",
                algorithm=model,
                patient=result.case.patient,
                keep_identifiers=options.keep_identifiers,
            )
        except TumorscopeError as error:
            reason = reason or f"No DICOM segmentation was written: {error}"
        else:
            return []
    return [reason] if reason else []


def dicom_sources(case: Case) -> list[tuple[Path, ...]]:
    """Return the DICOM instances of each sequence (``case.sources``); empty for other files."""
    sources = getattr(case, "sources", None) or {}
    return [tuple(sources[s].paths) for s in case.images if s in sources]


def _write_dataset(out: Path) -> None:
    """Write what makes ``out`` a BIDS derivatives data set."""
    from tumorscope import __version__

    write_text(out / "dataset_description.json", dataset_description(__version__))
    write_text(out / ".bidsignore", BIDSIGNORE)


def type_picture(finding: TypeFinding, case_id: str) -> bytes:
    """Return what a classifier saw, and where it looked, as PNG."""
    from tumorscope.figures.grad_cam import grad_cam_figure
    from tumorscope.figures.save import png_bytes

    return png_bytes(grad_cam_figure(finding.shown, finding.cam, title=case_id, caption=finding.agreement))


def _move_into_place(scratch: Path, target: Path) -> None:
    if not target.exists():
        scratch.replace(target)
        return
    earlier = Path(tempfile.mkdtemp(prefix=".replaced-", dir=target.parent)) / "result"
    target.replace(earlier)
    scratch.replace(target)
    for path in earlier.iterdir():
        if not _OURS.match(path.name):
            path.replace(target / path.name)
    shutil.rmtree(earlier.parent, ignore_errors=True)


def _cannot_write(target: Path, error: OSError) -> OutputError:
    return OutputError(
        expected=f"to be able to write {target}",
        found=(error.strerror or str(error)).lower(),
        fix="Free space or choose another output folder, then run again",
    )
