"""Inputs for the tests of ``predict``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tiny_bundles import BINARY, head, image, manifest, save_tiny
from tumorscope.bundles import bundle as library
from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.formats import write_nifti, write_png

SHAPE = (24, 28, 10)


@pytest.fixture(scope="session")
def tiny_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two untrained bundles: ``volumes`` (T1CE, FLAIR → regions), ``pictures`` (FLAIR, optional T1, T1CE → binary)."""
    folder = tmp_path_factory.mktemp("shipped")
    save_tiny(folder / "volumes", manifest("volumes"))
    three = (Sequence.T1, Sequence.FLAIR, Sequence.T1CE)
    optional = (Sequence.T1, Sequence.T1CE)
    pictures = manifest("pictures", sequences=three, optional=optional, outputs=BINARY, scheme="binary", dataset="lgg")
    save_tiny(folder / "pictures", pictures)
    return folder


@pytest.fixture
def shipped(tiny_library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The tiny bundles in place of the shipped ones, and a cache folder of the test's own."""
    monkeypatch.setattr(library, "SHIPPED", tiny_library)
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path / "cache"))
    return tiny_library


@pytest.fixture
def quick_overlay(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty drawing (half a second less per case), but for tests whose name ends in ``with_pictures``."""
    if not request.function.__name__.endswith("with_pictures"):
        from tumorscope.figures import save

        monkeypatch.setattr(save, "png_bytes", lambda figure: b"\x89PNG")
        monkeypatch.setattr("tumorscope.figures.overlay.overlay_figure", lambda *args, **kwargs: None)


def nifti(path: Path, data: Array | None = None, **kwargs: object) -> Path:
    """Write a volume, by default a small head that differs from file to file."""
    seed = sum(path.name.encode())
    return write_nifti(image(head(SHAPE, seed) if data is None else data, **kwargs), path)  # type: ignore[arg-type]


def brats(folder: Path, label: tuple[int, ...] | None = None, sequences: tuple[str, ...] = ("t1ce", "flair")) -> Path:
    """Write a case in BraTS' layout."""
    for sequence in sequences:
        nifti(folder / f"{folder.name}_{sequence}.nii.gz")
    if label is not None:
        data = np.zeros(SHAPE, dtype=np.uint8)
        for k, value in enumerate(label):
            data[8 + k, 10:14, 4] = value
        nifti(folder / f"{folder.name}_seg.nii.gz", data)
    return folder


def picture(path: Path, colours: int = 1, shape: tuple[int, int] = (40, 48), seed: int = 0) -> Path:
    """Write a PNG with a head-like disc, grey or coloured."""
    channels = [(head((*shape, 1), seed + c)[:, :, 0] // 3).astype(np.uint8) for c in range(colours)]
    return write_png(channels[0] if colours == 1 else np.stack(channels, axis=-1), path)


def slices(folder: Path, count: int = 4, colours: int = 3) -> Path:
    """Write the slices of one patient with masks beside them, as in the LGG data set."""
    for k in range(1, count + 1):
        picture(folder / f"{folder.name}_{k}.png", colours, seed=7 * k)
        write_png(np.zeros((40, 48), dtype=np.uint8), folder / f"{folder.name}_{k}_mask.png")
    return folder


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in another Python."""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
