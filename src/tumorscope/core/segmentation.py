"""The result for one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme, label_values


@dataclass
class Segmentation:
    """A label map and its probabilities, in the input's own grid.

    Attributes:
        labels: uint8 label values of ``scheme``, in the grid of the input.
        scheme: What the values mean.
        probabilities: Region or class name → float32 Image in [0, 1], same grid; empty when not kept.
    """

    labels: Image
    scheme: LabelScheme
    probabilities: Mapping[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that labels are known and probabilities lie on the same grid.

        Raises:
            LabelError: if a value is not in the scheme.
            GeometryError: if a probability map has another grid.
        """
        self.scheme.check(label_values(self.labels.data))
        for name, image in self.probabilities.items():
            if not image.same_grid(self.labels):
                raise GeometryError(
                    expected="probability maps on the grid of the labels",
                    found=f"'{name}' with shape {image.shape}",
                    fix="Resample it to the labels' grid",
                )

    def region(self, name: str) -> Array:
        """Return the boolean mask (x, y, z) of a region or class of the scheme."""
        return self.scheme.mask(self.labels.data, name)
