"""denoise, reconstruct and enhance on files: geometry, names, headers, faults."""

from __future__ import annotations

from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from tiny_images import image_bundle, smooth_brain
from tumorscope.cli.main import main
from tumorscope.core.errors import UsageError
from tumorscope.formats import mark_of, read_image
from tumorscope.transforms.degrade.cartesian import Cartesian
from tumorscope.workflows.restore import denoise_files, enhance_files, reconstruct_files

OBLIQUE = np.array([[-0.9, 0.1, 0.2, 30], [0.1, 0.95, -0.3, -40], [0.2, -0.2, 2.9, 12], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "patient_flair.nii.gz"
    nib.save(nib.Nifti1Image(smooth_brain(), OBLIQUE), path)
    return path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {kind: image_bundle(folder / kind, kind).folder for kind in ("denoise", "reconstruct", "thin", "gan")}


def test_denoised_keeps_grid_and_background_and_says_so(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    result = denoise_files([scan], tmp_path, bundle=bundles["denoise"])
    assert result.exit_code == 0
    path = tmp_path / "patient_flair_denoised.nii.gz"
    assert [row.outputs for row in result.files] == [(str(path),)]
    found, before = nib.load(path), nib.load(scan)
    assert np.allclose(found.affine, before.affine) and found.shape == before.shape
    assert np.array_equal(found.get_fdata() == 0, before.get_fdata() == 0)
    assert found.header["descrip"].item().startswith(b"processed: denoised")
    assert found.header["aux_file"].item() == b"processed"


@pytest.mark.parametrize("method", ["nlm", "tv"])
def test_classical_denoising_takes_noise_out(scan: Path, tmp_path: Path, method: str) -> None:
    truth = smooth_brain().astype(float)
    rng = np.random.default_rng(0)
    noisy = np.hypot(truth + rng.normal(0, 60, truth.shape), rng.normal(0, 60, truth.shape)) * (truth > 0)
    nib.save(nib.Nifti1Image(noisy.astype(np.float32), OBLIQUE), tmp_path / "noisy_t1.nii.gz")
    result = denoise_files([tmp_path / "noisy_t1.nii.gz"], tmp_path / "out", method=method, noise=6.5)
    found = nib.load(result.files[0].outputs[0]).get_fdata()
    inside = truth > 0
    assert np.abs(found - truth)[inside].mean() < 0.6 * np.abs(noisy - truth)[inside].mean()
    assert "as stated" in result.files[0].notes[0]


def test_the_noise_is_estimated_where_it_is_not_stated(tmp_path: Path) -> None:
    truth = smooth_brain((64, 64, 1)).astype(float)
    noisy = np.abs(truth + np.random.default_rng(0).normal(0, 80, truth.shape)) * (truth > 0)
    nib.save(nib.Nifti1Image(noisy.astype(np.float32), np.eye(4)), tmp_path / "a.nii")
    (row,) = denoise_files([tmp_path / "a.nii"], tmp_path / "out", method="nlm").files
    stated = float(row.notes[0].split()[1])
    assert 4 < stated < 16  # 80 of about 1000


def test_a_picture_stays_a_picture_of_its_depth(bundles: dict[str, Path], tmp_path: Path) -> None:
    pixels = np.rint(smooth_brain((48, 40, 1))[:, :, 0].T / 4).astype(np.uint8)
    Pillow.fromarray(pixels).save(tmp_path / "slice.png")
    (row,) = denoise_files([tmp_path / "slice.png"], tmp_path / "out", bundle=bundles["denoise"]).files
    with Pillow.open(row.outputs[0]) as found:
        assert found.size == (48, 40) and found.mode == "L"
        assert found.text["Description"].startswith("processed: denoised")
        assert np.array_equal(np.asarray(found) == 0, pixels == 0)


def test_simulated_reconstruction_writes_both_images_and_says_so(
    scan: Path, bundles: dict[str, Path], tmp_path: Path
) -> None:
    result = reconstruct_files([scan], tmp_path, acceleration=2, bundle=bundles["reconstruct"])
    (row,) = result.files
    assert [Path(p).name for p in row.outputs] == [
        "patient_flair_zero-filled-R2.nii.gz",
        "patient_flair_reconstructed-R2.nii.gz",
    ]
    assert "simulated" in row.notes[0] and "mask the brain again" in row.notes[1] and len(row.notes) == 2
    for path in row.outputs:
        found = nib.load(path)
        assert np.allclose(found.affine, OBLIQUE) and b"simulated" in found.header["descrip"].item()
        (whole,) = found.header.extensions
        assert whole.get_content().rstrip(b"\0").endswith(b"not the original scan; research use only")


def test_a_level_that_was_never_learned_is_told(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    (row,) = reconstruct_files([scan], tmp_path, acceleration=3, bundle=bundles["reconstruct"]).files
    assert row.notes[1].startswith("Bundle tiny-reconstruct learned R = 2, 4, 8, not 3:")
    (row,) = reconstruct_files([scan], tmp_path, thin=4, bundle=bundles["thin"]).files
    assert any("learned 3, 5 slices per slice, not 4:" in note for note in row.notes)


def test_measured_kspace_gives_images(bundles: dict[str, Path], tmp_path: Path) -> None:
    clean = torch.from_numpy(smooth_brain((32, 32, 3)).transpose(2, 1, 0)[:, None].astype(np.float32))
    kspace, mask = Cartesian().apply(clean, 2, torch.Generator().manual_seed(0)).inputs
    stored = np.fft.fftshift(kspace[:, 0].numpy(), axes=(-2, -1))
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["kspace"] = stored
    (row,) = reconstruct_files([tmp_path / "scan.h5"], tmp_path / "out", bundle=bundles["reconstruct"]).files
    assert row.status == "ok" and f"{int(mask.sum())} of 32 columns" in row.notes[0]
    filled = read_image(row.outputs[0])
    assert filled.shape == (32, 32, 3) and not filled.spacing_known
    expected = np.fft.fftshift(np.abs(np.fft.ifft2(kspace[:, 0].numpy(), norm="ortho")), axes=(-2, -1))
    assert np.allclose(filled.data, expected.transpose(2, 1, 0), atol=1e-2)


@pytest.mark.parametrize("content", [np.ones((2, 8, 8), np.complex64), np.ones((2, 8, 8)), None])
def test_other_kspace_is_refused_in_a_sentence(bundles: dict[str, Path], tmp_path: Path, content: object) -> None:
    path = tmp_path / "scan.h5"
    if content is None:
        path.write_text("no HDF5")
    else:
        with h5py.File(path, "w") as file:
            file["kspace"] = content
    result = reconstruct_files([path], tmp_path / "out", bundle=bundles["reconstruct"])
    assert result.exit_code == 2 and result.files[0].error.startswith("Expected")


def test_thin_slices_fill_the_same_box(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    (row,) = reconstruct_files([scan], tmp_path, thin=3, bundle=bundles["thin"]).files
    before = nib.load(scan)
    for path in row.outputs:
        found = nib.load(path)
        assert found.shape == (40, 48, 36)
        for corner in ((-0.5, -0.5, -0.5), (39.5, 47.5, -0.5), (39.5, 47.5, None)):
            old = [11.5 if c is None else c for c in corner]
            new = [35.5 if c is None else c for c in corner]
            assert np.allclose(before.affine @ [*old, 1], found.affine @ [*new, 1], atol=1e-4)
    thin = nib.load(row.outputs[1]).get_fdata()
    inside = smooth_brain() > 400
    averaged = thin.reshape(40, 48, 12, 3).mean(axis=3)
    difference = np.abs(averaged - smooth_brain())[inside]
    assert np.median(difference) < 1


def test_enhanced_volume_and_picture(scan: Path, tmp_path: Path) -> None:
    (row,) = enhance_files([scan], tmp_path, contrast="percentile").files
    found = nib.load(row.outputs[0])
    values = found.get_fdata()
    assert np.allclose(found.affine, OBLIQUE) and values.max() <= 1000 and values.min() == 0
    assert b"N4" in found.header["descrip"].item()
    Pillow.fromarray((smooth_brain((48, 40, 1))[:, :, 0].T / 8).astype(np.uint8)).save(tmp_path / "dark.png")
    (row,) = enhance_files([tmp_path / "dark.png"], tmp_path / "out", contrast="clahe").files
    with Pillow.open(row.outputs[0]) as picture:
        assert np.asarray(picture).max() > 200
    assert "not corrected" in row.notes[0]


def test_one_bad_file_does_not_stop_the_others(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    negative = tmp_path / "z_t1.nii"
    nib.save(nib.Nifti1Image((smooth_brain() - 500).astype(np.int16), OBLIQUE), negative)
    (tmp_path / "broken_t2.nii").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("no scan")
    given = [tmp_path / "notes.txt", negative, tmp_path / "broken_t2.nii", scan]
    result = denoise_files(given, tmp_path / "out", bundle=bundles["denoise"])
    assert [row.status for row in result.files] == ["failed", "failed", "failed", "ok"] and result.exit_code == 1
    assert "known format" in result.files[0].error and "notes.txt" in result.files[0].error
    assert "magnitude" in result.files[1].error


def test_a_fault_in_looking_for_cases_does_not_stop_the_others(
    scan: Path, bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise IndexError("a fault")

    monkeypatch.setattr("tumorscope.workflows.image_files.find_inputs", fault)
    (tmp_path / "empty").mkdir()
    result = denoise_files([tmp_path / "empty", scan], tmp_path / "out", bundle=bundles["denoise"])
    assert [row.status for row in result.files] == ["failed", "ok"] and "IndexError" in result.files[0].error


def test_dicom_of_zeros_has_no_skull() -> None:
    from tumorscope.core.image import Image
    from tumorscope.study.state import has_skull

    assert not has_skull(Image(np.zeros((8, 8, 8)), np.eye(4)))


def test_a_file_given_twice_is_done_once(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    result = denoise_files([scan, scan.parent, scan], tmp_path, bundle=bundles["denoise"])
    assert len(result.files) == 1
    (row,) = denoise_files([tmp_path], tmp_path, bundle=bundles["denoise"]).files
    assert "the folder of results itself" in row.error


def test_results_may_go_beside_the_folder_of_scans(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a_t1.nii.gz").write_bytes(scan.read_bytes())
    (row,) = denoise_files([tmp_path / "scans"], tmp_path, bundle=bundles["denoise"]).files
    assert row.outputs == (str(tmp_path / "a_t1_denoised.nii.gz"),)


def test_kspace_of_one_name_gives_two_results(bundles: dict[str, Path], tmp_path: Path) -> None:
    kspace = np.random.default_rng(0).normal(size=(1, 16, 16)).astype(np.complex64)
    kspace[..., ::3] = 0
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        with h5py.File(tmp_path / folder / "scan.h5", "w") as file:
            file["kspace"] = kspace
    given = [tmp_path / "a" / "scan.h5", tmp_path / "b" / "scan.h5"]
    first, second = reconstruct_files(given, tmp_path / "out", bundle=bundles["reconstruct"]).files
    assert (first.status, second.status) == ("ok", "ok") and not set(first.outputs) & set(second.outputs)
    with h5py.File(given[0], "w") as file:
        file["image"] = kspace
    (row,) = reconstruct_files(given[:1], tmp_path / "out", bundle=bundles["reconstruct"]).files
    assert "a data set 'kspace'; found image in" in row.error


def test_cubes_are_not_divided(bundles: dict[str, Path], tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(smooth_brain(), np.eye(4)), tmp_path / "cube_t1.nii.gz")
    (row,) = reconstruct_files([tmp_path / "cube_t1.nii.gz"], tmp_path / "out", thin=3, bundle=bundles["thin"]).files
    assert "1.0 times" in row.error and not row.outputs


def test_labels_and_earlier_results_are_no_input(scan: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    for name in ("a_flair.nii.gz", "a_seg.nii.gz"):
        (tmp_path / "case" / name).write_bytes(scan.read_bytes())
    out = tmp_path / "case" / "out"
    first = denoise_files([tmp_path / "case"], out, bundle=bundles["denoise"])
    again = denoise_files([tmp_path / "case"], out, bundle=bundles["denoise"])
    (named,) = denoise_files([tmp_path / "case" / "a_seg.nii.gz"], out, bundle=bundles["denoise"]).files
    assert "a label map by its name" in named.error
    assert [r.input for r in first.files] == [r.input for r in again.files] == ["a_flair"]
    (twice,) = denoise_files([first.files[0].outputs[0]], tmp_path / "more", bundle=bundles["denoise"]).files
    assert twice.notes[0].startswith("It was no original scan before: processed: denoised with bundle tiny-denoise")
    assert mark_of(twice.outputs[0]).count("denoised with bundle") == 2


@pytest.mark.parametrize(
    "words",
    [
        ["denoise", "SCAN", "--bundle", "gan"],
        ["denoise", "SCAN", "--noise", "5"],
        ["denoise", "SCAN", "--method", "nlm", "--noise", "-3"],
        ["denoise", "SCAN", "--method", "tv", "--noise", "5000"],
        ["reconstruct", "SCAN"],
        ["reconstruct", "SCAN", "--acceleration", "40"],
        ["reconstruct", "SCAN", "--acceleration", "4", "--thin", "3"],
        ["enhance", "SCAN", "--no-bias", "--contrast", "none"],
        ["denoise"],
    ],
)
def test_contradictions_end_with_64(
    scan: Path, bundles: dict[str, Path], tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"SCAN": str(scan), "gan": str(bundles["gan"])}
    if words[:2] == ["denoise", "SCAN"] and not {"--bundle", "--method"} & set(words):
        words = [*words, "--bundle", str(bundles["denoise"])]
    assert main([*(places.get(w, w) for w in words), "-o", str(tmp_path / "o")]) == 64
    assert capsys.readouterr().err.count("Expected") == 1


def test_an_image_bundle_does_not_segment(bundles: dict[str, Path]) -> None:
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.inference.predictor import Predictor

    with pytest.raises(UsageError, match="makes or repairs images"):
        Predictor(Bundle.load(bundles["gan"]))
