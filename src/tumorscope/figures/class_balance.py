"""How rare each class is (S0-18, S2-28)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tumorscope.core.errors import InputError
from tumorscope.core.labels import BRATS
from tumorscope.figures.colours import class_colours, long_name
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.sample_numbers import sample_numbers
from tumorscope.figures.style import GREY, INK, SERIES, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def class_balance_figure(
    counts: Mapping[str, int],
    *,
    unit: str,
    n: str,
    log: bool = True,
    colours: Mapping[str, str | tuple[float, float, float]] | None = None,
    title: str = "Class frequency",
) -> Figure:
    """Draw how often each class occurs, with shares and how many times rarer it is than the most frequent one.

    Args:
        counts: Class → number of voxels, slices or pictures.
        unit: What is counted.
        n: What they come from: "10 patients".
        log: Logarithmic axis; without it a rare class cannot be seen.
        colours: Class → colour; by default grey for ``background`` and a fixed order.
        title: Line above.

    Raises:
        InputError: if nothing was counted.
    """
    total = sum(counts.values())
    if total == 0:
        raise InputError(expected="counts of at least one class", found="none", fix="Count the labels first")
    others = [c for c in counts if c != "background"]
    shades = {"background": GREY, **{c: SERIES[i % len(SERIES)] for i, c in enumerate(others)}, **(colours or {})}
    figure = new_figure(7.0, 1.5 + 0.5 * len(counts))
    axes = figure.subplots()
    most = max(counts.values())
    for y, (name, number) in enumerate(counts.items()):
        axes.barh(y, number, height=0.62, color=shades[name])
        rarer = f", 1 : {most / number:,.3g}" if 0 < number < most else ""
        share = f"{number / total:.2%}" if number else "none"
        axes.annotate(
            f"{number:,} ({share}{rarer})" if number else "none",
            (max(number, 1), y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.set_yticks(range(len(counts)), [long_name(c) for c in counts])
    axes.invert_yaxis()
    _scale(axes, counts, log)
    style_axes(axes, xlabel=f"number of {unit}{' (logarithmic)' if log else ''}", grid="x")
    frame(figure, title, f"{total:,} {unit} of {n}. Ratios: how many times rarer than the most frequent class.")
    return figure


def _scale(axes: Axes, counts: Mapping[str, int], log: bool) -> None:
    """Leave room for the numbers beside the bars."""
    most = max(counts.values())
    if not log:
        axes.set_xlim(0, 1.45 * most)
        return
    least = min((c for c in counts.values() if c), default=1)
    axes.set_xscale("log")
    axes.set_xlim(least / 10, most * (most / least) ** 0.75 * 10)
    axes.set_xticks([10**e for e in range(20) if least / 10 <= 10**e <= most * 10])
    axes.minorticks_off()


def _examples() -> dict[str, dict[str, object]]:
    numbers = sample_numbers()
    colours = class_colours(BRATS, "safe")
    slices = {k: sum(p[k] for p in numbers["lgg"]["slices"].values()) for k in ("tumour", "no tumour")}
    patients = sum(sum(p.values()) for p in numbers["lgg"]["patients_by_site"].values())
    return {
        "voxels": {
            "counts": numbers["brats"]["voxels"],
            "unit": "voxels",
            "n": f"{numbers['brats']['n']} BraTS cases",
            "colours": {x.name: colours[x.value] for x in BRATS.labels},
            "title": "BraTS: voxels by class",
        },
        "slices": {
            "counts": slices,
            "unit": "slices",
            "n": f"{patients} patients",
            "log": False,
            "title": "LGG: slices with and without tumour",
        },
    }


ENTRY = FigureEntry(
    title="Class balance",
    section="charts",
    draw=class_balance_figure,
    examples=_examples,
    caption="Voxels of 10 BraTS cases by class, and slices of 88 patients of the LGG data.",
)
