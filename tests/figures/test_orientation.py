"""Left is left: every picture of the registry shows a lopsided head alike, whatever the file's axes."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import numpy as np
import pytest
from lopsided_head import LESION, SHAPE, SPACING, lopsided
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tumorscope.figures import FIGURES
from tumorscope.figures.stage import Stage
from tumorscope.figures.three_planes import planes_figure

OPPOSITE = {"R": "L", "A": "P", "S": "I"}


def _first(name: str) -> str:
    return next(iter(inspect.signature(FIGURES.load(name).draw).parameters), "")


PICTURES = [
    name for name in FIGURES if FIGURES.load(name).section == "pictures" and _first(name) in ("study", "studies")
]


@cache
def _drawn(name: str, codes: str) -> Figure:
    study = lopsided(codes)
    figure: Figure = FIGURES.load(name).draw([study] if _first(name) == "studies" else study)
    if name.startswith("nilearn"):
        figure.canvas.draw()  # nilearn places its panels then
    else:
        for axes in figure.axes:
            axes.apply_aspect()
    return figure


def _panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.images and abs(axes.get_xlim()[0]) < 1000]  # not nilearn's frame


def _grey(axes: Axes) -> tuple[np.ndarray, Any] | None:
    """Return the scan in a panel and its picture, where it shows the bright lesion."""
    for image in axes.images:
        values = _values(image)
        if values.ndim == 2 and values.max() > 700:
            return values, image
    return None


def _place(axes: Axes, image: Any, shape: tuple[int, ...], row: float, column: float) -> np.ndarray:
    """Return where a place in a picture (in its pixels, from the corner) is, in pixels of the figure."""
    left, right, bottom, top = image.get_extent()
    first, last = (top, bottom) if image.origin == "upper" else (bottom, top)
    x, y = left + column / shape[1] * (right - left), first + row / shape[0] * (last - first)
    return np.asarray(axes.transData.transform((x, y)))


def _lesion_from_centre(axes: Axes) -> np.ndarray | None:
    """Return the way from the middle of the head to the lesion in pixels of the figure; None without a lesion."""
    found = _grey(axes)
    if found is None:
        return None
    values, image = found
    rows, columns = np.nonzero(values > 700)
    lesion = _place(axes, image, values.shape, rows.mean() + 0.5, columns.mean() + 0.5)
    rows, columns = np.nonzero(values > 20)
    middle = (rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2
    return lesion - _place(axes, image, values.shape, *middle)


def _letters(axes: Axes) -> dict[str, np.ndarray]:
    found = {t.get_text(): t for t in axes.texts if t.get_text() in "RLAPSI" and t.get_text()}
    return {letter: np.asarray(t.get_transform().transform(t.get_position())) for letter, t in found.items()}


@pytest.mark.parametrize("name", PICTURES)
def test_the_lesion_lies_at_its_own_letters(name: str) -> None:
    """The lesion is right, in front and above: nearer to R, A and S than the middle of the head is."""
    checked = 0
    for axes in _panels(_drawn(name, "LPS")):
        way, letters = _lesion_from_centre(axes), _letters(axes)
        for letter, other in OPPOSITE.items():
            if way is None or letter not in letters or other not in letters:
                continue
            towards = letters[letter] - letters[other]
            assert towards @ way > 0, f"{letter} and {other} are swapped"
            checked += 1
    if name not in ("one-hot", "montage", "segmentation-montage", "nilearn-roi"):  # these have no grey panel with marks
        assert checked >= 2


@pytest.mark.parametrize("name", PICTURES)
def test_the_patients_right_is_on_the_left_of_the_screen(name: str) -> None:
    seen = False
    for axes in _panels(_drawn(name, "RAS")):
        letters = _letters(axes)
        if "R" in letters:
            seen = True
            assert letters["R"][0] < letters["L"][0]
        if "A" in letters and "P" in letters and "R" in letters:
            assert letters["A"][1] > letters["P"][1]
    assert seen or "montage" in name, "no letters"


@pytest.mark.parametrize(
    ("name", "codes"),
    [*((n, "LPS") for n in PICTURES), ("regions", "LAS"), ("planes", "LAS"), ("planes", "PIR"), ("slice", "IRA")],
)
def test_all_orientations_give_one_picture(name: str, codes: str) -> None:
    first, second = _panels(_drawn(name, "RAS")), _panels(_drawn(name, codes))
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert _bounds(one) == pytest.approx(_bounds(other))
        for a, b in zip(one.images, other.images, strict=True):
            assert np.asarray(a.get_extent()) == pytest.approx(np.asarray(b.get_extent()))
            np.testing.assert_allclose(_values(a), _values(b), atol=1e-4)


def _bounds(axes: Axes) -> list[float]:
    return [float(v) for v in (*axes.get_xlim(), *axes.get_ylim())]


def _values(image: Any) -> np.ndarray:
    return np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), -1)


@pytest.mark.parametrize("name", PICTURES)
def test_a_millimetre_is_as_long_across_as_upwards(name: str) -> None:
    for axes in _panels(_drawn(name, "RAS")):
        origin, right, up = axes.transData.transform([(0, 0), (1, 0), (0, 1)])
        assert abs(right[0] - origin[0]) == pytest.approx(abs(up[1] - origin[1]), rel=0.01)


def test_the_lesion_has_its_true_size_in_each_plane() -> None:
    figure = planes_figure(lopsided("LAS"))
    size = [(part.stop - part.start) * step for part, step in zip(LESION, SPACING, strict=True)]
    for axes, (across, along) in zip(figure.axes, ((0, 1), (0, 2), (1, 2)), strict=False):
        image = axes.images[0]
        values = np.asarray(image.get_array())
        left, right, bottom, top = image.get_extent()
        rows, columns = np.nonzero(values > 700)
        assert np.ptp(columns) + 1 == pytest.approx(size[across] / abs(right - left) * values.shape[1])
        assert np.ptp(rows) + 1 == pytest.approx(size[along] / abs(top - bottom) * values.shape[0])
    assert SHAPE[2] * SPACING[2] == abs(np.diff(figure.axes[1].images[0].get_extent()[2:]))


def test_slices_of_unknown_spacing_name_no_sides() -> None:
    for name in ("sequences", "slice", "classes", "regions", "montage", "after-decision", "triplet"):
        study = lopsided(spacing_known=False)
        figure = FIGURES.load(name).draw([study] if _first(name) == "studies" else study)
        words = {t.get_text() for axes in figure.axes for t in axes.texts} | {t.get_text() for t in figure.texts}
        assert not words & set("RLAPSI")
        assert not any("right" in word or word.endswith(" mm") for word in words)


def test_nilearn_goes_through_the_lesion() -> None:
    from tumorscope.figures.neuro import world

    for codes in ("RAS", "LPS", "PIR"):
        study = lopsided(codes)
        stage = Stage(study.images, study.reference)
        x, y, z = world(stage, study.reference.labels)
        voxel = np.linalg.inv(np.array([[1, 0, 0, -14], [0, 1.5, 0, -20], [0, 0, 4, -30], [0, 0, 0, 1]])) @ (x, y, z, 1)
        assert all(part.start <= round(v) < part.stop for part, v in zip(LESION, voxel[:3], strict=True))


def test_anterior_is_left_in_nilearns_sagittal_slice_as_the_note_says() -> None:
    sagittal = _panels(_drawn("nilearn-anat", "RAS"))[0]
    way = _lesion_from_centre(sagittal)
    assert way is not None and way[0] < 0
