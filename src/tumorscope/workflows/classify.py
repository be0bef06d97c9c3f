"""One case → its tumour type, and whether the segmentation of the same case agrees."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.answer import NO_TUMOR, TypeAnswer
from tumorscope.core.case import Case
from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.formats import check_content
from tumorscope.inference.type_predictor import TypePredictor, single_slice, slice_count
from tumorscope.study.state import has_skull
from tumorscope.workflows.inputs import Spacing, files_of, is_picture, marks_of, with_spacing

if TYPE_CHECKING:
    from tumorscope.inference.explain import Explainer

#: Why a case is classified and not segmented.
ONLY_TYPE = "It tells the type; no shipped model segments these sequences."
#: Of a volume without skull.
NO_SKULL_ASKED = "{model} never saw brains without skull: the tumour type it tells here is a guess."
NO_SKULL_NOT_ASKED = "The tumour type was not told: {model} never saw brains without skull (--types always asks it)."
#: Slices of a volume that are asked: those with most tumour, or around its middle.
_ASKED = 3


@dataclass(frozen=True, eq=False)
class TypeFinding:
    """What a classifier said about a case, beside what was segmented.

    Attributes:
        answer: The answer.
        bundle: The classifier.
        runtime: Engine, device and precision.
        agrees: Whether classifier and segmentation say the same; None where one of them says nothing.
        agreement: That in one sentence.
        looked: Share of Grad-CAM inside what was segmented, and the share of the picture that this is; None where
            nothing was segmented or there is no answer.
        shown: The slice that was asked first, as the network saw it, (H, W) in [0, 1].
        cam: Grad-CAM on it, (H, W); None where there is no answer.
        seconds: By the clock.
    """

    answer: TypeAnswer
    bundle: Bundle
    runtime: str
    agrees: bool | None
    agreement: str
    looked: tuple[float, float] | None
    shown: Array
    cam: Array | None
    seconds: float

    @property
    def told(self) -> str:
        """The line for people: the type, or the disagreement."""
        return self.agreement if self.agrees is False else self.answer.sentence

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        answer, manifest = self.answer, self.bundle.manifest
        looked = None if self.looked is None else [round(v, 4) for v in self.looked]
        return {
            "type": answer.type,
            "sentence": answer.sentence,
            "probabilities": {name: round(p, 4) for name, p in answer.probabilities.items()},
            "abstain_below": answer.abstain_below,
            "foreign": None if answer.foreign is None else round(answer.foreign, 3),
            "looks_like": answer.looks_like,
            "slices": list(answer.slices),
            "agrees": self.agrees,
            "agreement": self.agreement,
            "looked_at_tumour": None if looked is None else looked[0],
            "share_of_picture": None if looked is None else looked[1],
            "bundle": {"name": manifest.name, "version": manifest.version, "licence": manifest.training.licence},
            "limits": list(manifest.limits),
            "runtime": self.runtime,
        }


@dataclass(eq=False)
class TypeResult:
    """A case that was classified and not segmented.

    Attributes:
        case: As read.
        finding: What the classifier said.
        reason: Why this model.
        notes: What the user should know, one sentence each.
        seconds: Step → seconds.
        files: Sequence → files it was read from.
    """

    case: Case
    finding: TypeFinding
    reason: str
    notes: list[str]
    seconds: dict[str, float]
    files: Mapping[str, tuple[Path, ...]]

    @property
    def bundle(self) -> Bundle:
        """The classifier."""
        return self.finding.bundle

    def save(self, out: str | Path) -> Path:
        """Write ``out/<case>/`` and return it: what the model saw, the record and the report, all or none.

        Raises:
            OutputError: if it cannot be written.
        """
        from tumorscope.workflows.save_type import save_type

        return save_type(self, Path(out))


class Classifier:
    """A classifier that is open, with what explains its answers.

    Args:
        bundle: Of kind ``types``.
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also ask about the mirror image, whether the bundle says so or not.
        explain: Compute Grad-CAM.
    """

    def __init__(
        self, bundle: Bundle, runtime: str = "auto", device: str = "auto", tta: bool = False, explain: bool = True
    ) -> None:
        self.predictor = TypePredictor(bundle, runtime, device, tta)
        self.explain = explain
        self._explainer: Explainer | None = None

    @property
    def bundle(self) -> Bundle:
        """The trained model."""
        return self.predictor.bundle

    def run(self, images: Mapping[Sequence, Image], segmentation: Segmentation | None = None) -> TypeFinding:
        """Tell the type of a case.

        Args:
            images: Its sequences.
            segmentation: What was segmented on the same grid, if anything was.

        Raises:
            InputError: if the sequence is missing or shows nothing.
        """
        started = time.perf_counter()
        predictor = self.predictor
        image = images.get(predictor.sequence)
        mask = None if segmentation is None else segmentation.labels.with_data(segmentation.labels.data > 0)
        if image is not None and mask is not None and mask.shape != image.shape:
            mask = None  # a sequence on another grid: its slices are not those of the label map
        slices = () if image is None else asked_slices(image, mask)
        answer = predictor.predict(images, slices)
        pictures = predictor.prepared(images, slices[:1] or (0,))
        cam = looked = None
        if self.explain and answer.type is not None:
            cam = self._map(pictures[0], list(answer.probabilities).index(answer.type))
            inside = None if mask is None or image is None else self._mask(image, mask, (slices or (0,))[0])
            looked = _looked(cam, inside)
        agrees, sentence = agreement(answer, segmentation)
        description = predictor.runtime.description + (", mirrored too" if predictor.tta else "")
        seconds = round(time.perf_counter() - started, 3)
        return TypeFinding(answer, self.bundle, description, agrees, sentence, looked, pictures[0, 0], cam, seconds)

    def case(self, case: Case, reason: str = "", spacing: Spacing | None = None) -> TypeResult:
        """Read and classify a case without segmenting it.

        Args:
            case: From :func:`~tumorscope.workflows.predict.read_case` or a data set.
            reason: Why this model.
            spacing: Voxel size in mm along x, y, z, where the files carry none.

        Raises:
            InputError: if the sequence is missing, cannot be read or shows nothing.
        """
        started = time.perf_counter()
        files = files_of(case)
        case = case.loaded((self.predictor.sequence,))
        case = case if spacing is None else with_spacing(case, spacing)
        images = {s: i for s, i in case.images.items() if isinstance(i, Image)}
        for image in images.values():
            check_content(image)
        read = round(time.perf_counter() - started, 3)
        finding = self.run(images)
        notes = [*case.notes, *marks_of(files, images)]
        return TypeResult(case, finding, reason, notes, {"read": read, "type": finding.seconds}, files)

    def _map(self, picture: Array, index: int) -> Array:
        from tumorscope.inference.explain import Explainer

        if self._explainer is None:
            self._explainer = Explainer(self.bundle)
        return self._explainer.map(picture, index)

    def _mask(self, image: Image, mask: Image, index: int) -> Array:
        """Return what was segmented on a slice, on the network's pixels."""
        from tumorscope.transforms.prepare import prepare, prepare_label

        sequence = self.predictor.sequence
        prepared = prepare({sequence: single_slice(image, index)}, self.bundle.manifest.preprocess)
        return np.asarray(prepare_label(single_slice(mask, index), prepared, warn=False)[0] > 0)


def _looked(cam: Array, inside: Array | None) -> tuple[float, float] | None:
    from tumorscope.inference.explain import share_inside

    share = None if inside is None else share_inside(cam, inside)
    return None if share is None or inside is None else (share, float(inside.mean()))


def typed_images(read: Case, case: Case, sequence: Sequence) -> dict[Sequence, Image]:
    """Return the sequence a classifier sees, read anew where the segmentation did not use it.

    Raises:
        InputError: if it cannot be read.
    """
    found = read.images.get(sequence)
    image = found if isinstance(found, Image) else case.loaded((sequence,)).images.get(sequence)
    return {sequence: image} if isinstance(image, Image) else {}


def without_skull(case: Case) -> bool:
    """Whether a case is a volume without skull, a kind of picture that no classifier here was trained on."""
    images = [image for image in case.images.values() if isinstance(image, Image)]
    return not is_picture(case) and not any(has_skull(image) for image in images)


def asked_slices(image: Image, mask: Image | None) -> tuple[int, ...]:
    """Return the axial slices of a volume to ask about, upwards; none for a single picture."""
    from tumorscope.transforms.grid import to_model_orientation

    count = slice_count(image)
    if count == 1:
        return ()
    if mask is not None and mask.data.any():
        areas = to_model_orientation(mask).sum(axis=(0, 1)).astype(np.int64)
        return tuple(int(z) for z in np.argsort(-areas, kind="stable")[:_ASKED] if areas[z])
    shown = np.flatnonzero(to_model_orientation(image).max(axis=(0, 1)) > 0)
    return tuple(int(z) for z in dict.fromkeys(shown[len(shown) * k // 8] for k in (4, 5, 3))) if shown.size else (0,)


def agreement(answer: TypeAnswer, segmentation: Segmentation | None) -> tuple[bool | None, str]:
    """Say whether classifier and segmentation find the same."""
    if segmentation is None:
        return None, f"Type model: {answer.sentence}. Nothing was segmented."
    labels = segmentation.labels
    voxels = int(np.count_nonzero(labels.data))
    size = f"{voxels * labels.voxel_ml:.2f} ml" if labels.spacing_known else f"{voxels} px"
    size = size if voxels else "nothing"
    told = answer.sentence
    if answer.type is None:
        return None, f"Type model: {told}; segmentation: {size}."
    if (answer.type == NO_TUMOR) == (voxels == 0):
        found = f"no tumour ({answer.confidence:.2f})" if voxels == 0 else f"a tumour: {told}; {size}"
        return True, f"Type model and segmentation both find {found}."
    return False, f"Disagreement: type model: {told}; segmentation: {size}: check."
