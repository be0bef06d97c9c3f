"""DICOM among the INPUTs: a folder, one file, a zip file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.pseudonym import pseudonym
from tumorscope.core.sequence import Sequence
from tumorscope.formats.dicom import scan_dicom
from tumorscope.formats.zipped import unpack
from tumorscope.study.assemble import dicom_case
from tumorscope.workflows.found import RESULT_MARK, Found


def dicom_inputs(
    path: Path, sequence: Sequence | None, skip: Iterable[Path] = (), *, keep_identifiers: bool = False
) -> list[Found]:
    """Return the DICOM studies at or below ``path``, each a case or the reason why it is none; empty without DICOM.

    Args:
        path: A folder or a file.
        sequence: What a study of one volume shows, where nothing tells.
        skip: Folders to leave out; those with results of this program are left out too.
        keep_identifiers: Call cases by patient id and date instead of a pseudonym.
    """
    results = [mark.parent for mark in path.rglob(RESULT_MARK)] if path.is_dir() else []
    found = []
    for study in scan_dicom(path, (*skip, *results)):
        try:
            case = dicom_case(study, sequence=sequence, keep_identifiers=keep_identifiers)
            found.append(Found(case.id, path, case=case))
        except TumorscopeError as error:
            found.append(Found(study.id, path, error=error))
    return found


def zip_inputs(path: Path, find: Callable[[Path], list[Found]]) -> list[Found]:
    """Unpack a zip file and return what ``find`` finds in it; the files live as long as its cases.

    Args:
        path: The zip file.
        find: Folder → cases.
    """
    name = f"zip-{pseudonym(path.name.encode())[:10]}"
    try:
        unpacked = unpack(path)
    except TumorscopeError as error:
        return [Found(name, path, error=error)]
    found = []
    for one in find(unpacked.folder):
        case = None if one.case is None else replace(one.case, keep=unpacked)
        fault = None if one.error is None else _without(one.error, unpacked.folder)
        found.append(Found(one.id, path, case=case, error=fault))
    return found


def _without(error: TumorscopeError, folder: Path) -> TumorscopeError:
    """Say "the zip file" for the temporary folder, which means nothing to the user."""
    expected, found = (text.replace(str(folder), "the zip file") for text in (error.expected, error.found))
    return error.replace(expected=expected, found=found)
