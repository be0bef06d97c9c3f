"""One set of checks for every figure of the registry."""

from __future__ import annotations

import copy
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from tumorscope.core.image import Image
from tumorscope.figures import FIGURES
from tumorscope.figures.entry import FigureEntry

DOCS = Path(__file__).parents[2] / "docs"
GALLERY = runpy.run_path(str(DOCS / "make_gallery.py"))


@pytest.fixture(scope="module", params=FIGURES)
def named(request: pytest.FixtureRequest) -> tuple[str, FigureEntry]:
    name: str = request.param
    return name, FIGURES.load(name)


@pytest.fixture(scope="module")
def entry(named: tuple[str, FigureEntry]) -> FigureEntry:
    return named[1]


@pytest.fixture(scope="module")
def drawn(entry: FigureEntry) -> dict[str, Figure]:
    """Draw every example once; drawing is what takes the time."""
    figures = {}
    for name, arguments in entry.examples().items():
        before = [copy.copy(a) for a in arrays(arguments)]
        figures[name] = entry.draw(**arguments)
        figures[name].canvas.draw()
        pairs = zip(before, arrays(arguments), strict=True)
        unchanged = all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)
        assert unchanged, "the figure changed its arguments"
    return figures


def arrays(value: Any) -> list[np.ndarray]:
    """Return every array somewhere in ``value``."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, Image):
        return [value.data]
    if isinstance(value, Mapping):
        return [a for v in value.values() for a in arrays(v)]
    if isinstance(value, list | tuple):
        return [a for v in value for a in arrays(v)]
    if isinstance(value, str | type):
        return []
    return [a for v in vars(value).values() for a in arrays(v)] if hasattr(value, "__dict__") else []


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Return the visible texts of a drawn figure outside of tick labels, with their boxes in pixels."""
    found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    ticks = {id(t) for a in figure.axes for t in (*a.get_xticklabels(which="both"), *a.get_yticklabels(which="both"))}
    ticks |= {id(axis.offsetText) for a in figure.axes for axis in (a.xaxis, a.yaxis)}
    return [(t.get_text(), t.get_window_extent()) for t in found if id(t) not in ticks]


def shows_data(axes: Axes) -> bool:
    return bool(axes.lines or axes.patches or axes.collections or axes.images) and axes.axison


class TestEveryFigure:
    def test_is_a_figure_with_its_own_canvas(self, entry: FigureEntry, drawn: dict[str, Figure]) -> None:
        from matplotlib import pyplot

        assert drawn
        for figure in drawn.values():
            assert isinstance(figure, Figure)
            assert figure.axes
            assert figure.canvas.__class__.__name__ == "FigureCanvasAgg"
        assert pyplot.get_fignums() == []

    def test_is_described(self, named: tuple[str, FigureEntry]) -> None:
        name, entry = named
        assert name == name.lower() and " " not in name
        assert entry.title and entry.caption.endswith(".")
        assert entry.draw.__doc__ and "Args:" in entry.draw.__doc__
        assert entry.path.startswith("tumorscope.figures.")

    def test_has_pixels_and_is_drawn_alike_twice(self, entry: FigureEntry, drawn: dict[str, Figure]) -> None:
        for figure in drawn.values():
            pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
            assert pixels[..., :3].std() > 1
        name, arguments = next(iter(entry.examples().items()))
        again = entry.draw(**arguments)
        again.canvas.draw()
        assert np.array_equal(again.canvas.buffer_rgba(), drawn[name].canvas.buffer_rgba())  # type: ignore[attr-defined]

    def test_no_text_is_cut_off(self, drawn: dict[str, Figure]) -> None:
        for figure in drawn.values():
            width, height = figure.bbox.size
            for text, box in texts(figure):
                inside = box.x0 >= -2 and box.y0 >= -2 and box.x1 <= width + 2 and box.y1 <= height + 2
                assert inside, f"'{text}' runs out of the figure"

    def test_no_two_texts_lie_on_one_another(self, drawn: dict[str, Figure]) -> None:
        for figure in drawn.values():
            every = texts(figure)
            for index, (first, box) in enumerate(every):
                for second, other in every[index + 1 :]:
                    shared = Bbox.intersection(box.padded(-1.5), other.padded(-1.5))
                    assert shared is None or shared.width * shared.height < 4, f"'{first}' lies on '{second}'"

    def test_axes_of_charts_have_names(self, entry: FigureEntry, drawn: dict[str, Figure]) -> None:
        if entry.section != "charts":
            pytest.skip("no chart")
        for figure in drawn.values():
            for axes in filter(shows_data, figure.axes):
                for axis in (axes.xaxis, axes.yaxis):
                    named = any(t.get_text() for t in axis.get_ticklabels()) and not _numbers(axis)
                    assert axis.get_label_text() or named or not axis.get_visible(), "an axis without a name"

    def test_is_in_the_gallery(self, named: tuple[str, FigureEntry], drawn: dict[str, Figure]) -> None:
        name, entry = named
        page = (DOCS / "gallery.md").read_text(encoding="utf-8")
        assert f"### {entry.title}\n\n`{entry.path}`" in page, "run python docs/make_gallery.py"
        for example in drawn.keys() - {"tiny"}:  # which other tests register
            path = DOCS / "gallery" / GALLERY["file_name"](name, example)
            assert f"(gallery/{path.name})" in page
            assert path.stat().st_size <= GALLERY["MOST_BYTES"]


def _numbers(axis: Any) -> bool:
    """Whether the tick labels are numbers and so need the name of what is counted."""
    labels = [t.get_text().replace("\N{MINUS SIGN}", "-") for t in axis.get_ticklabels() if t.get_text()]
    return any(label.strip("0123456789.-%k×") == "" or "\\math" in label for label in labels)


def test_an_unknown_figure_names_the_nearest() -> None:
    from tumorscope.core.errors import UsageError

    with pytest.raises(UsageError, match="Did you mean 'curves'"):
        FIGURES.load("curvs")


def test_the_gallery_stays_small() -> None:
    pictures = list((DOCS / "gallery").glob("*.png"))
    assert sum(p.stat().st_size for p in pictures) < 4_000_000
