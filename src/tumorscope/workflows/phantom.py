"""Make phantom patients: synthetic gliomas whose true label map is known."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.errors import UsageError

if TYPE_CHECKING:
    from tumorscope.datasets.phantom.spec import PhantomSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MadePhantom:
    """One phantom on disk.

    Attributes:
        folder: Its folder, in the BraTS layout.
        spec: What it was made from.
        volumes_ml: True volume of WT, TC and ET.
    """

    folder: Path
    spec: PhantomSpec
    volumes_ml: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-friendly dict."""
        return {
            "case": self.folder.name,
            "folder": str(self.folder),
            "volumes_ml": self.volumes_ml,
            "spec": asdict(self.spec),
        }


def make_phantoms(
    output: str | Path,
    spec: PhantomSpec,
    *,
    count: int = 1,
    spacing: float = 1.0,
    echo: Callable[[str], None] = log.info,
) -> list[MadePhantom]:
    """Write ``count`` phantoms with consecutive seeds, starting at the spec's.

    Args:
        output: Parent folder; made if absent.
        spec: What they look like.
        count: How many.
        spacing: Voxel size in mm.
        echo: Receives one line per phantom.

    Raises:
        UsageError: if ``count`` is below 1 or a value of the spec is out of range.
        OutputError: if a phantom cannot be written.
    """
    from tumorscope.datasets.phantom import write_phantom

    if count < 1:
        raise UsageError(expected="at least one phantom", found=f"{count}", fix="Give a positive --count")
    made = []
    for number in range(count):
        begun = time.monotonic()
        one = replace(spec, seed=spec.seed + number)
        folder = write_phantom(output, one, spacing=spacing)
        made.append(MadePhantom(folder, one, true_volumes(folder)))
        volumes = ", ".join(f"{region} {ml:.1f} ml" for region, ml in made[-1].volumes_ml.items())
        echo(f"{number + 1}/{count} {folder}: {volumes} ({time.monotonic() - begun:.1f} s)")
    return made


def true_volumes(folder: Path) -> dict[str, float]:
    """Return the volume in ml of each region of the phantom in ``folder``, from its true label map."""
    from tumorscope.core.labels import BRATS
    from tumorscope.formats import read_image

    label = read_image(folder / f"{folder.name}_seg.nii.gz")
    return {name: round(float(BRATS.mask(label.data, name).sum()) * label.voxel_ml, 3) for name in BRATS.regions}
