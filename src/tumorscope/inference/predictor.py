"""Prediction over a study, slice by slice or in windows of its volume, back into the study's own grid."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import Postprocess
from tumorscope.core.errors import UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch, unwatched
from tumorscope.inference.decode import decode, to_probabilities
from tumorscope.inference.postprocess import postprocess
from tumorscope.inference.refine import refine
from tumorscope.inference.runtimes.base import Precision, Runtime
from tumorscope.inference.runtimes.select import open_runtime
from tumorscope.inference.sliding import predict_volume, window_count
from tumorscope.transforms.prepare import Prepared, prepare, with_context

#: Task of a model that gives images → the verb that runs it, where it is not ``synth``.
VERBS = {"denoise": "denoise", "reconstruct": "reconstruct"}


@dataclass(frozen=True, eq=False)
class Prediction:
    """A segmentation and how it came about.

    Attributes:
        segmentation: With probabilities, in the input's grid and the bundle's scheme.
        notes: What the user should know, one sentence each.
        seconds: Step → seconds.
        spread: Standard deviation of the probability between the passes (as they are, mirrored), the largest over the
            outputs, float32 in the input's grid; None where not asked for.
    """

    segmentation: Segmentation
    notes: tuple[str, ...]
    seconds: dict[str, float]
    spread: Image | None = None


class Predictor:
    """Runs a bundle on studies.

    Args:
        bundle: The trained model.
        runtime: ``auto``, ``torch`` or ``openvino``, or an object with ``run`` (see
            :class:`~tumorscope.inference.runtimes.base.Runtime`).
        device: ``auto``, ``cpu`` or ``cuda``.
        batch: Slices per run of the network; windows of volumes are run one by one.
        tta: Also predict the left-right mirror image and average the probabilities, whether the bundle asks or not.
        precision: ``auto`` (bfloat16 where the hardware computes in it) or ``float32``.
        spread: Where the mirror image is predicted too, also keep how far the two disagree.
        postprocess: Apply the bundle's rules; without them labels are decided at a probability of one half and that
            is all. ``bundle`` is then without rules too.

    Raises:
        UsageError: for an unknown runtime or device.
        MissingDependencyError: if the runtime or device is absent.
        InputError: if the weights are damaged.
    """

    def __init__(
        self,
        bundle: Bundle,
        runtime: str | Runtime = "auto",
        device: str = "auto",
        batch: int = 8,
        tta: bool = False,
        precision: Precision = "auto",
        spread: bool = False,
        postprocess: bool = True,
    ) -> None:
        if bundle.manifest.image is not None:
            raise UsageError(
                expected="a bundle that segments",
                found=f"'{bundle.name}', which makes or repairs images",
                fix=f"Use it with tumorscope {VERBS.get(bundle.manifest.image.task, 'synth')}",
            )
        if not postprocess:
            bundle = replace(bundle, manifest=bundle.manifest.model_copy(update={"postprocess": Postprocess()}))
        self.bundle = bundle
        self.batch = batch
        self.tta = tta or bundle.manifest.tta
        self.spread = spread and self.tta
        self.runtime = open_runtime(bundle, runtime, device, precision) if isinstance(runtime, str) else runtime

    def predict(self, images: Mapping[Sequence, Image]) -> Segmentation:
        """Segment one study.

        Args:
            images: The study's sequences on one grid, in any orientation; more than the bundle needs do no harm.

        Returns:
            Labels and probabilities in exactly the grid of the first sequence the bundle uses.

        Raises:
            InputError: if a needed sequence is missing.
            GeometryError: if the sequences lie on different grids, or a bundle for volumes is shown a single slice or
                a volume of unknown voxel size.
        """
        return self.run(images).segmentation

    def run(
        self,
        images: Mapping[Sequence, Image],
        restore: Callable[[Image], Image] | None = None,
        watch: Watch = unwatched,
    ) -> Prediction:
        """Segment one study and tell what happened on the way; arguments and errors as :meth:`predict`.

        Args:
            images: As for :meth:`predict`.
            restore: Brings a probability map from the grid of ``images`` to the grid the result shall have, where
                that is another; labels are then decided there.
            watch: Told how much of the volume the network has seen; may stop it.
        """
        from threadpoolctl import threadpool_limits

        # Resampling is many small matrix products: BLAS threads gain nothing and cost seconds on a busy machine.
        with threadpool_limits(1, user_api="blas"):
            return self._run(images, restore, watch)

    def _run(
        self, images: Mapping[Sequence, Image], restore: Callable[[Image], Image] | None, watch: Watch
    ) -> Prediction:
        manifest, clock = self.bundle.manifest, _Clock()
        prepared = prepare(images, manifest.preprocess)
        clock.lap("prepare")
        volume = self._infer(prepared, watch)
        clock.lap("network")
        restored = prepared.grid.restore(volume)
        del volume
        np.clip(restored, 0.0, 1.0, out=restored)
        maps = dict(zip(manifest.outputs.names, restored, strict=not self.spread))
        first = next(images[s] for s in manifest.preprocess.sequences if s in images)
        rule = manifest.postprocess.refine
        if rule is not None:
            guide = first if rule.guide is None else images.get(rule.guide, first)
            maps = refine(maps, guide, rule, manifest.outputs.kind == "classes")
        probabilities = {name: first.with_data(data) for name, data in maps.items()}
        spread = first.with_data(restored[-1]) if self.spread else None
        if restore is not None:
            spread = None if spread is None else restore(spread)
            probabilities = {name: restore(image) for name, image in probabilities.items()}
            maps = {name: image.data for name, image in probabilities.items()}
            first = next(iter(probabilities.values()))
        labels = decode(maps, manifest.outputs, self.bundle.scheme, manifest.postprocess.thresholds)
        cleaned, notes = postprocess(first.with_data(labels), self.bundle.scheme, manifest.postprocess)
        clock.lap("decode")
        missing = [f"{s} is missing: its channel was empty." for s in prepared.missing]
        segmentation = Segmentation(cleaned, self.bundle.scheme, probabilities)
        return Prediction(segmentation, (*missing, *notes), clock.laps, spread)

    def _infer(self, prepared: Prepared, watch: Watch) -> Array:
        """Return the probabilities (Z, K, H, W), with their spread as the last of K if it is kept.

        Slices or windows without any signal are not run and stay 0.
        """
        array, spec = prepared.array, self.bundle.manifest.preprocess
        channels = len(self.bundle.manifest.outputs.names) + self.spread
        if spec.patch is not None:
            depth, height, width = (int(n) for n in (array.shape[0], *array.shape[2:]))
            told = self._told(watch, window_count((depth, height, width), spec.patch))
            return predict_volume(array, spec.patch, told, channels)
        volume = np.zeros((array.shape[0], channels, *array.shape[2:]), dtype=np.float32)
        slices = [z for z in range(array.shape[0]) if array[z].any()]
        for start in range(0, len(slices), self.batch):
            watch("segmenting", start / len(slices))
            chosen = slices[start : start + self.batch]
            volume[chosen] = self._probabilities(np.stack([with_context(array, z, spec.context) for z in chosen]))
        return volume

    def _told(self, watch: Watch, total: int) -> Callable[[Array], Array]:
        """Return :meth:`_probabilities` that tells ``watch`` of each window."""
        done = 0

        def run(windows: Array) -> Array:
            nonlocal done
            watch("segmenting", min(1.0, done / total))
            done += len(windows)
            return self._probabilities(windows)

        return run

    def _probabilities(self, batch: Array) -> Array:
        outputs = self.bundle.manifest.outputs
        found = to_probabilities(self.runtime.run(batch), outputs)
        if self.tta:
            mirrored = to_probabilities(self.runtime.run(np.ascontiguousarray(batch[..., ::-1])), outputs)
            mirrored = mirrored[..., ::-1]
            apart = 0.5 * np.abs(found - mirrored).max(axis=1, keepdims=True) if self.spread else None
            found = 0.5 * (found + mirrored)
            found = found if apart is None else np.concatenate([found, apart], axis=1)
        return found


class _Clock:
    """Seconds between calls of :meth:`lap`."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
