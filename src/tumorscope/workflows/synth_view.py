"""Synthetic images made and shown: the folder as a zip file, slices on one sheet, cases packed for a viewer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.files import zip_folder
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.figures.save import png_bytes
from tumorscope.figures.screen import Packed
from tumorscope.figures.synthetic_sheet import MARK, synthetic_sheet
from tumorscope.formats import read_image
from tumorscope.workflows.inputs import find_inputs
from tumorscope.workflows.synth import SynthSummary, synthesise
from tumorscope.workflows.view import view_case

#: So many made slices, and cases, are shown; all are in the files.
SHOWN_SLICES, SHOWN_CASES = 16, 4


@dataclass(frozen=True, eq=False)
class Made:
    """What was made.

    Attributes:
        summary: As from the command line.
        bundle: Model that made it.
        archive: All files as zip.
        sheet: The first slices as PNG; None for cases.
        cases: The first cases for the viewer, by name; none for slices.
        outlined: Whether label maps were given, whose outlines the images have.
    """

    summary: SynthSummary
    bundle: Bundle
    archive: Path
    sheet: bytes | None
    cases: dict[str, Packed]
    outlined: bool


def synthesise_view(
    bundle: Bundle,
    out: Path,
    *,
    masks: Iterable[str | Path | Case] = (),
    phantoms: int = 0,
    count: int | None = None,
    seed: int = 0,
    watch: Watch = unwatched,
) -> Made:
    """Make synthetic images and prepare them for looking at.

    Args:
        bundle: Model that makes images.
        out: Empty folder; the images go into a folder below it that says what they are.
        masks: As :func:`~tumorscope.workflows.synth.synthesise`.
        phantoms: As there.
        count: As there.
        seed: As there.
        watch: Told how far the work is; may stop it.

    Raises:
        TumorscopeError: as there.
        StoppedError: if ``watch`` stops it.
    """
    folder, masks = out / f"synthetic-{bundle.name}", list(masks)
    summary = synthesise(
        folder,
        bundle=bundle.folder,
        masks=masks,
        phantoms=phantoms,
        count=count,
        seed=seed,
        say=lambda line: None,
        watch=part_of(watch, 0.0, 0.85),
    )
    watch("preparing the pictures", 0.87)
    archive = zip_folder(folder, out / f"{folder.name}.zip")
    cases = {Path(path).name: _packed(Path(path)) for path in summary.made[:SHOWN_CASES] if Path(path).is_dir()}
    sheet = None if cases or not summary.made else _sheet(summary, bundle)
    return Made(summary, bundle, archive, sheet, cases, bool(masks))


def _packed(folder: Path) -> Packed:
    packed = view_case(find_inputs(folder, any_grid=True)[0]).packed
    return replace(packed, facts={**packed.facts, "mark": MARK})


def _sheet(summary: SynthSummary, bundle: Bundle) -> bytes:
    names = [str(s) for s in bundle.manifest.preprocess.sequences]
    slices = [read_image(path).data[:, :, 0].T / 255 for path in summary.made[: SHOWN_SLICES * len(names)]]
    rows = [dict(zip(names, slices[k : k + len(names)], strict=True)) for k in range(0, len(slices), len(names))]
    return png_bytes(synthetic_sheet(rows, f"{MARK} slices by {bundle.name} {bundle.manifest.version}"))
