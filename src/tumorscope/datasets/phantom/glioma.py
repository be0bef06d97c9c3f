"""The tumour: where it sits, how it pushes, and which voxels are core, rim and oedema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tumorscope.core.errors import UsageError
from tumorscope.core.image import Array
from tumorscope.core.labels import BRATS
from tumorscope.datasets.phantom.anatomy import Brain, Tissue, to_mni
from tumorscope.datasets.phantom.grid import Grid, Noise
from tumorscope.datasets.phantom.spec import LOBES, PhantomSpec
from tumorscope.datasets.phantom.spread import Arrival, arrival
from tumorscope.datasets.phantom.template import TO_MNI, Template, load_template, sample

_NCR, _ED, _ET = BRATS.values


@dataclass(frozen=True)
class Site:
    """Where a phantom's tumour starts and how large it has become.

    Attributes:
        centre: BraTS position in mm (3,).
        radius: Mean radius of the core in mm.
        reach: Arrival distance (see :mod:`spread`) up to which there is oedema, mm.
        push: Displacement of the core's surface in mm.
    """

    centre: Array
    radius: float
    reach: float
    push: float


@dataclass(frozen=True)
class Glioma:
    """Soft fractions (0-1) and hard labels at the brain's voxels, each (n,).

    Attributes:
        core: Everything inside the tumour's border.
        rim: Enhancing part of the core.
        oedema: How oedematous the tissue outside the core is.
        labels: uint8 in the BraTS scheme.
        enhancing: False for the low-grade look; then ``rim`` is zero.
    """

    core: Array
    rim: Array
    oedema: Array
    labels: Array
    enhancing: bool


def choose_site(spec: PhantomSpec, template: Template) -> Site:
    """Place the tumour as ``spec`` says; what it leaves open, the seed decides.

    Raises:
        UsageError: if ``spec.centre_mm`` lies outside the brain.
    """
    random = Noise(spec.seed, Grid()).generator("location")
    lobe = spec.lobe or str(random.choice(sorted(LOBES)))
    side = spec.hemisphere or str(random.choice(["left", "right"]))
    mni = np.array(LOBES[lobe]) + random.uniform(-4, 4, 3)
    mni[0] *= 1 if side == "right" else -1
    if spec.centre_mm is not None:
        mni = np.array(spec.centre_mm, dtype=np.float64)
    if sample(template.mask, mni[:, None].astype(np.float32))[0] < 0.9:
        raise UsageError(
            expected="centre_mm inside the brain (MNI mm)",
            found=f"{spec.centre_mm}",
            fix="Choose a point in white matter",
        )
    centre = np.linalg.solve(TO_MNI[:, :3], mni - TO_MNI[:, 3])
    spread = random.uniform(0.75, 1.2)
    radius = 0.5 * spec.size_mm * (0.12 + 0.88 * spec.growth)
    width = (7 + 32 * spec.growth) * spread if spec.enhancing else 2 + 6 * spec.growth * spread
    return Site(centre, radius, radius + width, spec.mass_effect * min(0.38 * radius + 0.06 * width, 12.0))


@lru_cache(maxsize=8)
def _arrival_from(centre: tuple[float, float, float], seed: int) -> Arrival:
    point = Grid(centre, 1.0, (1, 1, 1))
    mni = to_mni(point, Noise(seed, point))[:, 0, 0, 0].astype(np.float64)
    return arrival(load_template(), mni)


def seed_arrival(site: Site, seed: int) -> Arrival:
    """Arrival distances from the template point that lies at the site's centre in this individual.

    The last few are kept: they depend neither on growth nor on the grid.
    """
    x, y, z = (float(v) for v in site.centre)
    return _arrival_from((x, y, z), seed)


def push_tissue(brain: Brain, site: Site) -> Array:
    """Apply the mass effect to ``brain.mni`` in place: tissue moves radially away from the core, nothing at the skull.

    Returns:
        0-1, how far sulci and ventricles are pressed shut (n,).
    """
    offset = brain.position - site.centre[:, None].astype(np.float32)
    distance = np.sqrt((offset**2).sum(axis=0))
    beyond = np.maximum(distance - site.radius, 0)
    width = 20 + 0.5 * site.radius
    pull = site.push * np.exp(-((beyond / width) ** 2)) * (1 - np.exp(-brain.depth / 9))
    factor = -pull / np.maximum(distance, site.radius)
    brain.mni += TO_MNI[:, :3] @ (offset * factor)
    return np.asarray(np.exp(-((beyond / (3 + 0.45 * site.radius)) ** 2)) * min(site.push / 6, 1.0), dtype=np.float32)


def core_level(brain: Brain, site: Site, spec: PhantomSpec, travelled: Array, lakes: Array) -> Array:
    """Irregular distance from the centre in mm; the core is where it is below the radius."""
    draw = brain.draw
    random = Noise(spec.seed, Grid()).generator("shape")
    offset = (brain.position - site.centre[:, None].astype(np.float32)).astype(np.float32)
    axes, _ = np.linalg.qr(random.standard_normal((3, 3)))
    stretch = np.array([1.0, random.uniform(0.85, 1.0), random.uniform(1.05, 1.25)])
    distance = np.sqrt((((axes * stretch).T.astype(np.float32) @ offset) ** 2).sum(axis=0))
    lobule = random.standard_normal(3)
    lobule *= 0.22 * spec.size_mm / np.linalg.norm(lobule)
    second = np.sqrt(((offset - lobule[:, None].astype(np.float32)) ** 2).sum(axis=0)) + 0.14 * spec.size_mm
    distance = np.minimum(distance, second)
    uneven = 4.2 * draw("core", 9) + 1.6 * draw("core-fine", 4)
    level = distance + uneven * distance / (distance + 9)
    level += 0.3 * np.maximum(travelled - 1.7 * distance, 0)  # grey matter, fluid and falx hold it up
    level += 40 * np.maximum(lakes - 0.45, 0) + 0.8 * np.maximum(4 - brain.depth, 0)
    return np.asarray(level, dtype=np.float32)


def _step(distance: Array, edge: float) -> Array:
    """Partial volume: 0 far below, 1 far above zero, in ``edge`` mm."""
    return np.asarray(1 / (1 + np.exp(-np.clip(distance / edge, -30, 30))), dtype=np.float32)


def _rim(brain: Brain, site: Site, level: Array) -> Array:
    """Enhancing fraction: a wall of uneven thickness, here nodular, there open, with a few strands inside."""
    draw = brain.draw
    nodular = draw("rim-nodular", 8)
    thickness = 2.9 + 1.3 * draw("rim", 6) + 0.7 * draw("rim-fine", 3) + 4 * np.maximum(nodular - 0.9, 0)
    thickness = np.clip(thickness * min(1.0, 0.35 + site.radius / 20), 1.0, 9)
    wall = _step(level - (site.radius - thickness), 0.55)
    wall *= _step(draw("rim-gap", 5) + 1.75, 0.12)
    strand = 0.8 * np.exp(-((draw("septa", 6) / 0.10) ** 2)) * _step(draw("septa-where", 10) - 0.35, 0.15)
    return np.maximum(wall, strand)


def grow(brain: Brain, tissue: Tissue, site: Site, spec: PhantomSpec, template: Template, paths: Arrival) -> Glioma:
    """Decide for every voxel how much of it is core, rim and oedema."""
    draw = brain.draw
    travelled = paths.at(brain.mni)
    level = core_level(brain, site, spec, travelled, sample(template.lakes, brain.mni))
    core = _step(site.radius - level, 0.7 if spec.enhancing else 1.6)
    rim = _rim(brain, site, level) if spec.enhancing else np.zeros_like(core)
    ragged = 5.0 * draw("oedema", 9) + 2.2 * draw("oedema-fine", 3.5)
    wet = _step(site.reach - travelled - ragged * np.minimum(travelled / 15, 1), 1.6)
    near = _step(site.radius + 3.0 - level, 1.0)
    oedema = wet * (tissue.wm + (0.10 + 0.4 * near) * tissue.gm)
    return Glioma(core, rim, oedema, _outline(brain.inside, core, rim, oedema), spec.enhancing)


def _outline(inside: Array, core: Array, rim: Array, oedema: Array) -> Array:
    """Draw the labels as a reader would: what is visibly bright belongs to it, islands do not. uint8 (n,)."""
    from scipy.ndimage import gaussian_filter

    wet = np.zeros(inside.shape, dtype=np.float32)
    wet[inside] = np.maximum(oedema, core)
    labels = np.where(_without_islands(gaussian_filter(wet, 0.7, truncate=3.0) > 0.42)[inside], _ED, 0)
    solid = np.zeros(inside.shape, dtype=bool)
    solid[inside] = core > 0.4
    solid = _without_islands(solid)
    return np.where(solid[inside], np.where(rim > 0.4, _ET, _NCR), labels).astype(np.uint8)


def _without_islands(mask: Array) -> Array:
    """Drop the 6-connected components smaller than 1 % of the largest."""
    from scipy.ndimage import label

    parts, count = label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= 0.01 * sizes.max())[parts] & mask)
