"""What a phantom patient shall look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tumorscope.core.errors import UsageError

#: Lobe → MNI mm of a white-matter point in its right half (mirrored for the left).
LOBES: dict[str, tuple[float, float, float]] = {
    "frontal": (27.0, 30.0, 22.0),
    "parietal": (28.0, -42.0, 36.0),
    "temporal": (45.0, -22.0, -10.0),
    "occipital": (28.0, -74.0, 8.0),
    "insular": (36.0, 2.0, 8.0),
}


@dataclass(frozen=True)
class PhantomSpec:
    """Everything that decides a phantom; equal specs give equal voxels.

    Attributes:
        seed: Of all randomness, anatomy included: another seed is another patient.
        growth: How far the tumour has grown, 0 (smallest) to 1.
        size_mm: Mean diameter of the tumour core (without oedema) at growth 1, in mm.
        hemisphere: Side of the tumour; None: the seed decides.
        lobe: A key of :data:`LOBES`; None: the seed decides.
        centre_mm: Exact tumour centre in MNI mm (RAS+), instead of hemisphere and lobe.
        noise: Standard deviation of the Rician noise in T1 as a fraction of white matter; other sequences follow.
        bias: Standard deviation of the logarithm of the smooth bias field.
        mass_effect: 0 none, 1 typical, 2 strong: how far tissue, ventricles and midline are pushed away.
        enhancing: False gives a low-grade look: no enhancing rim, no necrosis, little oedema.
    """

    seed: int = 0
    growth: float = 0.6
    size_mm: float = 52.0
    hemisphere: Literal["left", "right"] | None = None
    lobe: Literal["frontal", "parietal", "temporal", "occipital", "insular"] | None = None
    centre_mm: tuple[float, float, float] | None = None
    noise: float = 0.025
    bias: float = 0.1
    mass_effect: float = 1.0
    enhancing: bool = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: naming the first value out of its range.
        """
        ranges = {
            "seed": (0, 2**32 - 1),
            "growth": (0, 1),
            "size_mm": (10, 90),
            "noise": (0, 0.5),
            "bias": (0, 0.5),
            "mass_effect": (0, 2),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(
                    expected=f"{name} from {low} to {high}",
                    found=f"{value}",
                    fix=f"Choose another {name} for the phantom",
                )
        for name, value, known in (
            ("hemisphere", self.hemisphere, ("left", "right")),
            ("lobe", self.lobe, tuple(LOBES)),
        ):
            if value is not None and value not in known:
                raise UsageError(
                    expected=f"{name} {', '.join(known)}", found=f"'{value}'", fix=f"Choose a known {name}"
                )
