"""Writing the result of a case that was classified and not segmented."""

from __future__ import annotations

from pathlib import Path

from tumorscope.core.files import write_text
from tumorscope.workflows.classify import TypeResult
from tumorscope.workflows.found import RESULT_MARK
from tumorscope.workflows.inputs import is_picture
from tumorscope.workflows.save_case import type_picture, write_folder


def save_type(result: TypeResult, out: Path) -> Path:
    """Write ``out/<case>/``: ``type.png``, ``measurements.json`` and ``report.html``, all or none.

    Raises:
        OutputError: if the target holds other files, or something cannot be written.
    """
    return write_folder(out, result.case.id, lambda scratch: _write(result, scratch))


def _write(result: TypeResult, folder: Path) -> None:
    from tumorscope.report.case_html import type_html
    from tumorscope.report.record import record_json, type_record

    picture = type_picture(result.finding, result.case.id)
    (folder / "type.png").write_bytes(picture)
    record = type_record(
        case_id=result.case.id,
        picture=is_picture(result.case),
        tumor_type=result.finding.to_json(),
        bundle=result.bundle,
        reason=result.reason,
        runtime=result.finding.runtime,
        files=result.files,
        notes=result.notes,
        seconds=result.seconds,
        dicom=bool(result.case.sources),
    )
    write_text(folder / RESULT_MARK, record_json(record))
    write_text(folder / "report.html", type_html(record, picture))
