"""Whether a generative model gives its training images away: nearest neighbours of what it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import fisher_exact

from tumorscope.core.errors import InputError
from tumorscope.metrics.metric import FloatArray

#: Each of the two limits is kept by this share of the held-out real images.
CHANCE = 0.01
#: The check fails where copies are as much more frequent among made images with less than this probability.
ALPHA = 0.05
#: With fewer images nothing would be told by passing.
LEAST = 100


@dataclass(frozen=True)
class Memorisation:
    """The verdict.

    Attributes:
        passed: Whether made images look like copies no more often than held-out real ones do.
        copies: Made images that lie closer to one training image, and are more closer to it than to those of any other
            patient, than all but :data:`CHANCE` of the held-out real images: both limits count together.
        by_chance: Held-out real images of which the same is true.
        p: Probability (Fisher's exact test, one-sided) of so many more copies among the made, were there no
            difference; the check fails below :data:`ALPHA`. Slices of one patient are alike, which makes it stricter.
        distances: ``made`` and ``held_out``: distance to the nearest training image.
        ratios: The same divided by the distance to the nearest image of another training patient.
        worst: Positions of the made images that look most like copies, worst first.
    """

    passed: bool
    copies: int
    by_chance: int
    p: float
    distances: dict[str, FloatArray]
    ratios: dict[str, FloatArray]
    worst: tuple[int, ...]


def check_memorisation(
    made: FloatArray, held_out: FloatArray, training: FloatArray, patients: Sequence[str]
) -> Memorisation:
    """Compare how close made and held-out real images come to training images.

    A blurred image is close to everything, so that distance alone does not tell a copy: a copy is also much closer to
    one patient's image than to any other's (Carlini et al., USENIX Security 2023, use such a ratio).

    Args:
        made: Rows to compare, (N, D): pixels, or features.
        held_out: Real images of patients that did not train, (M, D).
        training: Every training image, (T, D).
        patients: Patient of each training image.

    Raises:
        InputError: if a set is too small to tell, shapes differ, or there is only one training patient.
    """
    if (
        min(len(made), len(held_out)) < LEAST
        or len({x.shape[1] for x in (made, held_out, training)}) > 1
        or len(patients) != len(training)
        or len(set(patients)) < 2
    ):
        raise InputError(
            expected=f"{LEAST} made and held-out images or more, and as large training images of two patients or more",
            found=f"shapes {made.shape}, {held_out.shape}, {training.shape} of {len(set(patients))} patient(s)",
            fix="Make more images, or hold out more patients",
        )
    groups = np.unique(np.asarray(patients), return_inverse=True)[1].astype(np.intp)
    distances, ratios = {}, {}
    for name, rows in (("made", made), ("held_out", held_out)):
        nearest, second = _nearest(rows, training, groups)
        distances[name], ratios[name] = nearest, nearest / np.maximum(second, 1e-12)
    limits = [float(np.quantile(found["held_out"], CHANCE)) for found in (distances, ratios)]
    close = {name: (distances[name] < limits[0]) & (ratios[name] < limits[1]) for name in distances}
    copies, by_chance = (int(close[name].sum()) for name in ("made", "held_out"))
    counts = np.array([[copies, len(made) - copies], [by_chance, len(held_out) - by_chance]])
    p = float(fisher_exact(counts, alternative="greater").pvalue)
    worst = tuple(int(i) for i in np.argsort(ratios["made"])[:10])
    return Memorisation(p >= ALPHA, copies, by_chance, p, distances, ratios, worst)


def _nearest(rows: FloatArray, training: FloatArray, groups: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Return the distance to the nearest training row, and to the nearest of another patient than that one's."""
    squares = (training**2).sum(axis=1)
    first, second = [], []
    for part in np.array_split(rows, max(1, len(rows) // 256)):
        table = np.maximum((part**2).sum(axis=1)[:, None] + squares - 2 * part @ training.T, 0)
        best = table.argmin(axis=1)
        others = np.where(groups[None, :] == groups[best][:, None], np.inf, table)
        first.append(np.sqrt(table.min(axis=1)))
        second.append(np.sqrt(others.min(axis=1)))
    return np.concatenate(first), np.concatenate(second)
