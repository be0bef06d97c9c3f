"""Made slices on one sheet, each marked as synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Rows
from typing import TYPE_CHECKING

from tumorscope.core.image import Array
from tumorscope.figures.canvas import INK, canvas, heading, put

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARK = "SYNTHETIC"
#: Colour of the mark.
_AMBER = "#ffcf7a"


def synthetic_sheet(made: Rows[Mapping[str, Array]], title: str, across: int = 4) -> Figure:
    """Draw made slices, the sequences of one slice beside one another; every picture says that it is synthetic.

    Args:
        made: Per slice its sequences by name, each (rows, columns), 0 black and 1 white.
        title: Above them.
        across: Slices per row.
    """
    across = min(across, len(made))
    names = list(made[0])
    height, width = made[0][names[0]].shape
    lines = -(-len(made) // across)
    sizes = [(float(width), float(height))] * (across * len(names))
    figure, grid = canvas(lines, sizes, title=title, note="No picture shows a patient.", row_inches=1.9)
    for number, one in enumerate(made):
        for place, name in enumerate(names):
            axes = figure.add_subplot(grid[number // across, number % across * len(names) + place])
            axes.imshow(one[name], cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
            axes.axis("off")
            heading(axes, name if place else f"{number + 1}  {name}", fontsize=8, color=INK)
            put(axes, 0.5, 0.02, MARK, color=_AMBER, fontsize=8, weight="bold")
    return figure
