"""What the app shows of a repaired scan and of made images."""

from __future__ import annotations

import io
import zipfile
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tiny_images import image_bundle, smooth_brain
from tumorscope.bundles import bundle as library
from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import StoppedError
from tumorscope.figures.screen import Packed
from tumorscope.formats import read_image
from tumorscope.workflows.choose import image_bundles
from tumorscope.workflows.image_files import Product, process_files
from tumorscope.workflows.repair_view import repair_view
from tumorscope.workflows.restore import enhance_files, reconstruct_files
from tumorscope.workflows.synth_view import synthesise_view


@pytest.fixture
def scan() -> Image:
    return Image(smooth_brain(), np.diag([-1.0, -1.0, 3.0, 1.0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


def volume(packed: Packed, name: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed.volumes[f"scan_{name}"]), dtype=np.uint8)


def brighter(inputs, out, watch):
    """Raise one half by 100."""

    def work(image: Image, watch):
        data = image.data.astype(np.float32)
        data[20:] += 100 * (data[20:] > 0)
        return [Product("brighter", image.with_data(data), "made brighter")], ["a note"]

    return process_files(inputs, out, work, watch=watch)


def test_before_after_and_difference_share_window_and_grid(scan: Image, tmp_path: Path) -> None:
    steps: list[tuple[str, float]] = []
    marked = scan.with_data(np.zeros(scan.shape, dtype=np.uint8))
    marked.data[10:14, 20:24, 3] = 1
    told = lambda step, share: steps.append((step, share))  # noqa: E731
    found = repair_view("a_T1", scan, tmp_path, brighter, interest=marked, watch=told)
    assert found.row.notes == ("a note",) and list(found.files) == ["brighter"]
    assert read_image(found.files["brighter"]).same_grid(scan)
    assert found.packed is not None
    assert found.packed.facts["grid"]["centre"][2] == 3, "opens where the label map marks most"
    facts = {scan["name"]: scan for scan in found.packed.facts["scans"]}
    assert list(facts) == ["original", "brighter", "difference"]
    assert facts["original"]["window"] == facts["brighter"]["window"] and facts["brighter"]["like"] == "original"
    grey = volume(found.packed, "difference")
    low, high = facts["difference"]["low"], facts["difference"]["high"]
    values = low + grey / 255 * (high - low)
    assert np.isclose(np.unique(values.round(3)), [0, 100], atol=1).all(), "unchanged voxels are exactly grey"
    assert (grey == 127).sum() > grey.size / 2
    shares = [share for _, share in steps]
    assert shares == sorted(shares) and steps[-1][0] == "preparing the pictures"


def test_other_units_are_compared_in_percent_of_their_windows(scan: Image, tmp_path: Path) -> None:
    scaled = scan.with_data((scan.data * 7).astype(np.int16))

    def times_seven(inputs, out, watch):
        return process_files(inputs, out, lambda image, _: ([Product("x", scaled, "times seven")], []), watch=watch)

    found = repair_view("a_T1", scan, tmp_path, times_seven, same_units=False)
    assert found.packed is not None and found.packed.facts["change"] == {"unit": " %"}
    assert set(volume(found.packed, "difference").tolist()) <= {126, 127, 128}, "only the unit changed"


def test_thin_slices_are_compared_with_cubic_interpolation(scan: Image, folder: Path, tmp_path: Path) -> None:
    bundle = image_bundle(folder / "thin", "thin").folder
    work = lambda inputs, out, watch: reconstruct_files(inputs, out, thin=2, bundle=bundle, watch=watch)  # noqa: E731
    found = repair_view("a_T1", scan, tmp_path, work)
    assert found.packed is not None
    assert [s["name"] for s in found.packed.facts["scans"]] == ["cubic-2", "thin-2", "difference"]
    assert found.packed.facts["grid"]["planes"]["axial"]["count"] == 24


def test_a_failure_is_one_sentence_and_stopping_leaves_no_file(scan: Image, tmp_path: Path) -> None:
    flat = Image(scan.data[:, :, :1], scan.affine)
    found = repair_view("a", flat, tmp_path / "a", partial(_enhanced, contrast="none"))
    assert found.packed is None and "Choose a --contrast" in found.row.error

    def stop(step: str, share: float) -> None:
        if step == "adjusting the contrast":
            raise StoppedError

    with pytest.raises(StoppedError):
        repair_view("a", flat, tmp_path / "b", partial(_enhanced, contrast="percentile"), watch=stop)
    assert not list((tmp_path / "b").iterdir())


def _enhanced(inputs, out, watch, contrast):
    return enhance_files(inputs, out, contrast=contrast, watch=watch)


def test_made_slices_come_as_marked_sheet_and_zip(folder: Path, tmp_path: Path) -> None:
    bundle = image_bundle(folder / "vae", "vae")
    found = synthesise_view(bundle, tmp_path, count=3)
    with zipfile.ZipFile(found.archive) as archive:
        names = archive.namelist()
    assert len(names) == 7 and "synthetic-tiny-vae/README-synthetic.md" in names
    assert all("synthetic" in name for name in names)
    assert found.sheet is not None and not found.cases and not found.outlined
    with Pillow.open(io.BytesIO(found.sheet)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    amber = (pixels[..., 0] > 230) & (np.abs(pixels[..., 1] - 207) < 20) & (np.abs(pixels[..., 2] - 122) < 30)
    thirds = np.array_split(amber[:, : pixels.shape[1]], 6, axis=1)
    assert all(part.sum() > 20 for part in thirds), "each of the six pictures is marked"


def test_painted_cases_are_marked_in_the_viewer(scan: Image, folder: Path, tmp_path: Path) -> None:
    label = np.zeros(scan.shape, dtype=np.uint8)
    label[15:22, 20:28, 3:7] = 2
    case = Case("a", "a", {Sequence.FLAIR: scan}, label=scan.with_data(label), scheme=BRATS)
    found = synthesise_view(image_bundle(folder / "synthesis", "synthesis"), tmp_path, masks=[case])
    assert list(found.cases) == ["synthetic_0001"] and found.sheet is None and found.outlined
    facts = found.cases["synthetic_0001"].facts
    assert facts["mark"] == "SYNTHETIC" and "reference" in facts
    assert [s["name"] for s in facts["scans"]] == [Sequence.T1CE, Sequence.FLAIR]


def test_models_are_listed_by_what_they_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("denoise", "gan"):
        image_bundle(folder / "library" / f"tiny-{kind}", kind)
    monkeypatch.setattr(library, "SHIPPED", folder / "library")
    assert {what: [b.name for b in bundles] for what, bundles in image_bundles().items()} == {
        "rician": ["tiny-denoise"],
        "gan": ["tiny-gan"],
    }
