"""A classifier on single pictures: prepared, mirrored, asked, and compared with what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import Classify
from tumorscope.core.answer import TypeAnswer
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence as Sequences
from tumorscope.inference.novelty import Novelty
from tumorscope.inference.runtimes.base import Precision, Runtime, softmax
from tumorscope.inference.runtimes.select import open_runtime
from tumorscope.study.slice_sequence import other_sequence, sequence_probabilities, surprise
from tumorscope.transforms.prepare import prepare


class TypePredictor:
    """Runs a classifier.

    Args:
        bundle: Of a classifier (outputs of kind ``types``).
        runtime: ``auto``, ``torch`` or ``openvino``, or an object with ``run``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also ask about the left-right mirror image and average, whether the bundle says so or not.
        precision: ``auto`` or ``float32``.

    Raises:
        UsageError: for a bundle of another kind, an unknown runtime or device.
        MissingDependencyError: if the runtime or device is absent.
        InputError: if the weights are damaged.
    """

    def __init__(
        self,
        bundle: Bundle,
        runtime: str | Runtime = "auto",
        device: str = "auto",
        tta: bool = False,
        precision: Precision = "auto",
    ) -> None:
        if bundle.manifest.outputs.kind != "types":
            raise UsageError(
                expected="a bundle that tells tumour types",
                found=f"'{bundle.name}', which segments",
                fix="Name a classifier, such as tumor-type",
            )
        self.bundle = bundle
        self.settings = bundle.manifest.classify or Classify()
        self.tta = tta or bundle.manifest.tta
        self.runtime = open_runtime(bundle, runtime, device, precision) if isinstance(runtime, str) else runtime
        name = self.settings.novelty
        self.novelty = Novelty.load(bundle.checked(name)) if name else None

    @property
    def sequence(self) -> Sequences:
        """What pictures must show."""
        return self.bundle.manifest.preprocess.sequences[0]

    def prepared(self, images: Mapping[Sequences, Image], slices: Sequence[int] = (0,)) -> Array:
        """Return slices as the network sees them, float32 (N, C, H, W).

        Args:
            images: Of one study.
            slices: Along the third axis of the model's orientation (upwards).

        Raises:
            InputError: if the sequence is missing, or a slice shows nothing.
        """
        spec = self.bundle.manifest.preprocess
        if self.sequence not in images:
            prepare(images, spec)  # says what is missing
        image = images[self.sequence]
        found = []
        for z in slices:
            array = prepare({self.sequence: single_slice(image, z)}, spec).array[0]
            if not array.any():
                raise InputError(
                    expected="a slice that shows a head",
                    found=f"nothing on slice {z + 1} of {image.source or 'the image'}",
                    fix="Give a slice with content",
                )
            found.append(array)
        return np.stack(found)

    def probabilities(self, pictures: Array) -> Array:
        """Return the calibrated probabilities of prepared pictures (N, C, H, W): float32 (N, K)."""
        found = softmax(self.runtime.run(pictures))
        if self.tta:
            mirrored = softmax(self.runtime.run(np.ascontiguousarray(pictures[..., ::-1])))
            found = 0.5 * (found + mirrored)
        return found

    def foreign(self, pictures: Array) -> Array | None:
        """Return how foreign prepared pictures (N, C, H, W) are: above 1 is beyond a limit, (N,); None: not measured.

        Beyond a limit lies what differs from the training pictures, and what shows another sequence.
        """
        return self._foreign(pictures)[0]

    def _foreign(self, pictures: Array) -> tuple[Array | None, Sequences | None]:
        """Return that, and the sequence that the pictures seem to show if it is not the one expected.

        None is named where the pictures are unlike those trained on: they may be no MRI at all.
        """
        grey, limit = pictures[:, 0], self.settings.most_surprise
        found = None if self.novelty is None else self.novelty.score(grey)
        if limit is None:
            return found, None
        chance = sequence_probabilities(grey)
        odd = surprise(chance, self.sequence) / limit
        unlike = found is not None and np.median(found) > 1
        shown = other_sequence(chance, self.sequence) if np.median(odd) > 1 and not unlike else None
        return odd if found is None else np.maximum(found, odd), shown

    def predict(self, images: Mapping[Sequences, Image], slices: Sequence[int] = ()) -> TypeAnswer:
        """Tell the tumour type of a picture, or of slices of a volume, whose probabilities are averaged.

        Args:
            images: Of one study; a volume needs ``slices``.
            slices: Which slices, in the model's orientation (upwards).

        Raises:
            InputError: if the sequence is missing, a slice shows nothing, or a volume comes without slices.
        """
        image = images.get(self.sequence)
        if image is not None and not slices and slice_count(image) > 1:
            raise InputError(
                expected="a single slice, or to be told which slices",
                found=f"a volume of {slice_count(image)} slices",
                fix="Segment it too: the slices with most tumour are then asked",
            )
        pictures = self.prepared(images, slices or (0,))
        mean = self.probabilities(pictures).mean(axis=0)
        scores, looks_like = self._foreign(pictures)
        foreign = None if scores is None else float(np.median(scores))
        named = {name: float(p) for name, p in zip(self.bundle.manifest.outputs.names, mean, strict=True)}
        return TypeAnswer(named, foreign, self.settings.abstain_below, tuple(slices), looks_like)


def slice_count(image: Image) -> int:
    """Return the number of axial slices."""
    from tumorscope.transforms.grid import oriented_shape

    return oriented_shape(image.affine, image.shape)[2]


def single_slice(image: Image, index: int) -> Image:
    """Return one axial slice (counted upwards) as an Image in the model's orientation."""
    from tumorscope.formats.raster import AFFINE
    from tumorscope.transforms.grid import to_model_orientation

    plane = to_model_orientation(image)[:, :, index : index + 1]
    return Image(plane, AFFINE, spacing_known=False, source=image.source)
