"""synth: marked files, and labels beside painted cases."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Pillow

from tiny_images import image_bundle
from tumorscope.cli.main import main
from tumorscope.core.errors import UsageError
from tumorscope.datasets import DATASETS
from tumorscope.formats import mark_of
from tumorscope.workflows.synth import synthesise


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {kind: image_bundle(folder / kind, kind).folder for kind in ("vae", "gan", "synthesis", "denoise")}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "BraTS20_Training_001"
    folder.mkdir()
    x, y = np.meshgrid(np.arange(40), np.arange(44), indexing="ij")
    brain = (((x - 20) / 16) ** 2 + ((y - 22) / 19) ** 2 < 1)[..., None] * np.ones(5, int)
    label = np.zeros(brain.shape, int)
    label[15:22, 20:28, 1:4], label[17:20, 22:26, 2] = 2, 4
    affine = np.diag([-1.0, -1, 1, 1])
    for name, data in (("flair", brain * 500), ("t1ce", brain * 700), ("seg", label)):
        nib.save(nib.Nifti1Image(data.astype(np.int16), affine), folder / f"{folder.name}_{name}.nii.gz")
    return folder


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_slices_from_noise_say_that_they_are_synthetic(bundles: dict[str, Path], tmp_path: Path, kind: str) -> None:
    result = synthesise(tmp_path, bundle=bundles[kind], count=3, seed=4)
    assert len(result.made) == 6 and result.exit_code == 0
    for path in result.made:
        assert Path(path).name.startswith("synthetic_") and mark_of(path).startswith("synthetic: made by")
        with Pillow.open(path) as picture:
            assert picture.size == (32, 32) and picture.text["Description"].startswith("synthetic: made by tumorscope")
    assert "None of these shows a patient" in (tmp_path / "README-synthetic.md").read_text()
    again = synthesise(tmp_path / "again", bundle=bundles[kind], count=3, seed=4)
    assert [Path(p).read_bytes() for p in again.made] == [Path(p).read_bytes() for p in result.made]


def test_a_vae_goes_through_one_scan_and_between_two(bundles: dict[str, Path], case: Path, tmp_path: Path) -> None:
    assert main(["synth", str(case), "--bundle", str(bundles["vae"]), "-o", str(tmp_path / "one")]) == 0
    assert len(list((tmp_path / "one").glob("latent_*.png"))) == 2
    assert all(mark_of(p).startswith("through the latent") for p in (tmp_path / "one").glob("*.png"))
    fitted = ["synth", str(case), "--bundle", str(bundles["vae"]), "--refine", "3", "-o", str(tmp_path / "fitted")]
    assert main(fitted) == 0
    name = "latent_tiny-vae_00001_FLAIR.png"
    assert (tmp_path / "fitted" / name).read_bytes() != (tmp_path / "one" / name).read_bytes()
    assert main([*fitted, "--count", "3"]) == 64
    other = tmp_path / "other" / "BraTS20_Training_002"
    other.mkdir(parents=True)
    for file in case.iterdir():
        volume = nib.load(file)
        half = np.asarray(volume.dataobj) // (1 + (np.arange(40) > 18))[:, None, None]
        nib.save(nib.Nifti1Image(half.astype(np.int16), volume.affine), other / file.name.replace("001", "002"))
    words = [
        "synth",
        str(case),
        str(other),
        "--bundle",
        str(bundles["vae"]),
        "--count",
        "4",
        "-o",
        str(tmp_path / "two"),
    ]
    assert main(words) == 0
    made = sorted((tmp_path / "two").glob("latent_*_FLAIR.png"))
    pictures = [np.asarray(Pillow.open(p), dtype=float) for p in made]
    assert len(made) == 4 and np.abs(pictures[0] - pictures[-1]).mean() > 0
    steps = [np.abs(a - b).mean() for a, b in pairwise(pictures)]
    assert max(steps) < np.abs(pictures[0] - pictures[-1]).mean()
    readme = (tmp_path / "two" / "README-synthetic.md").read_text()
    assert "whom the slices still resemble" in readme and "None of these shows a patient" not in readme
    with Pillow.open(made[0]) as picture:
        assert "from axial slice 0 (from below, the first is 0) of scan 1 and axial" in picture.text["Description"]
    with Pillow.open(tmp_path / "fitted" / name) as picture:
        assert picture.text["Description"].startswith("through the latent, fitted in 3 steps: made by tumorscope")


def test_a_painted_case_comes_with_its_label_in_a_layout_that_is_read(
    bundles: dict[str, Path], case: Path, tmp_path: Path
) -> None:
    result = synthesise(tmp_path, bundle=bundles["synthesis"], masks=[case.parent])
    assert [Path(p).name for p in result.made] == ["synthetic_0001"]
    (found,) = DATASETS.load("brats").discover(tmp_path)
    loaded = found.loaded()
    reference = nib.load(case / f"{case.name}_seg.nii.gz")
    assert np.array_equal(loaded.label.data, reference.get_fdata())
    assert np.allclose(loaded.label.affine, reference.affine)
    brain = nib.load(case / f"{case.name}_flair.nii.gz").get_fdata() > 0
    for path in sorted((tmp_path / "synthetic_0001").iterdir()):
        header = nib.load(path).header
        assert header["descrip"].item().startswith(b"synthetic: in a given outline")
        assert header["aux_file"].item() == b"synthetic"
    assert "treat the files as you treat their scans" in (tmp_path / "README-synthetic.md").read_text()
    for image in loaded.images.values():
        assert not image.data[~brain].any() and image.data[brain].any()
    assert case.name not in "".join(str(p) for p in tmp_path.rglob("*"))


def test_a_mask_is_painted_again_in_another_style(bundles: dict[str, Path], case: Path, tmp_path: Path) -> None:
    words = ["synth", str(case), str(tmp_path / "none"), "--bundle", str(bundles["synthesis"]), "--count", "4"]
    assert main([*words, "-o", str(tmp_path / "o")]) == 1
    made = sorted((tmp_path / "o").rglob("*_FLAIR.nii.gz"))
    volumes = [nib.load(path).get_fdata() for path in made]
    assert len(made) == 3 and all(np.abs(a - b).max() > 0 for a, b in pairwise(volumes))


def test_a_folder_keeps_what_was_said_of_its_files(bundles: dict[str, Path], case: Path, tmp_path: Path) -> None:
    for _ in range(2):
        synthesise(tmp_path, bundle=bundles["vae"], masks=[case])
        synthesise(tmp_path, bundle=bundles["gan"], count=1)
    told = (tmp_path / "README-synthetic.md").read_text()
    assert told.count("whom the slices still resemble") == 1 == told.count("with bundle `tiny-gan`")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("denoise", {}),
        ("gan", {"phantoms": 1}),
        ("synthesis", {}),
        ("gan", {"count": 0}),
        ("vae", {"refine": 5}),
        ("synthesis", {"phantoms": 2, "count": 2}),
    ],
)
def test_what_cannot_be_is_said(bundles: dict[str, Path], tmp_path: Path, kind: str, words: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        synthesise(tmp_path, bundle=bundles[kind], **words)


def test_a_folder_without_masks_is_one_sentence(
    bundles: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    words = [str(tmp_path / "empty"), "--bundle", str(bundles["synthesis"]), "-o", str(tmp_path / "o")]
    assert main(["synth", *words]) == 2
    assert "Give case folders with _seg files" in capsys.readouterr().out
    assert not list((tmp_path / "o").iterdir())


def test_a_scan_without_the_sequences_is_told_in_words_of_synth(
    bundles: dict[str, Path], case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scan.nii.gz").write_bytes((case / f"{case.name}_flair.nii.gz").read_bytes())
    words = [str(tmp_path / "scan.nii.gz"), "--bundle", str(bundles["vae"]), "-o", str(tmp_path / "o")]
    assert main(["synth", *words]) == 2
    told = capsys.readouterr().err
    assert "Give a folder whose file names say T1CE and FLAIR" in told and "--sequence" not in told
