"""The phantom patient that comes with the package: voxels of 2 mm, so that it is small."""

from __future__ import annotations

from pathlib import Path

#: BraTS layout; made by ``write_phantom(PhantomSpec(), spacing=2)``.
SHIPPED = Path(__file__).parent / "shipped"


def shipped_phantom() -> Path:
    """Return the folder of the shipped phantom patient."""
    return SHIPPED / "Phantom_000"
