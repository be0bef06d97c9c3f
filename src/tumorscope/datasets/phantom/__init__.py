"""Data set ``phantom``: synthetic glioma patients with a known tumour, for demo, tests and documentation.

`template` → `anatomy` (an individual brain) → `spread`, `glioma` (the tumour) → `signal` → `acquire` (the scanner) →
`make`, `store`. Everything is seeded; `grid` anchors all random fields to positions, so parts and coarse grids agree.
"""

from tumorscope.datasets.phantom.make import healthy_phantom, make_phantom
from tumorscope.datasets.phantom.small import small_phantom
from tumorscope.datasets.phantom.spec import LOBES, PhantomSpec
from tumorscope.datasets.phantom.store import DATASET, discover, write_phantom

__all__ = [
    "DATASET",
    "LOBES",
    "PhantomSpec",
    "discover",
    "healthy_phantom",
    "make_phantom",
    "small_phantom",
    "write_phantom",
]
