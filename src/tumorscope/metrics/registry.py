"""Every metric by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tumorscope.core.errors import UsageError
from tumorscope.metrics import overlap, surface
from tumorscope.metrics.metric import Metric

#: Name → definition. A new metric is one new file (its :class:`Metric`) and one line here.
METRICS: dict[str, Metric] = {
    "dice": overlap.DICE,
    "iou": overlap.IOU,
    "precision": overlap.PRECISION,
    "sensitivity": overlap.SENSITIVITY,
    "specificity": overlap.SPECIFICITY,
    "accuracy": overlap.ACCURACY,
    "f1": overlap.F1,
    "hausdorff": surface.HAUSDORFF,
    "hd95": surface.HD95,
    "surface_dice": surface.SURFACE_DICE,
}

#: What evaluation computes when nothing else is asked for.
DEFAULT_METRICS = ("dice", "iou", "precision", "sensitivity", "specificity", "accuracy", "hd95", "surface_dice")
#: Class-wise scores that always stand beside accuracy.
COMPANIONS = ("dice", "sensitivity", "specificity")


def find_metrics(names: Iterable[str]) -> list[Metric]:
    """Return the metrics called ``names``, each once; accuracy brings :data:`COMPANIONS` along, before it.

    Raises:
        UsageError: if a name is unknown; the message gives the nearest one.
    """
    wanted: dict[str, Metric] = {}
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=1)
            fix = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(METRICS)}"
            raise UsageError(expected="a known metric", found=f"'{name}'", fix=fix)
        for needed in (*COMPANIONS, name) if name == "accuracy" else (name,):
            wanted.setdefault(needed, METRICS[needed])
    return list(wanted.values())
