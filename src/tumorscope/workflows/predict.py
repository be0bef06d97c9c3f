"""``predict``: scans in, measured tumour maps out. Also ``tumorscope.read`` and ``tumorscope.segment``."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, OutputError, TumorscopeError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.sequence import Sequence
from tumorscope.inference.runtimes.select import check_choice
from tumorscope.report.summary import CaseRow, summary_csv
from tumorscope.workflows.classify import TypeResult
from tumorscope.workflows.file_rows import exit_code
from tumorscope.workflows.found import Found, unique
from tumorscope.workflows.inputs import Spacing, find_inputs, with_spacing, without_scans
from tumorscope.workflows.memory import peak_mb, reset_peak
from tumorscope.workflows.one_case import Models
from tumorscope.workflows.save_case import SaveOptions, case_folder
from tumorscope.workflows.segment import CaseResult, segment
from tumorscope.workflows.timeline import check_dates, write_timeline

__all__ = ["CaseResult", "PredictSummary", "predict_inputs", "read_case", "segment"]

log = logging.getLogger(__name__)


@dataclass
class PredictSummary:
    """The outcome of a run.

    Attributes:
        output: Folder of the results.
        cases: One row per case.
    """

    output: str
    cases: list[CaseRow] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 2 nothing done."""
        return exit_code([row.status for row in self.cases])


def read_case(
    path: str | Path,
    sequence: str | None = None,
    spacing: Spacing | None = None,
    *,
    keep_identifiers: bool = False,
) -> Case:
    """Read one case into memory; its sequences may lie on different grids (``segment`` brings them together).

    Args:
        path: A file, a folder with the sequences of one case, a folder of slices of one patient, a DICOM study, or a
            zip file with any of these.
        sequence: What it shows, where names cannot tell.
        spacing: Voxel size in mm along x, y, z, where the files carry none.
        keep_identifiers: Call a DICOM case by patient id and date instead of a pseudonym.

    Raises:
        InputError: if there is no case or more than one, or a file cannot be used.
        UsageError: for an unknown sequence.
    """
    found = find_inputs(path, _parse(sequence), any_grid=True, keep_identifiers=keep_identifiers)
    if len(found) > 1:
        raise InputError(
            expected=f"one case at {path}", found=f"{len(found)} ({found[0].id}, …)", fix="Name one of its folders"
        )
    case = case_of(found[0]).loaded()
    return case if spacing is None else with_spacing(case, spacing)


def predict_inputs(
    inputs: Iterable[str | Path],
    output: str | Path,
    *,
    bundle: str | Path | Bundle | None = None,
    sequence: str | None = None,
    spacing: Spacing | None = None,
    runtime: str = "auto",
    device: str = "auto",
    probabilities: bool = False,
    save: SaveOptions | None = None,
    dates: Iterable[str] = (),
    tta: bool | None = None,
    preprocess: bool = True,
    bias: bool = False,
    keep_identifiers: bool = False,
    types: bool | None = None,
    fast: bool = False,
    postprocess: bool = True,
    say: Callable[[str], Any] | None = None,
) -> PredictSummary:
    """Segment, measure, classify and report every case of every input.

    A case that fails is one row and one sentence; the others go on. ``output/summary.csv`` is up to date after each.

    Args:
        inputs: Files and folders.
        output: Folder of the results; made if needed.
        bundle: Model for all cases; default the shipped one that fits each case. A classifier is asked beside whatever
            shipped model segments the case, if one does.
        sequence: What files show, where names cannot tell.
        spacing: Voxel size in mm along x, y, z, where the files carry none.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        probabilities: Also write one probability map per region.
        save: Says the same and more; wins over ``probabilities``.
        dates: The cases are one patient's at these dates or days: a timeline is written too.
        tta: Also average the mirrored prediction; default no.
        preprocess: Co-register, resample and skull-strip raw studies.
        bias: Also correct the bias field (N4).
        keep_identifiers: Call DICOM cases by patient id and date instead of a pseudonym.
        types: Also ask the shipped classifier that fits for the tumour type; None: not of volumes without skull.
        fast: Where no bundle is named, prefer one for slices to one for volumes.
        postprocess: Apply the bundle's own rules (small parts, holes, small enhancing tumour).
        say: Called with each line for people.

    Raises:
        UsageError: for an unknown bundle, sequence, runtime or device.
        OutputError: if ``output`` is a file or cannot be made, or ``summary.csv`` cannot be written.
        MissingDependencyError: if the runtime or device is absent.
    """
    check_choice(runtime, device)
    chosen = bundle if isinstance(bundle, Bundle) or bundle is None else Bundle.load(bundle)
    shown = _parse(sequence)
    output = ensure_folder(output)
    files = save or SaveOptions(probabilities=probabilities, keep_identifiers=keep_identifiers)
    named = chosen if chosen is not None and chosen.manifest.outputs.kind == "types" else None
    chosen = None if named else chosen
    models = Models(runtime, device, bool(tta), files.uncertainty, fast, postprocess)
    run = _Run(chosen, models, spacing, preprocess, bias, files, output, say or _nothing, named, types)
    find = partial(
        find_inputs, sequence=shown, skip=output, any_grid=preprocess, keep_identifiers=files.keep_identifiers
    )
    paths = list(inputs)
    found = unique([f for path in paths for f in find(path)])
    dates = tuple(dates)
    days = check_dates(dates, len(found)) if dates else []
    run.say_once(_passed_over(path, output) for path in paths)
    summary = run.all(found)
    if dates and len(found) > 1 and summary.exit_code == 0:
        write_timeline([Path(row.folder) for row in summary.cases], dates, days, output)
        run.say(f"{output / 'timeline.html'}: {len(found)} time points")
    return summary


def case_row(
    result: CaseResult | TypeResult, folder: Path, seconds: float = 0.0, peak_memory_mb: float = 0.0, name: str = ""
) -> CaseRow:
    """Return the row of ``summary.csv`` for a case that went well; ``name``: what to call it there."""
    volumes = {}
    if isinstance(result, CaseResult):
        regions = result.measurements["regions"]
        names = result.segmentation.scheme.regions or regions
        sure = (result.measurements.get("uncertainty") or {}).get("regions") or {}
        volumes = {n: {"voxels": regions[n]["voxels"], "ml": regions[n]["ml"]} for n in names}
        for region in set(volumes) & set(sure):
            volumes[region]["interval_ml"] = sure[region]["interval_ml"]
    return CaseRow(
        name or result.case.id,
        "ok",
        seconds=seconds,
        peak_memory_mb=peak_memory_mb,
        bundle=result.bundle.name if result.bundle else "",
        volumes=volumes,
        folder=str(folder),
        notes=tuple(result.remarks if isinstance(result, CaseResult) else result.notes),
        tumor_type="" if result.finding is None else result.finding.told,
    )


def _nothing(line: str) -> None:
    """Say nothing."""


def _passed_over(path: str | Path, output: Path) -> str:
    """Say which folders of an INPUT hold no scans; empty where all do."""
    names = without_scans(path, output)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{path}: no scans in {shown}; passed over" if names else ""


def _parse(sequence: str | None) -> Sequence | None:
    return None if sequence is None else Sequence.parse(sequence)


def case_of(found: Found) -> Case:
    """Return the case under the name it was found by; raises the reason where there is none."""
    if found.case is None:
        assert found.error is not None
        raise found.error
    return replace(found.case, id=found.id)


@dataclass
class _Run:
    """What all cases of a run share."""

    bundle: Bundle | None
    models: Models
    spacing: Spacing | None
    preprocess: bool
    bias: bool
    save: SaveOptions
    output: Path
    say: Callable[[str], Any]
    classifier: Bundle | None = None
    types: bool | None = None
    said: set[str] = field(default_factory=set)

    def say_once(self, sentences: Iterable[str]) -> None:
        """Say what has not been said for an earlier case; all of it is in each case's own files."""
        for sentence in sentences:
            if sentence and sentence not in self.said:
                self.said.add(sentence)
                self.say(sentence)

    def all(self, found: list[Found]) -> PredictSummary:
        """Do every case and keep ``summary.csv`` up to date."""
        summary = PredictSummary(str(self.output))
        width = max((len(f.id) for f in found), default=0)
        for one in found:
            row = self.case(one)
            gc.collect()  # figures are cycles of references and hold their pictures until collected
            summary.cases.append(row)
            self.say(row.line(width))
            self.say_once([f"        {note}" for note in row.notes])
            with suppress(OutputError):  # a full disk now must not stop the cases to come
                write_text(self.output / "summary.csv", summary_csv(summary.cases))
        write_text(self.output / "summary.csv", summary_csv(summary.cases))
        return summary

    def case(self, found: Found) -> CaseRow:
        """Do one case; whatever goes wrong ends in its row."""
        reset_peak()
        started = time.perf_counter()
        try:
            result, folder = self._do(case_of(found))
        except TumorscopeError as error:
            return self._failed(found, started, str(error))
        except MemoryError:
            return self._failed(found, started, "Expected enough memory; found too little. Resample the scan first.")
        except Exception as error:  # a fault of ours must not stop the other cases
            log.exception("Unexpected error in case %s", found.id)
            return self._failed(found, started, f"Unexpected {type(error).__name__}: {' '.join(str(error).split())}")
        seconds = round(time.perf_counter() - started, 3)
        return case_row(result, folder, seconds, round(peak_mb(), 1), found.id)

    def _failed(self, found: Found, started: float, sentence: str) -> CaseRow:
        seconds = round(time.perf_counter() - started, 3)
        return CaseRow(found.id, "failed", sentence, seconds, round(peak_mb(), 1))

    def _do(self, case: Case) -> tuple[CaseResult | TypeResult, Path]:
        case_folder(self.output, case.id, self.save.layout)
        result = self.models.run(
            case,
            self.bundle,
            self.classifier,
            types=self.types,
            spacing=self.spacing,
            preprocess=self.preprocess,
            bias=self.bias,
        )
        if isinstance(result, TypeResult):
            return result, result.save(self.output)
        if self.bundle is None:
            named = self.classifier
            own = "" if named is None else f"{named.name} tells the tumour type and outlines nothing. For the outline, "
            self.say_once([own + result.reason])
        return result, result.save(self.output, options=self.save)
