"""Drawings of networks, made from the modules themselves (S1-06, S4-41): nothing is drawn by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, frame, new_figure
from tumorscope.networks import NETWORKS
from tumorscope.networks.structure import JUNCTIONS, Block, Structure, network_structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches per column and row, and half the size of a box in these units.
_COLUMN, _ROW = 1.12, 1.0
_HALF_WIDTH, _HALF_HEIGHT = 0.46, 0.37
#: Columns from a block to the next in another row: less than one, so that the drawing is legible at a page's width.
_ASIDE = 0.6
_ROLES = {"input": GREY, "down": BLUE, "same": GREEN, "up": ORANGE, "join": PURPLE}


@dataclass(frozen=True)
class _Place:
    """Column, row (counted downwards) and role of a block."""

    x: float
    y: float
    role: str


def network_figure(
    name: str,
    *,
    in_channels: int = 4,
    out_channels: int = 3,
    args: Mapping[str, Any] | None = None,
    size: int | None = None,
) -> Figure:
    """Draw a network of the registry: blocks with channels, size and layers, and who feeds whom.

    One row per size, the finest above; time runs to the right.

    Args:
        name: Key of :data:`~tumorscope.networks.NETWORKS`.
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        args: Its own keyword arguments.
        size: Height and width (and depth) of the input; default 256 for 2D, 128 for 3D.

    Raises:
        UsageError: for an unknown name, argument or value, or a size it cannot take.
    """
    structure = network_structure(name, in_channels, out_channels, args, size)
    sizes = sorted({block.size for block in structure.blocks}, reverse=True)
    places = _layout(structure.blocks, sizes)
    columns = max(place.x for place in places) + 1
    figure = new_figure(max(5.5, columns * _COLUMN + 0.9), len(sizes) * _ROW + 1.3)
    axes = figure.subplots()
    for index, block in enumerate(structure.blocks):
        for source in sorted(block.inputs):
            _arrow(axes, places, source, index)
    for index, (block, place) in enumerate(zip(structure.blocks, places, strict=True)):
        _box(axes, block, place, "input" if index == 0 else "")
    for row, extent in enumerate(sizes):
        axes.text(-0.62, row, "×".join(map(str, extent)), ha="right", va="center", fontsize=9.5, color=GREY)
    axes.set(xlim=(-1.35, columns - 0.4), ylim=(len(sizes) - 0.45, -0.75))
    axes.set_axis_off()
    frame(figure, f"{name}: {structure.parameters:,} parameters", _caption(structure))
    return figure


def _caption(structure: Structure) -> str:
    given = structure.blocks[0]
    shape = "×".join(map(str, (given.channels, *given.size)))
    text = f"Found by running the module on an input of {shape}. Bold: channels given on; below: layers with weights, "
    text += "pooling and joins. Rows: size. Blue: smaller than what it reads, orange: larger, green: equal."
    idle = structure.parameters - sum(block.parameters for block in structure.blocks)
    return f"{text} {idle:,} parameters work in training only." if idle else text


def _layout(blocks: list[Block], sizes: list[tuple[int, ...]]) -> list[_Place]:
    """Put each block into the row of its size, right of everything it reads, in the first free place."""
    places: list[_Place] = []
    for index, block in enumerate(blocks):
        sources = sorted(block.inputs)
        y = float(sizes.index(block.size))
        x = max((places[s].x + (1 if places[s].y == y else _ASIDE) for s in sources), default=0.0)
        for other in sorted(place.x for place in places if place.y == y):
            x = other + 1 if abs(other - x) < 1 else x
        read = [blocks[s].size for s in sources]
        role = "input" if index == 0 else "join" if _is_join(block) else _role(block.size, read)
        places.append(_Place(x, y, role))
    return places


def _role(size: tuple[int, ...], read: list[tuple[int, ...]]) -> str:
    if size < max(read):
        return "down"
    return "up" if size > min(read) else "same"


def _is_join(block: Block) -> bool:
    return not block.parameters and set(block.layers) <= {*JUNCTIONS.values(), "stack"}


def _box(axes: Axes, block: Block, place: _Place, word: str) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch

    colour = _ROLES[place.role]
    if place.role == "join":
        axes.add_patch(Circle((place.x, place.y), 0.2, facecolor="white", edgecolor=colour, linewidth=1.4, zorder=3))
        sign = {"sum": "+", "product": "×"}.get(next(iter(block.layers)), "∪")
        axes.text(place.x, place.y, sign, ha="center", va="center", fontsize=11, color=colour, zorder=4)
        return
    corner = (place.x - _HALF_WIDTH, place.y - _HALF_HEIGHT)
    patch = FancyBboxPatch(
        corner,
        2 * _HALF_WIDTH,
        2 * _HALF_HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="white",
        edgecolor=colour,
        linewidth=1.4,
        zorder=3,
    )
    axes.add_patch(patch)
    lines = [word] if word else [f"{n} {layer}" if n > 1 else layer for layer, n in block.layers.items()]
    if len(lines) > 3:
        lines = [*lines[:2], f"+ {len(lines) - 2} kinds"]
    axes.text(
        place.x,
        place.y - 0.22,
        f"{block.channels}",
        ha="center",
        va="center",
        fontsize=11,
        weight="bold",
        color=INK,
        zorder=4,
    )
    axes.text(place.x, place.y - 0.09, "\n".join(lines), ha="center", va="top", fontsize=7.8, color=INK, zorder=4)


def _arrow(axes: Axes, places: list[_Place], source: int, target: int) -> None:
    """Draw from one block to another; round blocks that lie between in one row."""
    start, end = places[source], places[target]
    half = {i: 0.2 if places[i].role == "join" else _HALF_WIDTH for i in (source, target)}
    between = any(p.y == start.y and start.x < p.x < end.x for p in places)
    style, a, b = "arc3,rad=0", (start.x + half[source], start.y), (end.x - half[target], end.y)
    if start.y == end.y and between:
        lift = _HALF_HEIGHT + 0.02
        a, b = (start.x + 0.15, start.y - lift), (end.x - 0.15, end.y - lift)
        style = f"arc3,rad={-0.32 / max(1.0, (end.x - start.x) ** 0.7):.3f}"
    elif start.y < end.y and end.x - start.x < 1.5:
        a, b = (start.x, start.y + _half_height(start)), (end.x - half[target], end.y)
        style = "angle,angleA=-90,angleB=180,rad=4"
    elif start.y > end.y and end.x - start.x < 1.5:
        a, b = (start.x + half[source], start.y), (end.x, end.y + _half_height(end))
        style = "angle,angleA=0,angleB=90,rad=4"
    skip = end.x - start.x > 1.5
    axes.annotate(
        "",
        xy=b,
        xytext=a,
        arrowprops={
            "arrowstyle": "-|>",
            "connectionstyle": style,
            "color": PURPLE if skip else GREY,
            "linewidth": 0.9,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 7,
        },
    )


def _half_height(place: _Place) -> float:
    return 0.2 if place.role == "join" else _HALF_HEIGHT


def _examples() -> dict[str, dict[str, object]]:
    return {name: {"name": name} for name in NETWORKS}


ENTRY = FigureEntry(
    title="Networks",
    section="diagrams",
    draw=network_figure,
    examples=_examples,
    caption="Every network of the registry with its default arguments, for four sequences and three regions.",
)
