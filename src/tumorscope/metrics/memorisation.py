"""Whether a generative model gives its training images away: nearest neighbours of what it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from tumorscope.core.errors import InputError
from tumorscope.metrics.metric import FloatArray

#: Held-out real images lie so close to a training image with this probability.
CHANCE = 0.01


@dataclass(frozen=True)
class Memorisation:
    """The verdict.

    Attributes:
        passed: Whether no more made images than chance allows look like copies.
        copies: Made images that lie as close to one training image, and as much closer to it than to those of any
            other patient, as only :data:`CHANCE` of the held-out real images do.
        made: Number of made images.
        interval: 95 % interval (Clopper-Pearson) of the share of copies; the check fails if it lies above chance.
        distances: ``made`` and ``held_out``: distance to the nearest training image.
        ratios: The same divided by the distance to the nearest image of another training patient.
        worst: Positions of the made images that look most like copies, worst first.
    """

    passed: bool
    copies: int
    made: int
    interval: tuple[float, float]
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
        InputError: if a set is empty, shapes differ, or there is only one training patient.
    """
    if (
        min(len(made), len(held_out)) < 1
        or len({x.shape[1] for x in (made, held_out, training)}) > 1
        or len(patients) != len(training)
        or len(set(patients)) < 2
    ):
        raise InputError(
            expected="made, held-out and training images of one size, the last of two patients or more",
            found=f"shapes {made.shape}, {held_out.shape}, {training.shape} of {len(set(patients))} patient(s)",
            fix="Give whole sets",
        )
    groups = np.unique(np.asarray(patients), return_inverse=True)[1].astype(np.intp)
    distances, ratios = {}, {}
    for name, rows in (("made", made), ("held_out", held_out)):
        nearest, second = _nearest(rows, training, groups)
        distances[name], ratios[name] = nearest, nearest / np.maximum(second, 1e-12)
    limits = [float(np.quantile(found["held_out"], CHANCE)) for found in (distances, ratios)]
    suspicious = (distances["made"] < limits[0]) & (ratios["made"] < limits[1])
    copies = int(suspicious.sum())
    interval = binomtest(copies, len(made)).proportion_ci()
    worst = tuple(int(i) for i in np.argsort(ratios["made"])[:10])
    low, high = float(interval.low), float(interval.high)
    return Memorisation(low <= CHANCE, copies, len(made), (low, high), distances, ratios, worst)


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
