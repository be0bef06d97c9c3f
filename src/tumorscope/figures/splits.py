"""What lies in training, validation and test (S0-18, S0-21, S2-32, S3-19, S4-29)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from tumorscope.core.case import Case
from tumorscope.datasets.splits import Split
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.sample_numbers import sample_numbers
from tumorscope.figures.style import INK, SERIES, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Counts = Mapping[str, Mapping[str, int]]
_WORDS = {"train": "training", "val": "validation", "test": "test"}


def count_cases(split: Split, cases: Iterable[Case], group: Callable[[Case], object]) -> dict[str, dict[str, int]]:
    """Count the cases of each part by ``group``, e.g. ``lambda case: case.site``.

    Returns:
        Part → group → number of cases; what is not known counts as "not known".
    """
    by_id = {case.id: case for case in cases}
    counts: dict[str, dict[str, int]] = {}
    for part, ids in split.parts.items():
        counts[part] = {}
        for case_id in ids:
            found = group(by_id[case_id]) if case_id in by_id else None
            key = "not known" if found is None else str(found)
            counts[part][key] = counts[part].get(key, 0) + 1
    return counts


def split_figure(
    counts: Counts, *, unit: str, split_unit: str, title: str = "Split", colours: Mapping[str, str] | None = None
) -> Figure:
    """Draw one bar per part, divided by group, with numbers and shares.

    Args:
        counts: Part → group → number (of slices with and without tumour, of patients by site or grade, …).
        unit: What is counted: "slices", "patients".
        split_unit: What the split keeps together: "patient", or "slice" (patients leak).
        title: Line above.
        colours: Group → colour; by default a fixed order.
    """
    groups = list(dict.fromkeys(g for parts in counts.values() for g in parts))
    shades = {g: SERIES[i % len(SERIES)] for i, g in enumerate(groups)} | dict(colours or {})
    total = sum(sum(p.values()) for p in counts.values())
    figure = new_figure(7.0, 1.7 + 0.55 * len(counts) + 0.2 * (len(groups) // 6))
    axes = figure.subplots()
    for y, numbers in enumerate(counts.values()):
        _bar(axes, y, numbers, shades, total)
        size = sum(numbers.values())
        axes.annotate(
            f"{size} ({size / max(total, 1):.0%})",
            (size, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.set_yticks(range(len(counts)), [_WORDS.get(p, p) for p in counts])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18 * max(sum(p.values()) for p in counts.values()))
    style_axes(axes, xlabel=f"number of {unit}", grid="x")
    axes.legend(frameon=False, fontsize=9, ncols=min(len(groups), 6), loc="lower left", bbox_to_anchor=(0, 1))
    leak = ": slices of one patient lie in several parts" if split_unit == "slice" else ""
    frame(figure, title, f"n = {total} {unit}; split by {split_unit}{leak}. Percentages: share of all {unit}.")
    return figure


def _bar(axes: Axes, y: int, numbers: Mapping[str, int], shades: Mapping[str, str], total: int) -> None:
    left = 0
    for group, colour in shades.items():
        number = numbers.get(group, 0)
        axes.barh(y, number, left=left, height=0.62, color=colour, label=group if y == 0 else None)
        if number > 0.013 * total * len(str(number)):
            axes.text(left + number / 2, y, f"{number}", ha="center", va="center", color="white", fontsize=9)
        left += number


def _examples() -> dict[str, dict[str, object]]:
    lgg = sample_numbers()["lgg"]
    return {
        "slices": {
            "counts": lgg["slices"],
            "unit": "slices",
            "split_unit": "patient",
            "title": "LGG: slices with and without tumour",
        },
        "sites": {
            "counts": lgg["patients_by_site"],
            "unit": "patients",
            "split_unit": "patient",
            "title": "LGG: patients by site",
        },
    }


ENTRY = FigureEntry(
    title="Sizes and content of a split",
    section="charts",
    draw=split_figure,
    examples=_examples,
    caption="A patient-wise split of 88 patients of the LGG data (TCGA), by presence of tumour and by acquiring site.",
)
