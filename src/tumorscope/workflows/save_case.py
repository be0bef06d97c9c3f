"""Writing one case's results: the whole folder or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import OutputError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.image import Image
from tumorscope.formats import write_nifti, write_png
from tumorscope.workflows.inputs import RESULT_MARK, is_picture

if TYPE_CHECKING:
    from tumorscope.workflows.classify import TypeFinding
    from tumorscope.workflows.segment import CaseResult

#: Names this module writes; anything else in an earlier result's folder is the user's and stays.
_OURS = re.compile(
    r"(segmentation\.(nii\.gz|png)|overlay\.png|measurements\.json|type\.png|report\.html|probability_.*|slices)$"
)


def save_case(result: CaseResult, out: Path, probabilities: bool = False) -> Path:
    """Write ``out/<case>/`` aside and move it into place when it is complete.

    An earlier result there is replaced; a folder with anything else in it, such as the input, is never touched.

    Raises:
        OutputError: if the target holds other files, or something cannot be written.
    """
    return write_folder(out, result.case.id, lambda scratch: _write_all(result, scratch, probabilities))


def write_folder(out: Path, case_id: str, write: Callable[[Path], None]) -> Path:
    """Let ``write`` fill a folder and move it to ``out/<case>/`` when it is complete; errors as :func:`save_case`."""
    out = ensure_folder(out)
    target = case_folder(out, case_id)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=out))
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        write(scratch)
        scratch.chmod(0o755)
        _move_into_place(scratch, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def case_folder(out: Path, case_id: str) -> Path:
    """Return the folder of a case's results and make sure that it is free, empty, or an earlier result.

    Raises:
        OutputError: otherwise.
    """
    target = out / (re.sub(r"[^\w.+ -]", "_", case_id).strip(". ") or "case")
    if not target.exists():
        return target
    if not target.is_dir() or (not (target / RESULT_MARK).is_file() and any(target.iterdir())):
        raise OutputError(
            expected=f"a new folder or an earlier result at {target}",
            found="a folder with other files" if target.is_dir() else "a file",
            fix="Choose another output folder",
        )
    return target


def _write_all(result: CaseResult, folder: Path, probabilities: bool) -> None:
    from tumorscope.figures.overlay import overlay_figure
    from tumorscope.figures.save import png_bytes
    from tumorscope.report.case_html import case_html
    from tumorscope.report.record import case_record, record_json

    segmentation = result.segmentation
    labels = segmentation.labels
    images = {s: x for s, x in result.case.images.items() if isinstance(x, Image)}
    if is_picture(result.case) and labels.shape[2] == 1:
        write_png(labels.data[:, :, 0], folder / "segmentation.png")
    else:
        write_nifti(labels, folder / "segmentation.nii.gz")
    slices = next((f for f in result.files.values() if len(f) > 1 and len(f) == labels.shape[2]), ())
    for k, path in enumerate(slices):
        write_png(labels.data[:, :, k], folder / "slices" / f"{path.stem}.png")
    if probabilities:
        for name, image in segmentation.probabilities.items():
            write_nifti(image, folder / f"probability_{name.replace('/', '-')}.nii.gz")
    overlay = png_bytes(overlay_figure(images, segmentation, title=result.case.id))
    (folder / "overlay.png").write_bytes(overlay)
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
        tumor_type=None if result.finding is None else result.finding.to_json(),
    )
    write_text(folder / RESULT_MARK, record_json(record))
    write_text(folder / "report.html", case_html(record, segmentation.scheme, overlay, labels.shape[2], looked))


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
