"""A figure of the registry: the function that draws it, and what the gallery and the tests show with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Section = Literal["charts", "pictures", "diagrams"]


@dataclass(frozen=True, kw_only=True)
class FigureEntry:
    """One figure of :data:`tumorscope.figures.FIGURES`.

    Attributes:
        title: Heading in the gallery.
        section: Part of the gallery. Axes of ``charts`` have names for what they show.
        draw: Function returning a new Figure; it changes neither its arguments nor pyplot's state.
        examples: Returns name → keyword arguments of ``draw``; ``""`` names an only example. Phantom or aggregate
            numbers, never a patient's picture.
        caption: What the examples show and where their numbers come from.
    """

    title: str
    section: Section
    draw: Callable[..., Figure]
    examples: Callable[[], Mapping[str, Mapping[str, Any]]]
    caption: str

    @property
    def path(self) -> str:
        """Where the function lives: ``tumorscope.figures.curves.curve_figure``."""
        return f"{self.draw.__module__}.{self.draw.__qualname__}"
