"""Competitors without a model: what any method must beat, and what a leak gives away for nothing."""

from tumorscope.core.registry import Registry

#: Name → ``(test, train) -> index of the training slice whose mask each test slice gets, -1 for an empty mask``.
BASELINES = Registry(
    "baseline",
    {
        "all-empty": "tumorscope.baselines.all_empty:all_empty",
        "neighbour-copy": "tumorscope.baselines.neighbour_copy:neighbour_copy",
        "nearest-neighbour": "tumorscope.baselines.nearest_neighbour:nearest_neighbour",
    },
)
