"""What each tissue shows in each sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom.anatomy import Brain, Tissue, ellipsoid
from tumorscope.datasets.phantom.glioma import Glioma
from tumorscope.datasets.phantom.template import Template, sample


@dataclass(frozen=True)
class Contrast:
    """Signal relative to white matter (medians of 30 released BraTS cases) and how the sequence is acquired.

    Attributes:
        gm, csf, oedema, core, rim, solid: Tissues; ``solid`` is the core of a non-enhancing tumour.
        vessel, dura, plexus: Added signal of vessels, dura and choroid plexus.
        caps: Added signal of the white matter that lines the ventricles.
        white: int16 value of white matter.
        slice_mm: Slice thickness.
        noise: Noise relative to that of T1.
    """

    gm: float
    csf: float
    oedema: float
    core: float
    rim: float
    solid: float
    vessel: float
    dura: float
    plexus: float
    caps: float
    white: float
    slice_mm: float
    noise: float


CONTRASTS = {
    Sequence.T1: Contrast(0.80, 0.30, 0.82, 0.60, 0.82, 0.70, -0.1, 0.05, 0.3, -0.03, 420, 1.0, 1.0),
    Sequence.T1CE: Contrast(0.86, 0.32, 0.81, 0.58, 1.68, 0.72, 2.4, 1.5, 1.7, -0.03, 420, 1.0, 1.6),
    Sequence.T2: Contrast(1.15, 3.5, 1.9, 2.65, 1.85, 2.15, -0.7, -0.3, -0.8, 0.15, 350, 3.0, 3.0),
    Sequence.FLAIR: Contrast(1.15, 0.25, 1.85, 1.50, 1.72, 1.80, 0.0, 0.05, 0.9, 0.45, 200, 3.0, 3.0),
}


@dataclass(frozen=True)
class Extras:
    """Small structures at the brain's voxels, fractions 0-1, each (n,)."""

    vessel: Array
    dura: Array
    plexus: Array
    caps: Array
    iron: Array
    void: Array


def small_structures(brain: Brain, tissue: Tissue, template: Template) -> Extras:
    """Vessels, sinus, dura, choroid plexus, periventricular caps, iron-rich pallidum, signal lost at the surface."""
    mni, draw = brain.mni, brain.draw
    ventricles = ellipsoid(mni, (14, -8, 12), (26, 62, 30), 0.2)
    tube = np.hypot(draw("vessel-a", 5), draw("vessel-b", 5))
    vessel = (
        np.clip(1.4 - tube / 0.17, 0, 1) * np.clip(3 * tissue.csf + 0.6 * (brain.depth < 7), 0, 1) * (1 - ventricles)
    )
    sinus = ellipsoid(mni, (0, -70, 20), (4, 60, 60), 0.5) * np.clip((4 - brain.depth) / 2, 0, 1) * (mni[1] < 10)
    falx = np.exp(-((mni[0] / 1.2) ** 2)) * np.clip(2 * tissue.csf, 0, 1) * (mni[2] > 5) * (1 - ventricles)
    plexus = ellipsoid(mni, (23, -42, 9), (5, 9, 7), 0.6) * np.clip(2 * tissue.csf - 0.6, 0, 1)
    plexus *= np.clip(1 + draw("plexus", 2), 0, 1)
    caps = tissue.wm * ventricles * np.clip(3 * sample(template.lakes, mni) - 0.15, 0, 1)
    iron = ellipsoid(mni, (19, -4, -1), (6, 10, 6), 0.8)
    patches = draw("surface-patches", 7)
    dura = falx * (0.5 + 0.5 * np.abs(draw("falx", 4)))
    dura = np.maximum(dura, np.clip(2.2 - brain.depth, 0, 1) * np.clip(1.2 * patches - 0.7, 0, 1.4))
    void = np.clip(1.8 - brain.depth, 0, 1) * np.clip(0.7 - patches, 0, 1)
    return Extras(np.maximum(vessel, sinus), dura, plexus, caps, iron, void)


@dataclass(frozen=True)
class Scene:
    """Everything a scanner could see: tissues, small structures, tumour, and texture shared by the sequences.

    Attributes:
        grain: Texture of healthy tissue, around 1, (n,).
        coarse, patchy: Texture of oedema and core, standard normal, (n,).
        uneven: Uneven enhancement, standard normal, (n,).
    """

    brain: Brain
    tissue: Tissue
    extras: Extras
    glioma: Glioma | None
    grain: Array
    coarse: Array
    patchy: Array
    uneven: Array


def compose(brain: Brain, tissue: Tissue, glioma: Glioma | None, template: Template) -> Scene:
    """Add small structures and texture to tissues and tumour."""
    draw = brain.draw
    return Scene(
        brain,
        tissue,
        small_structures(brain, tissue, template),
        glioma,
        grain=1 + 0.018 * draw("texture", 6) + 0.04 * draw("texture-wide", 14),
        coarse=draw("tumour-coarse", 7),
        patchy=draw("tumour", 3),
        uneven=draw("rim-strength", 5),
    )


def signal(sequence: Sequence, scene: Scene) -> Array:
    """Noise-free signal of ``sequence`` relative to white matter, float32 (n,)."""
    look, tissue, extras = CONTRASTS[sequence], scene.tissue, scene.extras
    fine = scene.brain.draw(f"texture-{sequence}", 2)
    total = (tissue.wm + look.gm * tissue.gm + look.csf * tissue.csf) * (scene.grain + 0.015 * fine)
    total += look.caps * extras.caps + look.plexus * extras.plexus
    if sequence in (Sequence.T2, Sequence.FLAIR):
        total *= 1 - 0.15 * extras.iron
    small = look.vessel * extras.vessel + look.dura * extras.dura
    if scene.glioma is not None:
        total = _with_tumour(look, total, fine, scene, scene.glioma)
        small *= 1 - scene.glioma.core
    return np.asarray(np.maximum((total + small) * (1 - 0.85 * extras.void), 0.05), dtype=np.float32)


def _with_tumour(look: Contrast, healthy: Array, fine: Array, scene: Scene, glioma: Glioma) -> Array:
    """Mix oedema, core and rim into ``healthy`` by their fractions."""
    coarse, patchy = scene.coarse, scene.patchy
    wet = 1 + (look.oedema - 1) * (1 + 0.14 * coarse + 0.08 * patchy + 0.04 * fine)
    mixed = healthy + glioma.oedema * (wet - healthy)
    base, texture = (look.core, 1.0) if glioma.enhancing else (look.solid, 0.6)
    core = base * (1 + texture * (0.09 * coarse + 0.10 * patchy + 0.04 * fine))
    rim = look.rim * (1 + 0.16 * scene.uneven + 0.08 * patchy + 0.04 * fine)
    core += glioma.rim * (rim - core)
    return np.asarray(mixed + glioma.core * (core - mixed))
