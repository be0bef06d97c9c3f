"""A bundle that makes images: slices from noise, or painted from label maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import SCHEMES, LabelScheme
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch, unwatched
from tumorscope.inference.latent import fitted_latent
from tumorscope.recipes.image_recipe import ImageLoss
from tumorscope.transforms.condition import condition_maps
from tumorscope.transforms.image_range import to_intensity, to_model
from tumorscope.transforms.prepare import prepare, prepare_label

TASKS = ("vae", "gan", "synthesis")


class Sampler:
    """Runs a bundle of task ``vae``, ``gan`` or ``synthesis``, on a CUDA device if there is one.

    Intensities are 1 at the brain's 99th percentile and 0 in the background.

    Args:
        bundle: The trained model.
        batch: Slices at a time.

    Raises:
        UsageError: for a bundle that makes no images.
        InputError: if the weights are damaged.
    """

    def __init__(self, bundle: Bundle, batch: int = 16) -> None:
        model = bundle.manifest.image
        if model is None or model.task not in TASKS:
            does = "segments or classifies" if model is None else f"is for {model.task}"
            raise UsageError(
                expected="a bundle that makes images (vae, gan, synthesis)",
                found=f"'{bundle.name}', which {does}",
                fix="Name another",
            )
        self.bundle, self.task, self.names, self.batch = bundle, model.task, model.condition, batch
        (network,) = bundle.load_networks()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: Any = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def sequences(self) -> tuple[Sequence, ...]:
        """What the channels show."""
        return self.bundle.manifest.preprocess.sequences

    @property
    def scheme(self) -> LabelScheme:
        """What the label values of a synthesis mean."""
        return SCHEMES[str(self.bundle.manifest.training.recipe["data"]["scheme"])]

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0, watch: Watch = unwatched) -> Tensor:
        """Make slices from noise: float32 (count, C, H, W).

        Raises:
            UsageError: for a synthesis, which starts from label maps.
            StoppedError: if ``watch`` stops it.
        """
        if self.task == "synthesis":
            raise UsageError(
                expected="label maps (MASK... or --phantoms N)",
                found="none",
                fix="Name one, or another bundle",
            )
        latents = self.network.draw(count, Generator().manual_seed(seed))
        made: list[Tensor] = []
        for part in torch.split(latents, self.batch):
            watch("making slices", len(made) * self.batch / count)
            made.append(self._decoded(part.to(self.device)))
        return torch.cat(made)

    def reconstruct(self, images: Tensor, refine: int = 0, watch: Watch = unwatched) -> Tensor:
        """Return slices (B, C, H, W) after the way through a ``vae``; for the options see :meth:`encode`."""
        parts = torch.split(images, self.batch)
        return torch.cat([self._decoded(self.encode(part, refine, watch)) for part in parts])

    def interpolate(self, first: Tensor, last: Tensor, steps: int, refine: int = 0, watch: Watch = unwatched) -> Tensor:
        """Return slices along the straight line between the latents of two slices (C, H, W): (steps, C, H, W)."""
        ends = self.encode(torch.stack([first, last]), refine, watch)
        weights = torch.linspace(0, 1, steps, device=self.device).view(-1, *[1] * (ends.ndim - 1))
        return self._decoded(ends[:1] * (1 - weights) + ends[1:] * weights)

    def encode(self, images: Tensor, refine: int = 0, watch: Watch = unwatched) -> Tensor:
        """Return the latents of slices (B, C, H, W).

        Args:
            images: Intensities.
            refine: So many gradient steps fit the latents (:func:`~tumorscope.inference.latent.fitted_latent`).
            watch: Told how far the fit is; may stop it.
        """
        image = to_model(images.to(self.device))
        with torch.no_grad():
            latent: Tensor = self.network.encode(image)[0]
        if not refine:
            return latent
        weights = ImageLoss.model_validate(self.bundle.manifest.training.recipe.get("loss") or {"l1": 1.0})
        return fitted_latent(self.network, latent, image, refine, weights, watch)

    @torch.no_grad()
    def _decoded(self, latent: Tensor) -> Tensor:
        return to_intensity(self.network.decode(latent)).cpu()

    @torch.no_grad()
    def paint(self, labels: Tensor, brain: Tensor, seed: int = 0, scheme: LabelScheme | None = None) -> Tensor:
        """Paint slices of one made patient, all in one style.

        Args:
            labels: Label values (Z, H, W) on the model's pixels.
            brain: Where the brain is, bool (Z, H, W).
            seed: Of the style.
            scheme: What the values mean; default that of the training.

        Returns:
            float32 (Z, C, H, W).
        """
        condition = condition_maps(labels, brain, scheme or self.scheme, self.names).to(self.device)
        style = self.network.draw(1, Generator().manual_seed(seed)).to(self.device)
        found = torch.zeros(len(labels), len(self.sequences), *labels.shape[1:])
        for part in torch.split(torch.nonzero(brain.flatten(1).any(dim=1)).flatten(), self.batch):
            made = self.network.decode(style.expand(len(part), -1), condition[part])
            found[part] = to_intensity(made.float()).cpu()
        return found

    def paint_volume(self, label: Image, brain: Image, seed: int = 0) -> dict[Sequence, Image]:
        """Paint a label map on its own grid.

        Args:
            label: Label map in the training's scheme.
            brain: Where the brain is, on the same grid; not 0.
            seed: Of the style.

        Returns:
            float32 images, 0 outside the brain.
        """
        spec = self.bundle.manifest.preprocess
        outline = brain.with_data((brain.data != 0).astype(np.float32))
        prepared = prepare(dict.fromkeys(self.sequences, outline), spec)
        labels = torch.from_numpy(prepare_label(label, prepared).astype(np.int64))
        inside = torch.from_numpy(prepared.array[:, 0] > 0.5 * float(prepared.array.max() or 1))
        painted = self.paint(labels, inside, seed).numpy()
        volumes = prepared.grid.restore(painted)
        return {
            sequence: label.with_data(np.where(outline.data > 0, np.clip(volume, 0, None), 0).astype(np.float32))
            for sequence, volume in zip(self.sequences, volumes, strict=True)
        }
