"""A case as a viewer shows it: read, on one grid, packed for the screen; then segmented, saved and packed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.datasets.hashing import known_by
from tumorscope.figures.screen import Packed, Screen, colour_table, merged
from tumorscope.figures.single_class import FALSE, HIT, MISS
from tumorscope.inference.uncertainty import uncertainty_map
from tumorscope.report.summary import CaseRow, summary_csv
from tumorscope.workflows.agreement import Agreement, agreement
from tumorscope.workflows.classify import TypeResult
from tumorscope.workflows.found import Found
from tumorscope.workflows.inputs import Spacing, with_spacing
from tumorscope.workflows.one_case import Models
from tumorscope.workflows.one_grid import on_one_grid
from tumorscope.workflows.predict import case_of, case_row
from tumorscope.workflows.save_case import SaveOptions
from tumorscope.workflows.segment import CaseResult


@dataclass(frozen=True, eq=False)
class CaseView:
    """A case that is being looked at.

    Attributes:
        case: Read, every sequence as in its file.
        source: The same before it was read; what is segmented.
        images: Sequences on one grid.
        packed: For the viewer.
        notes: What the user should know about what is shown.
    """

    case: Case
    source: Case
    images: dict[Sequence, Image]
    packed: Packed
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was found in a case.

    Attributes:
        result: As from the command line.
        row: The case's line in ``summary.csv``.
        folder: Where its files lie.
        agreement: Against the reference, where there is one.
        packed: For the viewer; None where nothing was segmented.
        notes: What the user should know.
        seen: Whether the model was trained or validated on this very case; asked only where there is a reference.
    """

    result: CaseResult | TypeResult
    row: CaseRow
    folder: Path
    agreement: Agreement | None
    packed: Packed | None
    notes: list[str]
    seen: bool = False


def view_case(found: Found, spacing: Spacing | None = None) -> CaseView:
    """Read a case for looking at it.

    Args:
        found: From :func:`~tumorscope.workflows.inputs.find_inputs`.
        spacing: Voxel size in mm along x, y, z, where the files carry none.

    Raises:
        InputError: if it cannot be read.
    """
    source = case_of(found)
    case = source.loaded()
    case = case if spacing is None else with_spacing(case, spacing)
    images, notes = on_one_grid(case)
    truth = _reference(case, next(iter(images.values())))
    screen = Screen(images, *([] if truth is None else [truth.labels]))
    parts = [_geometry(screen, truth), screen.scans()]
    if truth is not None:
        parts.append(screen.labels("reference", truth))
    return CaseView(case, source, images, merged(*parts), [*case.notes, *notes])


def segment_view(
    view: CaseView,
    models: Models,
    out: Path,
    *,
    spacing: Spacing | None = None,
    bias: bool = False,
    watch: Watch = unwatched,
) -> Outcome:
    """Segment the case, ask for the tumour type, write every file and pack the result for the viewer.

    Args:
        view: The case.
        models: Open models.
        out: Folder for ``<case>/`` and ``summary.csv``.
        spacing: As for :func:`view_case`.
        bias: Also correct the bias field (N4).
        watch: Told how far the work is; may stop it.

    Raises:
        TumorscopeError: as :func:`~tumorscope.workflows.segment.segment`.
        StoppedError: if ``watch`` stops it.
    """
    result = models.run(view.source, spacing=spacing, bias=bias, watch=part_of(watch, 0.0, 0.75))
    watch("writing report and files", 0.75)
    folder = result.save(out) if isinstance(result, TypeResult) else result.save(out, options=SaveOptions(True, True))
    row = case_row(result, folder)
    write_text(out / "summary.csv", summary_csv([row]))
    if isinstance(result, TypeResult):
        return Outcome(result, row, folder, None, None, list(result.notes))
    watch("preparing the pictures", 0.92)
    notes = list(result.notes)
    scored = None
    try:
        scored = agreement(_with_label(result, view.case))
    except TumorscopeError as error:
        notes.append(f"The reference was not compared: {error}")
    seen = scored is not None and _seen(result, view.case)
    return Outcome(result, row, folder, scored, _packed(view, result, scored, seen), notes, seen)


def _seen(result: CaseResult, case: Case) -> bool:
    """Whether the bundle holds a hash of what the case holds."""
    return result.bundle is not None and bool(set(result.bundle.manifest.training.case_hashes) & known_by(case))


def _with_label(result: CaseResult, case: Case) -> CaseResult:
    """Give the result the reference that was read for looking, where segmenting dropped it."""
    if result.case.label is None and isinstance(case.label, Image):
        result.case.label, result.case.scheme = case.label, case.scheme
    return result


def _packed(view: CaseView, result: CaseResult, scored: Agreement | None, seen: bool) -> Packed:
    """Show every sequence that was read where grids allow it, else those that were registered to the result."""
    labels = result.segmentation.labels
    images = view.images if all(x.same_grid(labels) for x in view.images.values()) else None
    shown = images or {s: x for s, x in result.case.images.items() if isinstance(x, Image)}
    masks = [labels] if scored is None else [labels, scored.reference.labels]
    screen = Screen(shown, *masks)
    entropy, top = uncertainty_map(result.segmentation), _most_entropy(result.segmentation)
    maps = screen.maps(result.segmentation, entropy, top) if result.segmentation.probabilities else Packed({})
    parts = [_geometry(screen, result.segmentation), screen.scans(), screen.labels("labels", result.segmentation), maps]
    if scored is not None:
        parts += [
            screen.labels("reference", scored.reference),
            Packed({"agreement": {**_agreement_facts(scored), "seen": seen}}),
        ]
    return merged(*parts)


def _geometry(screen: Screen, interest: Segmentation | None) -> Packed:
    grid = {**screen.grid(), "centre": screen.centre(None if interest is None else interest.labels)}
    return Packed({"grid": grid, "tables": {"probability": colour_table("magma"), "entropy": colour_table("inferno")}})


def _reference(case: Case, grid: Image) -> Segmentation | None:
    """Return the expert's map if it lies on the grid that is shown."""
    if not isinstance(case.label, Image) or case.scheme is None or not case.label.same_grid(grid):
        return None
    data = case.label.data
    known = data if case.ignore_value is None else np.where(data == case.ignore_value, 0, data)
    return Segmentation(case.label.with_data(known.astype(np.uint8)), case.scheme)


def _most_entropy(segmentation: Segmentation) -> float:
    exclusive = not all(name in segmentation.scheme.regions for name in segmentation.probabilities)
    return float(np.log2(len(segmentation.probabilities) + 1)) if exclusive else 1.0


def _agreement_facts(scored: Agreement) -> dict[str, Any]:
    pairs = [
        {
            "name": region.name,
            "dice": _two(region.values["dice"]),
            "slices": [_two(v) for v in region.slice_dice],
            "prediction": list(region.found),
            "reference": list(region.truth),
        }
        for region in scored.regions
    ]
    colours = {"found": HIT, "missed": MISS, "invented": FALSE}
    return {"pairs": pairs, "colours": {k: [round(255 * v) for v in rgb] for k, rgb in colours.items()}}


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
