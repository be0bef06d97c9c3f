"""One case → one measured segmentation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LabelError
from tumorscope.core.image import Image
from tumorscope.core.labels import LabelScheme, detect_scheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.formats import check_content
from tumorscope.inference.midline import find_midline
from tumorscope.inference.predictor import Predictor
from tumorscope.workflows.assess import assess
from tumorscope.workflows.choose import choose_bundle
from tumorscope.workflows.classify import TypeFinding
from tumorscope.workflows.inputs import Spacing, files_of, is_picture, marks_of, with_spacing
from tumorscope.workflows.study_space import input_flags, quality_record, to_model_space

if TYPE_CHECKING:
    from tumorscope.workflows.save_case import SaveOptions

#: Why a model was used that was named.
STATED = "Stated by the user."


@dataclass
class CaseResult:
    """A case and what was found in it.

    Attributes:
        case: As read; holds the sequences that were used.
        segmentation: In the input's grid, and in its label convention where that is known.
        measurements: See :func:`~tumorscope.workflows.assess.assess`.
        bundle: The model that made it; None for a label map drawn or edited by hand.
        reason: Why this model, or what the label map is.
        convention: Where the label values come from: "bundle", "input" or "mask".
        runtime: Engine, device and precision.
        notes: What the user should know, one sentence each.
        seconds: Step → seconds.
        files: Sequence → files it was read from.
        preprocessing: What was done to the study before the model saw it (``said``: in sentences); None where it was
            not to be touched.
        quality: Whether the input looks like the model's training data; None where that is not checked.
        finding: What a classifier said about the case, if one was asked.
        spread: How far the passes of test-time augmentation disagree, voxel by voxel; None where not asked for.
    """

    case: Case
    segmentation: Segmentation
    measurements: dict[str, Any]
    bundle: Bundle | None
    reason: str
    convention: str
    runtime: str
    notes: list[str]
    seconds: dict[str, float]
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    preprocessing: dict[str, Any] | None = None
    quality: dict[str, Any] | None = None
    finding: TypeFinding | None = None
    spread: Image | None = None

    @property
    def remarks(self) -> list[str]:
        """All that people should read at once: what is unlike the training data, what was done first, and the notes."""
        flags = [flag["sentence"] for flag in (self.quality or {}).get("flags", ())]
        return list(dict.fromkeys([*flags, *(self.preprocessing or {}).get("said", ()), *self.notes]))

    def save(self, out: str | Path, probabilities: bool = False, options: SaveOptions | None = None) -> Path:
        """Write ``out/<case>/`` and return it: label map, overlay, measurements and report, all or none.

        Args:
            out: Folder for results; made if needed.
            probabilities: Also write one probability map per region.
            options: Says the same and more; wins over ``probabilities``.

        Raises:
            OutputError: if it cannot be written.
        """
        from tumorscope.workflows.save_case import SaveOptions, save_case

        return save_case(self, Path(out), options or SaveOptions(probabilities=probabilities))


def segment(
    case: Case,
    bundle: str | Path | Bundle | None = None,
    *,
    runtime: str = "auto",
    device: str = "auto",
    tta: bool = False,
    spacing: Spacing | None = None,
    preprocess: bool = True,
    fast: bool = False,
    postprocess: bool = True,
) -> CaseResult:
    """Segment and measure one case.

    Args:
        case: From :func:`~tumorscope.workflows.predict.read_case`, a data set, or made by hand.
        bundle: A shipped bundle's name, a bundle folder, or a Bundle; default the shipped one that fits best.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also average the mirrored prediction.
        spacing: Voxel size in mm along x, y, z, where the files carry none.
        preprocess: Co-register, resample and skull-strip a raw study (see :mod:`tumorscope.study.prepare`); one that
            is in BraTS space already is left as it is.
        fast: Where no bundle is named, prefer one for slices to one for volumes.
        postprocess: Apply the bundle's own rules.

    Raises:
        UsageError: for an unknown bundle, runtime or device.
        InputError: if the case lacks a sequence, an image is empty or constant, or no brain is found in it.
        GeometryError: if the sequences lie on different grids and ``preprocess`` is off.
    """
    if bundle is None:
        chosen, reason = choose_bundle(case, fast=fast)
    else:
        chosen, reason = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle), STATED
    predictor = Predictor(chosen, runtime, device, tta=tta, postprocess=postprocess)
    return segment_with(predictor, case, reason, spacing, preprocess=preprocess)


def segment_with(
    predictor: Predictor,
    case: Case,
    reason: str = STATED,
    spacing: Spacing | None = None,
    *,
    preprocess: bool = True,
    bias: bool = False,
    watch: Watch = unwatched,
) -> CaseResult:
    """Segment and measure one case with a model that is open already.

    Args:
        predictor: The model.
        case: As for :func:`segment`; errors are the same too.
        reason: Why this model.
        spacing: As for :func:`segment`.
        preprocess: As for :func:`segment`.
        bias: Also correct the bias field (N4).
        watch: Told how far the work is; may stop it.
    """
    watch("reading the scans", 0.0)
    started = time.perf_counter()
    bundle, files = predictor.bundle, files_of(case)
    case = case.loaded(bundle.manifest.preprocess.sequences)
    case = case if spacing is None else with_spacing(case, spacing)
    images = _checked(case, bundle)
    read = time.perf_counter()
    watch("looking at the study", 0.1)
    study = part_of(watch, 0.15, 0.6)
    space = to_model_space(images, bundle, bias=bias, watch=study) if preprocess and images else None
    seen = images if space is None else space.images
    flags = input_flags(seen, bundle)
    prepared = time.perf_counter()
    sides = not is_picture(case)
    network = part_of(watch, 0.15 if space is None or not space.moves else 0.6, 0.85)
    with ThreadPoolExecutor(1) as beside:  # the midline is looked for while the network runs
        midline = beside.submit(find_midline, images).result if space is None and sides else None
        prediction = predictor.run(seen, None if space is None else space.restore, network)
    watch("measuring", 0.85)
    segmentation, convention, said = own_convention(prediction.segmentation, case)
    predicted = time.perf_counter()
    shown = images if space is None else {s: space.on_target(s, image) for s, image in images.items()}
    temperatures = bundle.manifest.temperatures
    measurements = assess(shown, segmentation, sides, temperatures, midline)
    notes = [*case.notes, *marks_of(files, images), *prediction.notes, *said]
    if not segmentation.labels.spacing_known:
        notes.append("Spacing is unknown: sizes are in pixels, not in mm or ml (state it with --spacing X,Y,Z).")
    seconds = {"read": round(read - started, 3), "study": round(prepared - read, 3), **prediction.seconds}
    seconds["measure"] = round(time.perf_counter() - predicted, 3)
    return CaseResult(
        replace(case, images=dict(shown)),
        segmentation,
        measurements,
        bundle,
        reason,
        convention,
        predictor.runtime.description + (", mirrored too" if predictor.tta else ""),
        list(dict.fromkeys(notes)),
        seconds,
        {s: f for s, f in files.items() if s not in Sequence.__members__ or Sequence(s) in images},
        None if space is None else {"said": list(space.notes), **space.steps, "seconds": space.seconds},
        quality_record(flags, bundle),
        spread=prediction.spread,
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
