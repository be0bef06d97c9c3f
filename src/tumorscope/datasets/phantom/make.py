"""Phantom patients in memory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import BRATS
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom.acquire import acquire
from tumorscope.datasets.phantom.anatomy import place_brain, tissues
from tumorscope.datasets.phantom.glioma import choose_site, grow, push_tissue, seed_arrival
from tumorscope.datasets.phantom.grid import BRATS_SHAPE, Grid, Noise
from tumorscope.datasets.phantom.signal import Scene, compose, signal
from tumorscope.datasets.phantom.spec import PhantomSpec
from tumorscope.datasets.phantom.template import Template, load_template

Shape = tuple[int, int, int]
_DEFAULT = PhantomSpec()


def make_phantom(spec: PhantomSpec = _DEFAULT, *, shape: Shape | None = None, spacing: float = 1.0) -> Case:
    """Make a glioma patient with the four sequences and its reference label.

    The brain is nilearn's ICBM152 template, bent into an individual; the tumour has an irregular necrotic core, an
    enhancing rim of uneven thickness and oedema that follows white matter, and pushes its surroundings away. Tissue
    contrasts are medians of released BraTS cases. Nothing is downloaded.

    Args:
        spec: What the patient looks like.
        shape: Part of the grid, centred on the tumour; default the whole head.
        spacing: Voxel size in mm; a coarse grid (4 mm) is made in a fraction of a second.

    Returns:
        Case in memory: int16 images and uint8 label (BraTS values 1, 2, 4) on one LPS grid, by default 240×240×155
        at 1 mm; background exactly 0.

    Raises:
        UsageError: if shape or spacing is unusable, or the tumour's centre lies outside the brain.
    """
    images, label = _make(spec, shape, spacing, tumour=True)
    name = case_id(spec)
    grade = "HGG" if spec.enhancing else "LGG"
    return Case(id=name, patient=name, images=images, label=label, scheme=BRATS, grade=grade)


def healthy_phantom(spec: PhantomSpec = _DEFAULT, *, shape: Shape | None = None, spacing: float = 1.0) -> Case:
    """Make the same brain as :func:`make_phantom` before the tumour; the label is all zero."""
    images, label = _make(spec, shape, spacing, tumour=False)
    name = case_id(spec)
    return Case(id=f"{name}_healthy", patient=name, images=images, label=label, scheme=BRATS)


def case_id(spec: PhantomSpec) -> str:
    """Name of the patient: ``Phantom_`` and the seed."""
    return f"Phantom_{spec.seed:03d}"


def _make(
    spec: PhantomSpec, shape: Shape | None, spacing: float, *, tumour: bool
) -> tuple[dict[Sequence, Image | Path], Image]:
    if not 0.5 <= spacing <= 8 or (shape is not None and (len(shape) != 3 or min(shape) < 1)):
        raise UsageError(
            expected="a spacing from 0.5 to 8 mm and three positive sizes",
            found=f"spacing {spacing}, shape {shape}",
            fix="Choose another grid for the phantom",
        )
    template = load_template(0.0 if spacing < 1.5 else 0.4 * spacing)
    grid = _grid(shape, spacing, choose_site(spec, template).centre)
    head, where = grid.head()
    scene = _scene(spec, head, template, tumour)
    inside = scene.brain.inside
    images: dict[Sequence, Image | Path] = {}
    for sequence in Sequence:
        volume = np.zeros(grid.shape, dtype=np.int16)
        volume[where] = acquire(sequence, signal(sequence, scene), inside, head, scene.brain.noise, spec)
        images[sequence] = Image(volume, grid.affine)
    label = np.zeros(grid.shape, dtype=np.uint8)
    if scene.glioma is not None:
        label[where][inside] = scene.glioma.labels
    return images, Image(label, grid.affine)


def _scene(spec: PhantomSpec, grid: Grid, template: Template, tumour: bool) -> Scene:
    brain = place_brain(grid, Noise(spec.seed, grid), template)
    if not tumour:
        return compose(brain, tissues(brain, template, 0.0), None, template)
    site = choose_site(spec, template)
    squeezed = push_tissue(brain, site)
    tissue = tissues(brain, template, squeezed)
    glioma = grow(brain, tissue, site, spec, template, seed_arrival(site, spec.seed))
    return compose(brain, tissue, glioma, template)


def _grid(shape: Shape | None, spacing: float, centre: Array) -> Grid:
    """The whole BraTS field of view at ``spacing``, or ``shape`` voxels of it around ``centre``."""
    x, y, z = (math.ceil(n / spacing) for n in BRATS_SHAPE)
    if shape is None:
        return Grid((0.0, 0.0, 0.0), spacing, (x, y, z))
    first = [
        spacing * min(max(round(float(c) / spacing - n / 2), 0), max(whole - n, 0))
        for c, n, whole in zip(centre, shape, (x, y, z), strict=True)
    ]
    return Grid((first[0], first[1], first[2]), spacing, shape)
