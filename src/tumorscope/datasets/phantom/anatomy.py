"""The patient's brain: the template bent into an individual with crisp folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.image import Array
from tumorscope.datasets.phantom.grid import Grid, Noise
from tumorscope.datasets.phantom.template import TO_MNI, Template, sample

# Middle of the brain in the BraTS grid, mm; sulci point to it.
_MIDDLE = np.array([[119.0], [130.0], [70.0]], dtype=np.float32)


@dataclass
class Brain:
    """The voxels of one brain; n of them, in the order of ``inside``.

    Attributes:
        inside: Brain mask, bool, shape of the grid.
        position: BraTS position in mm, float32 (3, n).
        mni: MNI mm of the tissue found there, float32 (3, n); mass effect changes it.
        depth: Distance below the brain's surface in mm, (n,).
        noise: Random fields of the phantom.
    """

    inside: Array
    position: Array
    mni: Array
    depth: Array
    noise: Noise

    def draw(self, name: str, scale: float) -> Array:
        """Smooth random field (see :meth:`Noise.field`) at the brain's voxels, float32 (n,)."""
        return self.noise.field(name, scale)[self.inside]


@dataclass
class Tissue:
    """Fractions of white matter, grey matter and fluid at the brain's voxels; they sum to 1. Each float32 (n,)."""

    wm: Array
    gm: Array
    csf: Array


def to_mni(grid: Grid, noise: Noise) -> Array:
    """MNI mm of every voxel of ``grid`` under the affine and the individual's large-scale shape, (3, x, y, z)."""
    x, y, z = grid.axis(0)[:, None, None], grid.axis(1)[None, :, None], grid.axis(2)[None, None, :]
    mni = np.empty((3, *grid.shape), dtype=np.float32)
    for k in range(3):
        a, b, c, d = TO_MNI[k]
        np.add(a * x + b * y, c * z + d, out=mni[k])
        mni[k] += 1.8 * noise.field(f"shape-{k}", 28)
    return mni


def place_brain(grid: Grid, noise: Noise, template: Template) -> Brain:
    """Find the brain's voxels in ``grid`` and the template point of each (before any mass effect)."""
    mni = to_mni(grid, noise)
    surface = sample(template.mask, mni.reshape(3, -1)).reshape(grid.shape)
    rough = 0.15 * noise.field("surface", 5) + 0.08 * noise.field("surface-fine", 2)
    inside = surface + np.clip(rough, -0.3, 0.3) > 0.5

    def draw(name: str, scale: float) -> Array:
        return noise.field(name, scale)[inside]

    points = mni[:, inside]
    depth = sample(template.depth, points)
    deep = np.clip(depth / 10, 0, 1)
    for k in range(3):
        points[k] += deep * (1.3 * draw(f"gyri-{k}", 9) + 0.5 * draw(f"gyri-fine-{k}", 4.5))
    position = np.stack([grid.axis(k)[index] for k, index in enumerate(np.nonzero(inside))])
    return Brain(inside, position, points, depth, noise)


def ellipsoid(mni: Array, centre: tuple[float, float, float], radii: tuple[float, float, float], edge: float) -> Array:
    """Soft ellipsoid in both hemispheres: 1 inside, 0 outside, ``edge`` is the transition in units of the radius."""
    x, y, z = np.abs(mni[0]) - centre[0], mni[1] - centre[1], mni[2] - centre[2]
    radius = np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2)
    return np.asarray(np.clip(0.5 - (radius - 1) / edge, 0, 1), dtype=np.float32)


def tissues(brain: Brain, template: Template, squeezed: Array | float) -> Tissue:
    """Turn the template's blurred probabilities into one person's sharp tissues.

    In the cortex the probabilities are sharpened, disturbed by random fields and folded anew where the template
    is an average of many people; basal ganglia, thalamus and brain stem keep the template's mixture.

    Args:
        brain: Its voxels.
        template: The template's maps.
        squeezed: 0-1, how far sulci and ventricles are pressed shut (n,).
    """
    mni, draw = brain.mni, brain.draw
    wm, gm, csf = (sample(volume, mni) for volume in (template.wm, template.gm, template.csf))
    deep = np.maximum(ellipsoid(mni, (16, -10, 4), (24, 30, 20), 0.4), ellipsoid(mni, (0, -26, -26), (17, 19, 28), 0.4))
    cortex = 1 - deep
    sharp = 1 + 1.6 * cortex
    logits = [
        sharp * np.log(wm + 0.01) + cortex * (0.9 * draw("wm", 4) + 0.5 * draw("wm-fine", 2.2)),
        sharp * np.log(gm + 0.01),
        sharp * np.log(csf + 0.01) + cortex * (0.8 * draw("csf", 6) + 0.6 * draw("csf-fine", 3) + 0.8) - 2.5 * squeezed,
    ]
    highest = np.maximum(np.maximum(logits[0], logits[1]), logits[2])
    parts = [np.exp(x - highest) for x in logits]
    total = parts[0] + parts[1] + parts[2]
    tissue = Tissue(*(x / total for x in parts))
    _fold_cortex(tissue, brain, gm, cortex, squeezed)
    return tissue


def _fold_cortex(tissue: Tissue, brain: Brain, gm: Array, cortex: Array, squeezed: Array | float) -> None:
    """Add the person's own sulci and the cerebellar folia: sheets of fluid lined with grey matter. Works in place."""
    mni, draw, depth = brain.mni, brain.draw, brain.depth
    cerebellum = ellipsoid(mni, (0, -62, -34), (56, 38, 26), 0.2)
    sheet = _sulcal_sheets(brain)
    where = np.clip((26 - depth) / 12, 0, 1) * cortex * (1 - cerebellum)
    angle = np.arctan2(mni[2] + 30, mni[1] + 42)
    folia = np.cos(38 * angle + 1.3 * draw("folia", 9) + 0.5 * draw("folia-fine", 4))
    folia *= cerebellum * np.clip((16 - depth) / 4, 0, 1)
    lining = where * np.clip(6 * gm * (1 - gm), 0, 1) * np.exp(-((sheet / 0.40) ** 2))
    lining = np.maximum(lining, 0.6 * cerebellum * np.clip(folia, 0, 1))
    ribbon = np.clip(1.5 * gm - 0.2, 0, 1)
    fluid = ribbon * (0.7 * where * np.exp(-((sheet / 0.15) ** 2)) + 0.5 * np.clip(folia - 0.35, 0, 1))
    fluid = np.clip(fluid * (1 - 0.9 * squeezed), 0, 1)
    tissue.gm += tissue.wm * lining
    tissue.wm *= 1 - lining
    tissue.csf += (1 - tissue.csf) * fluid
    tissue.wm *= 1 - fluid
    tissue.gm *= 1 - fluid
    total = tissue.wm + tissue.gm + tissue.csf
    for name in ("wm", "gm", "csf"):
        setattr(tissue, name, getattr(tissue, name) / total)


def _sulcal_sheets(brain: Brain) -> Array:
    """Zero on sheets that stand upright on the brain's surface, as sulci do; about 1 half-way between two. (n,)."""
    near = brain.depth < 27
    offset = brain.position[:, near] - _MIDDLE
    radius = np.sqrt((offset**2).sum(axis=0))
    upright = _MIDDLE + offset * (0.25 + 0.75 * 70 / np.maximum(radius, 20))
    sheet = np.full(near.shape, 3, dtype=np.float32)
    first, second = (brain.noise.at(name, scale, upright) for name, scale in (("sulci", 7), ("sulci-2", 9)))
    sheet[near] = np.minimum(np.abs(first), 1.15 * np.abs(second))
    return sheet
