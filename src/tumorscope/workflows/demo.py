"""Demo: make a phantom patient, segment it with a shipped bundle, compare with the truth."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import InputError
from tumorscope.core.files import ensure_folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DemoResult:
    """What the demo left behind.

    Attributes:
        patient: Folder of the phantom patient.
        results: Folder with its label map, overlay, measurements and report.
        true_ml: Region → volume the phantom was made with.
        found_ml: Region → volume the model found.
    """

    patient: Path
    results: Path
    true_ml: dict[str, float]
    found_ml: dict[str, float]

    def render(self) -> str:
        """Return a table of volumes and where everything is."""
        rows = [f"{'region':<8}{'found':>10}{'true':>10}   (ml)"]
        rows += [f"{name:<8}{ml:>10.1f}{self.true_ml.get(name, 0.0):>10.1f}" for name, ml in self.found_ml.items()]
        places = [f"patient  {self.patient}", *(f"result   {path}" for path in sorted(self.results.iterdir()))]
        return "\n".join(["", *rows, "", *places])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-friendly dict."""
        return asdict(self)


def demo(output: str | Path, *, seed: int = 0, say: Callable[[str], Any] = log.info) -> DemoResult:
    """Write ``output/phantom/Phantom_SSS`` and segment it into ``output/results/Phantom_SSS``.

    Args:
        output: Folder; made if absent.
        seed: Of the phantom.
        say: Receives one line of progress at a time.

    Raises:
        OutputError: if ``output`` is a file or cannot be written.
        InputError: if the phantom could not be segmented.
    """
    from tumorscope.datasets.phantom import PhantomSpec
    from tumorscope.workflows.phantom import make_phantoms
    from tumorscope.workflows.predict import predict_inputs

    output = ensure_folder(output)
    say("making a phantom patient (synthetic, nobody's data)")
    phantom = make_phantoms(output / "phantom", PhantomSpec(seed=seed), echo=say)[0]
    say("segmenting it")
    case = predict_inputs([phantom.folder], output / "results", say=say).cases[0]
    if case.status != "ok":
        raise InputError(expected="a segmented phantom", found=case.error, fix="Run tumorscope doctor")
    found = {name: round(size["ml"], 3) for name, size in case.volumes.items()}
    return DemoResult(phantom.folder, Path(case.folder), phantom.volumes_ml, found)
