"""One case → one measured segmentation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LabelError
from tumorscope.core.image import Image
from tumorscope.core.labels import LabelScheme, detect_scheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.formats import check_content
from tumorscope.inference.measure import measure
from tumorscope.inference.predictor import Predictor
from tumorscope.workflows.choose import choose_bundle
from tumorscope.workflows.classify import TypeFinding
from tumorscope.workflows.inputs import Spacing, files_of, with_spacing

#: More of a volume than this is not zero in scans that still have their skull.
_SKULL_FRACTION = 0.4
#: Why a model was used that was named.
STATED = "Stated by the user."


@dataclass
class CaseResult:
    """A case and what was found in it.

    Attributes:
        case: As read; holds the sequences that were used.
        segmentation: In the input's grid, and in its label convention where that is known.
        measurements: See :func:`~tumorscope.inference.measure.measure`.
        bundle: The model that made it.
        reason: Why this model.
        convention: Where the label values come from: "bundle" or "input".
        runtime: Engine, device and precision.
        notes: What the user should know, one sentence each.
        seconds: Step → seconds.
        files: Sequence → files it was read from.
        finding: What a classifier said about the case, if one was asked.
    """

    case: Case
    segmentation: Segmentation
    measurements: dict[str, Any]
    bundle: Bundle
    reason: str
    convention: str
    runtime: str
    notes: list[str]
    seconds: dict[str, float]
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    finding: TypeFinding | None = None

    def save(self, out: str | Path, probabilities: bool = False) -> Path:
        """Write ``out/<case>/`` and return it: label map, overlay, measurements and report, all or none.

        Args:
            out: Folder for results; made if needed.
            probabilities: Also write one probability map per region.

        Raises:
            OutputError: if it cannot be written.
        """
        from tumorscope.workflows.save_case import save_case

        return save_case(self, Path(out), probabilities)


def segment(
    case: Case,
    bundle: str | Path | Bundle | None = None,
    *,
    runtime: str = "auto",
    device: str = "auto",
    tta: bool = False,
    spacing: Spacing | None = None,
) -> CaseResult:
    """Segment and measure one case.

    Args:
        case: From :func:`~tumorscope.workflows.predict.read_case`, a data set, or made by hand.
        bundle: A shipped bundle's name, a bundle folder, or a Bundle; default the shipped one that fits best.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also average the mirrored prediction.
        spacing: Voxel size in mm along x, y, z, where the files carry none.

    Raises:
        UsageError: for an unknown bundle, runtime or device.
        InputError: if the case lacks a sequence, or an image is empty or constant.
        GeometryError: if the sequences lie on different grids.
    """
    if bundle is None:
        chosen, reason = choose_bundle(case)
    else:
        chosen, reason = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle), STATED
    return segment_with(Predictor(chosen, runtime, device, tta=tta), case, reason, spacing)


def segment_with(predictor: Predictor, case: Case, reason: str = STATED, spacing: Spacing | None = None) -> CaseResult:
    """Segment and measure one case with a model that is open already.

    Args:
        predictor: The model.
        case: As for :func:`segment`; errors are the same too.
        reason: Why this model.
        spacing: As for :func:`segment`.
    """
    started = time.perf_counter()
    files = files_of(case)
    case = case.loaded(predictor.bundle.manifest.preprocess.sequences)
    case = case if spacing is None else with_spacing(case, spacing)
    images = _checked(case, predictor.bundle)
    read = time.perf_counter()
    prediction = predictor.run(images)
    segmentation, convention, said = own_convention(prediction.segmentation, case)
    predicted = time.perf_counter()
    measurements = measure(segmentation)
    notes = [*case.notes, *prediction.notes, *said, *_warnings(images, predictor.bundle)]
    if not segmentation.labels.spacing_known:
        notes.append("Spacing is unknown: sizes are in pixels, not in mm or ml (state it with --spacing X,Y,Z).")
    seconds = {"read": round(read - started, 3), **prediction.seconds}
    seconds["measure"] = round(time.perf_counter() - predicted, 3)
    description = predictor.runtime.description + (", mirrored too" if predictor.tta else "")
    used = {s: f for s, f in files.items() if s not in Sequence.__members__ or Sequence(s) in images}
    return CaseResult(
        replace(case, images=dict(images)),
        segmentation,
        measurements,
        predictor.bundle,
        reason,
        convention,
        description,
        list(dict.fromkeys(notes)),
        seconds,
        used,
    )


def _checked(case: Case, bundle: Bundle) -> dict[Sequence, Image]:
    """Return the images the bundle uses, and make sure that each shows something."""
    images: dict[Sequence, Image] = {}
    for sequence in bundle.manifest.preprocess.sequences:
        image = case.images.get(sequence)
        if isinstance(image, Image):
            check_content(image)
            images[sequence] = image
        elif image is not None:
            raise InputError(expected="images in memory", found=f"{sequence} as {image}", fix="Give the case a reader")
    return images


def own_convention(segmentation: Segmentation, case: Case) -> tuple[Segmentation, str, list[str]]:
    """Write the label map in the input's own label values, where they are known and can say as much.

    They are known from a reference in the input, or from a name of BraTS 2023 and later.

    Returns:
        The segmentation, "input" or "bundle", and what to tell the user.
    """
    scheme, why = _input_scheme(case)
    made = segmentation.scheme
    if scheme is None or scheme.name == made.name:
        return segmentation, "bundle" if scheme is None else "input", []
    values = ", ".join(f"{x.value} {x.name}" for x in made.labels)
    if len(scheme.labels) < len(made.labels):
        return segmentation, "bundle", [f"The input's labels ({scheme.title}) hold less: values are {values}."]
    try:
        labels = scheme_values(segmentation, scheme)
    except LabelError:
        return segmentation, "bundle", [f"The input's labels ({scheme.title}) mean other things: values are {values}."]
    converted = Segmentation(labels, scheme, segmentation.probabilities)
    return converted, "input", [f"Label values are the input's own ({scheme.title}), as {why} tells."]


def scheme_values(segmentation: Segmentation, scheme: LabelScheme) -> Image:
    """Return the label map in the values of ``scheme``.

    Raises:
        LabelError: if a class of the segmentation's scheme has no counterpart, whether it occurs or not.
    """
    values = np.array([0, *segmentation.scheme.values], dtype=np.uint8)
    segmentation.scheme.convert(values, scheme)
    return segmentation.labels.with_data(segmentation.scheme.convert(segmentation.labels.data, scheme))


def _input_scheme(case: Case) -> tuple[LabelScheme | None, str]:
    if case.scheme is not None:
        return case.scheme, "its reference label map"
    if case.id.lower().startswith("brats-"):
        return detect_scheme((), hint=case.id), "its name"
    return None, ""


def _warnings(images: Mapping[Sequence, Image], bundle: Bundle) -> list[str]:
    """Return what about the images does not fit the bundle's training data."""
    if bundle.manifest.training.dataset != "brats":
        return []
    thin = next(iter(images.values())).data[::2, ::2, ::2]
    fraction = float(np.count_nonzero(thin > 0.02 * thin.max())) / thin.size
    if fraction <= _SKULL_FRACTION:
        return []
    return [f"{bundle.name} was trained on scans without skull; {fraction:.0%} of this one is not background."]
