"""How far the tumour has to travel: arrival distance through white matter, grey matter and fluid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.image import Array
from tumorscope.datasets.phantom.template import Template, sample

#: Grid of the computation, mm; MNI x = 0 is a plane of nodes, so the falx is one node thick.
STEP = 3.0
_REACH = 26  # nodes to each side of the seed
_SLOW_GM, _SLOW_FLUID, _CALLOSUM, _BARRIER = 2.6, 7.0, 2.5, 40.0


@dataclass(frozen=True)
class Arrival:
    """Effective distance in mm from the seed (1 mm of pure white matter counts 1).

    Attributes:
        values: float32, 53³ nodes of a 3 mm MNI grid.
        origin: MNI mm of its first node, (3,).
    """

    values: Array
    origin: Array

    def at(self, mni: Array) -> Array:
        """Interpolate at MNI mm (3, n); beyond the grid the edge repeats."""
        from scipy.ndimage import map_coordinates

        nodes = (mni - self.origin[:, None].astype(np.float32)) / np.float32(STEP)
        values: Array = map_coordinates(self.values, nodes, order=1, mode="nearest", prefilter=False)
        return values


def arrival(template: Template, seed: Array) -> Arrival:
    """Solve |∇T| = slowness from ``seed`` (MNI mm), slowness by tissue; the falx and the skull are barriers.

    White matter counts 1, grey matter 2.6, fluid 7 (tumour cells and oedema follow the fibre tracts; Giese et al.,
    J Clin Oncol 2003). The corpus callosum is white matter, so it is the way to the other
    side, a slow one (commissural fibres are packed too tightly for oedema).
    """
    first = np.round(seed / STEP) * STEP - _REACH * STEP
    axes = [(first[k] + STEP * np.arange(2 * _REACH + 1)).astype(np.float32) for k in range(3)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    shape = (2 * _REACH + 1,) * 3
    wm, gm, csf, mask = (
        sample(v, nodes).reshape(shape) for v in (template.wm, template.gm, template.csf, template.mask)
    )
    slowness = wm + _SLOW_GM * gm + _SLOW_FLUID * csf
    x, y, z = nodes.reshape(3, *shape)
    callosum_or_stem = (wm > 0.5) | ((z < 2) & (np.abs(y + 18) < 16))
    slowness[(np.abs(x) < STEP / 2) & ~callosum_or_stem] = _BARRIER
    slowness[np.abs(x) < 8] *= _CALLOSUM
    slowness[mask < 0.5] = _BARRIER
    return Arrival(_solve(slowness.astype(np.float32) * STEP, tuple(((seed - first) / STEP).tolist())), first)


def _solve(cost: Array, seed: tuple[float, ...]) -> Array:
    """Godunov's upwind scheme for the eikonal equation, iterated until nothing changes (all nodes at once)."""
    index = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in cost.shape), indexing="ij"))
    near = np.sqrt(sum((index[k] - np.float32(seed[k])) ** 2 for k in range(3)))
    time = np.where(near < 1.5, near * cost, np.float32(1e6)).astype(np.float32)
    padded = np.full(tuple(n + 2 for n in cost.shape), np.float32(1e6))
    core = (slice(1, -1),) * 3
    for _ in range(8 * _REACH):
        padded[core] = time
        a = np.minimum(padded[:-2, 1:-1, 1:-1], padded[2:, 1:-1, 1:-1])
        b = np.minimum(padded[1:-1, :-2, 1:-1], padded[1:-1, 2:, 1:-1])
        c = np.minimum(padded[1:-1, 1:-1, :-2], padded[1:-1, 1:-1, 2:])
        new = np.minimum(time, _upwind(a, b, c, cost))
        if np.abs(new - time).max() < 0.01:
            break
        time = new
    return time


def _upwind(a: Array, b: Array, c: Array, cost: Array) -> Array:
    """Smallest T with Σ max(T - neighbour, 0)² = cost² over the three axes."""
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    middle = a + b + c - low - high
    one = low + cost
    two = 0.5 * (low + middle + np.sqrt(np.maximum(2 * cost**2 - (low - middle) ** 2, 0)))
    total = low + middle + high
    squares = low**2 + middle**2 + high**2
    three = (total + np.sqrt(np.maximum(total**2 - 3 * (squares - cost**2), 0))) / 3
    return np.where(one <= middle, one, np.where(two <= high, two, three))
