"""One scan repaired and shown: files written, and before, after and their difference packed for a viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.image import Image
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.figures.screen import Packed, Screen, merged
from tumorscope.formats import read_image
from tumorscope.workflows.file_rows import FileRow, FilesSummary
from tumorscope.workflows.image_files import Input

#: One of the verbs of :mod:`tumorscope.workflows.restore` with its options: (inputs, folder, watch) → what was done.
Repair = Callable[[list[Input], Path, Watch], FilesSummary]


@dataclass(frozen=True, eq=False)
class Repaired:
    """What became of a scan.

    Attributes:
        row: As from the command line; says why where it failed.
        packed: For the viewer; None where it failed.
        files: What was written, by what each is.
    """

    row: FileRow
    packed: Packed | None
    files: dict[str, Path]


def repair_view(
    name: str,
    image: Image,
    out: Path,
    repair: Repair,
    *,
    same_units: bool = True,
    interest: Image | None = None,
    watch: Watch = unwatched,
) -> Repaired:
    """Repair a scan that was read already, and pack it for the viewer.

    What lies on another grid than the scan (thin slices) is compared with the first file written (cubic interpolation).

    Args:
        name: Files are called after it.
        image: The scan.
        out: Folder for the files.
        repair: What is done.
        same_units: Values before and after have the same unit.
        interest: A label map; the viewer opens where it marks most, if it lies on the grid shown.
        watch: Told how far the work is; may stop it.

    Raises:
        TumorscopeError: if ``repair`` cannot begin.
        StoppedError: if ``watch`` stops it.
    """
    watch("opening the model", 0.0)
    (row,) = repair([(name, image)], out, part_of(watch, 0.02, 0.9)).files
    if row.status == "failed":
        return Repaired(row, None, {})
    watch("preparing the pictures", 0.92)
    files = {_what(Path(path), name): Path(path) for path in row.outputs}
    shown = {what: read_image(path) for what, path in files.items()}
    if all(one.same_grid(image) for one in shown.values()):
        shown = {"original": image, **shown}
    first = next(iter(shown.values()))
    screen = Screen(shown, within=first)
    mask = interest if interest is not None and interest.same_grid(first) else None
    grid = Packed({"grid": {**screen.grid(), "centre": screen.centre(mask)}})
    return Repaired(row, merged(grid, screen.change(same_units=same_units)), files)


def _what(path: Path, name: str) -> str:
    return path.name.removeprefix(f"{name}_").removesuffix(".nii.gz").removesuffix(".png")
