"""A bundle that repairs images, on whole images: the result lies on the image's own voxels."""

from __future__ import annotations

import contextlib
from typing import cast

import numpy as np
import torch
from torch import Generator, Tensor

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.inference.runtimes.torch_runtime import computes_bf16
from tumorscope.transforms.degrade import DEGRADATIONS
from tumorscope.transforms.degrade.degradation import Degradation
from tumorscope.transforms.degrade.thick_slices import agree, thin_out
from tumorscope.transforms.grid import from_model_orientation, to_model_orientation
from tumorscope.transforms.normalise import scale_of_brain

#: Least value in the brain, whose 99th percentile is 1: what is exactly 0 counts as background.
_LEAST = 1e-4


class Restorer:
    """Runs a bundle of task ``denoise`` or ``reconstruct``.

    Args:
        bundle: The trained model.
        degradation: What it must have learned to undo: ``rician``, ``cartesian`` or ``thick_slices``.
        batch: Slices per run of the network.

    Raises:
        UsageError: for a bundle that does something else.
        InputError: if the weights are damaged.
    """

    def __init__(self, bundle: Bundle, degradation: str, batch: int = 4) -> None:
        model = bundle.manifest.image
        learned = model.degradation.get("name") if model else None
        if model is None or learned != degradation:
            makes = "segments or classifies" if model is None else "makes images"
            does = DEGRADATIONS.load(learned).undone if learned else makes
            raise UsageError(
                expected=f"a bundle that {DEGRADATIONS.load(degradation).undone}",
                found=f"'{bundle.name}', which {does}",
                fix="Name another",
            )
        self.bundle, self.batch = bundle, batch
        self.degradation = cast("Degradation", DEGRADATIONS.load(degradation)(**model.degradation.get("args", {})))
        (self.network,) = bundle.load_networks()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._bf16 = computes_bf16(torch.device("cpu"))

    @torch.no_grad()
    def run(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the restored magnitude (B, 1, H, W) of what a degradation gave."""
        reduced = torch.autocast("cpu", torch.bfloat16) if self._bf16 else contextlib.nullcontext()
        with reduced:
            found = self.network(*inputs)
        return self.degradation.finish(found if found.is_complex() else found.float(), inputs)

    def denoised(self, image: Image, watch: Watch = unwatched) -> Image:
        """Return a denoised image, float32; voxels that are exactly 0 stay so, and no other becomes 0.

        Args:
            image: Magnitude image.
            watch: Told how far the work is; may stop it.

        Raises:
            InputError: if it has negative values (it is no magnitude image).
            StoppedError: if ``watch`` stops it.
        """
        slices, scale = scaled_slices(image)
        found = np.zeros_like(slices)
        chosen = np.flatnonzero(slices.any(axis=(1, 2)))
        for part in np.array_split(chosen, max(1, -(-len(chosen) // self.batch))):
            watch("denoising", float(part[0]) / len(slices) if len(part) else 0.0)
            found[part] = self.run((torch.from_numpy(slices[part][:, None]),))[:, 0].numpy()
        return from_slices(kept_background(found, slices) * scale, image)

    def undersampled(
        self, image: Image, acceleration: float, seed: int = 0, watch: Watch = unwatched
    ) -> tuple[Image, Image]:
        """Simulate undersampled k-space of every slice and reconstruct it.

        Args:
            image: Magnitude image.
            acceleration: How many times fewer lines are measured.
            seed: Of mask and phase; all slices have the mask in common.
            watch: Told how far the work is; may stop it.

        Returns:
            The zero-filled image and the reconstruction, float32.

        Raises:
            InputError: if it has negative values.
            StoppedError: if ``watch`` stops it.
        """
        slices, scale = scaled_slices(image)
        filled, found = np.zeros_like(slices), np.zeros_like(slices)
        for k in np.flatnonzero(slices.any(axis=(1, 2))):
            watch("reconstructing", float(k) / len(slices))
            clean = torch.from_numpy(slices[k][None, None])
            spoilt = self.degradation.apply(clean, acceleration, Generator().manual_seed(seed))
            filled[k], found[k] = spoilt.shown[0, 0].numpy(), self.run(spoilt.inputs)[0, 0].numpy()
        return from_slices(filled * scale, image), from_slices(found * scale, image)

    def from_kspace(self, kspace: Array, mask: Array) -> tuple[Array, Array]:
        """Reconstruct measured k-space of one coil.

        Args:
            kspace: Complex (S, H, W), lowest frequency first, zeros where nothing was measured.
            mask: Measured columns, bool (W,).

        Returns:
            The zero-filled and the reconstructed magnitudes, float32 (S, H, W).
        """
        from tumorscope.baselines.reconstruction import zero_filled

        filled = np.stack([zero_filled(one) for one in kspace]).astype(np.float32)
        scale = scale_of_brain(filled)
        found = np.zeros_like(filled)
        lines = torch.from_numpy(mask).view(1, 1, 1, -1)
        for k, one in enumerate(kspace):
            measured = torch.from_numpy((one / scale).astype(np.complex64))[None, None]
            found[k] = self.run((measured, lines))[0, 0].numpy() * scale
        return filled, found

    def thinned(self, image: Image, axis: int, factor: int, watch: Watch = unwatched) -> tuple[Image, Image]:
        """Divide thick slices into thin ones.

        Args:
            image: Volume of thick slices.
            axis: Across the slices.
            factor: Thin slices per thick one.
            watch: Told how far the work is; may stop it.

        Returns:
            The cubic interpolation and the network's answer, float32, on the finer grid: same corner, same axes.

        Raises:
            InputError: if it has negative values, or fewer than 8 slices.
            StoppedError: if ``watch`` stops it.
        """
        _check_magnitude(image)
        if image.shape[axis] < 8:
            raise InputError(
                expected="a volume of 8 thick slices or more",
                found=f"{image.shape[axis]} along axis {axis} of {image.source}",
                fix="Give the whole volume",
            )
        scale = scale_of_brain(image.data)
        thick = torch.from_numpy(np.moveaxis(image.data, axis, 0).astype(np.float32) / scale)
        shown = thin_out(thick.movedim(1, 0)[:, None], factor)[:, 0].movedim(0, 1)  # rows through slices
        halves = ((1, part_of(watch, 0.0, 0.5)), (2, part_of(watch, 0.5, 1.0)))
        learned = torch.stack([self._planes(shown, dim, half) for dim, half in halves]).mean(dim=0)
        whole = agree(learned.movedim(1, 0)[:, None], thick.movedim(1, 0)[:, None], factor)[:, 0].movedim(0, 1)
        whole = whole * (shown > 1e-3)
        affine = image.affine.copy()
        step = image.affine[:3, axis] / factor
        affine[:3, axis], affine[:3, 3] = step, image.affine[:3, 3] - step * (factor - 1) / 2
        volumes = (np.moveaxis(v.numpy() * scale, 0, axis) for v in (shown, whole))
        first, second = (Image(v.astype(np.float32), affine, image.spacing_known, image.source) for v in volumes)
        return first, second

    def _planes(self, shown: Tensor, dim: int, watch: Watch) -> Tensor:
        """Run the network on the planes (slices × one other axis) that ``dim`` counts."""
        planes = shown.movedim(dim, 0)[:, None]
        found = planes.clone()
        for part in torch.split(torch.arange(len(planes)), self.batch):
            watch("dividing slices", int(part[0]) / len(planes))
            if planes[part].any():
                with torch.no_grad():
                    found[part] = self.network(planes[part]).float()
        return found[:, 0].movedim(0, dim)


def scaled_slices(image: Image) -> tuple[Array, float]:
    """Return axial slices (S, rows, columns), 1 at the brain's 99th percentile, and what they were divided by.

    Raises:
        InputError: if the image has negative values.
    """
    _check_magnitude(image)
    scale = scale_of_brain(image.data)
    slices = to_model_orientation(image).transpose(2, 1, 0).astype(np.float32) / np.float32(scale)
    return np.ascontiguousarray(slices), scale


def kept_background(found: Array, slices: Array) -> Array:
    """Return what was made of scaled slices with 0 where they are exactly 0, and nowhere else."""
    return np.where(slices == 0, 0, np.maximum(found, _LEAST))


def from_slices(slices: Array, image: Image) -> Image:
    """Return axial slices as an image on the voxels of ``image``, float32."""
    data = from_model_orientation(slices.transpose(2, 1, 0), image.affine)
    return image.with_data(np.ascontiguousarray(data, dtype=np.float32))


def _check_magnitude(image: Image) -> None:
    low = float(image.data.min())
    if low < 0:
        raise InputError(
            expected="a magnitude image, whose values are 0 or more",
            found=f"values down to {low:g} in {image.source}",
            fix="Give the scan before it was normalised",
        )
