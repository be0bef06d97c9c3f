"""The phantom: a known tumour in a realistic brain."""

from __future__ import annotations

import functools
import itertools
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, OutputError, UsageError
from tumorscope.core.labels import BRATS
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.phantom import PhantomSpec, discover, healthy_phantom, make_phantom, write_phantom
from tumorscope.datasets.phantom.anatomy import Tissue, place_brain, tissues
from tumorscope.datasets.phantom.glioma import Site, choose_site, push_tissue
from tumorscope.datasets.phantom.grid import BRATS_SHAPE, Grid, Noise
from tumorscope.datasets.phantom.spread import _solve
from tumorscope.datasets.phantom.template import load_template

COARSE = 4.0
T1, T1CE, T2, FLAIR = Sequence


@functools.lru_cache(maxsize=16)
def phantom(spacing: float = COARSE, **spec: object) -> Case:
    """A phantom that several tests share (nobody writes into it)."""
    return make_phantom(PhantomSpec(**spec), spacing=spacing)  # type: ignore[arg-type]


def voxels(case: Case, sequence: Sequence) -> np.ndarray:
    return case.images[sequence].data  # type: ignore[union-attr]


def labels(case: Case) -> np.ndarray:
    return case.label.data  # type: ignore[union-attr]


def core(case: Case) -> np.ndarray:
    return BRATS.mask(labels(case), "TC")


class TestGridAndNoise:
    def test_affine_is_that_of_the_releases(self) -> None:
        expected = [[-1, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]]
        assert BRATS_SHAPE == Grid().shape == (240, 240, 155)
        np.testing.assert_array_equal(Grid().affine, expected)

    def test_affine_equals_a_real_case(self, test_data: Path) -> None:
        import nibabel

        real = nibabel.load(next((test_data / "brats").glob("Brats18_CBICA*/*_t1.nii.gz")))
        assert real.shape == Grid().shape
        np.testing.assert_allclose(real.affine, Grid().affine)

    def test_noise_has_zero_mean_and_unit_variance(self) -> None:
        field = Noise(3, Grid(step=2.0, shape=(120, 120, 77))).field("x", 5)
        assert abs(field.mean()) < 0.05
        assert abs(field.std() - 1) < 0.05

    def test_noise_is_anchored_to_positions(self) -> None:
        whole = Noise(3, Grid(step=4.0, shape=(60, 60, 38)))
        part = Grid((40.0, 80.0, 20.0), 4.0, (10, 9, 8))
        cut = whole.field("x", 7)[10:20, 20:29, 5:13]
        np.testing.assert_allclose(Noise(3, part).field("x", 7), cut, atol=1e-4)
        points = np.stack(np.meshgrid(*(part.axis(k) for k in range(3)), indexing="ij")).reshape(3, -1)
        np.testing.assert_allclose(whole.at("x", 7, points), cut.ravel(), atol=1e-3)

    def test_noise_streams_are_independent(self) -> None:
        noise = Noise(3, Grid(step=4.0, shape=(60, 60, 38)))
        correlation = np.corrcoef(noise.field("a", 6).ravel(), noise.field("b", 6).ravel())[0, 1]
        assert abs(correlation) < 0.1


class TestSpread:
    def test_uniform_medium_gives_euclidean_distance(self) -> None:
        cost = np.full((33, 33, 33), 2.0, dtype=np.float32)
        time_ = _solve(cost, (16.0, 16.0, 16.0))
        index = np.stack(np.meshgrid(*(np.arange(33),) * 3, indexing="ij")) - 16
        distance = 2 * np.sqrt((index**2).sum(axis=0))
        far = distance > 8
        assert (
            np.abs(time_[far] / distance[far] - 1).max() < 0.16
        )  # the first-order scheme's error, on diagonals near the seed
        assert np.abs(time_[far] / distance[far] - 1).mean() < 0.07

    def test_a_wall_is_walked_around(self) -> None:
        cost = np.ones((21, 21, 3), dtype=np.float32)
        cost[10, :18] = 1000
        time_ = _solve(cost, (5.0, 5.0, 1.0))
        assert time_[15, 5, 1] > 25  # 10 in a straight line, 13 + 13 and more around the end of the wall


class TestPhantom:
    def test_is_deterministic(self) -> None:
        one, two = (make_phantom(PhantomSpec(seed=4), spacing=COARSE) for _ in range(2))
        np.testing.assert_array_equal(labels(one), labels(two))
        for sequence in Sequence:
            np.testing.assert_array_equal(voxels(one, sequence), voxels(two, sequence))

    def test_seeds_differ_in_anatomy_and_tumour(self) -> None:
        one, two = phantom(seed=1), phantom(seed=2)
        assert ((voxels(one, T1) > 0) != (voxels(two, T1) > 0)).sum() > 100
        assert (labels(one) != labels(two)).any()

    def test_types_grid_and_labels(self) -> None:
        case = phantom(seed=1)
        assert case.sequences == tuple(Sequence)
        assert case.scheme is BRATS
        assert case.grade == "HGG"
        assert set(np.unique(labels(case))) == {0, 1, 2, 4}
        assert labels(case).dtype == np.uint8
        for sequence in Sequence:
            image = case.images[sequence]
            assert voxels(case, sequence).dtype == np.int16
            assert image.same_grid(case.label)  # type: ignore[union-attr, arg-type]
            assert image.orientation == "LPS"  # type: ignore[union-attr]
            assert image.spacing == (4.0, 4.0, 4.0)  # type: ignore[union-attr]

    def test_background_is_zero_and_brain_is_not(self) -> None:
        case = make_phantom(PhantomSpec(seed=1, noise=0.2), spacing=COARSE)
        brain = voxels(case, T1) > 0
        for sequence in Sequence:
            np.testing.assert_array_equal(voxels(case, sequence) > 0, brain)
            assert voxels(case, sequence).min() == 0
        assert not labels(case)[~brain].any()
        assert 1150 < brain.sum() * case.label.voxel_ml < 1600  # type: ignore[union-attr]

    def test_brain_lies_where_it_does_in_the_releases(self) -> None:
        found = np.argwhere(voxels(phantom(seed=1), T1) > 0) * COARSE
        # 52 released cases: first voxels 46-56, 39-59, 0-15; last 181-191, 204-220, 134-149
        assert (np.abs(found.min(axis=0) - [51, 46, 5]) <= [8, 14, 12]).all()
        assert (np.abs(found.max(axis=0) - [187, 212, 141]) <= [8, 14, 12]).all()

    def test_crop_is_the_same_patient(self) -> None:
        case = phantom(seed=1)
        crop = make_phantom(PhantomSpec(seed=1), shape=(26, 28, 16), spacing=COARSE)
        assert labels(crop).shape == (26, 28, 16)
        first = np.linalg.solve(case.label.affine, crop.label.affine[:, 3])[:3].round().astype(int)  # type: ignore[union-attr]
        part = tuple(slice(a, a + n) for a, n in zip(first, labels(crop).shape, strict=True))
        inner = (slice(2, -2),) * 3
        assert (labels(crop)[inner] == labels(case)[part][inner]).mean() > 0.995
        assert (core(crop)).sum() > 0.9 * core(case).sum()

    def test_different_grids_hold_the_same_tumour(self) -> None:
        fine, coarse = phantom(3.0, seed=1), phantom(seed=1)
        for region in ("WT", "TC"):
            a, b = (BRATS.mask(labels(c), region).sum() * c.label.voxel_ml for c in (fine, coarse))  # type: ignore[union-attr]
            assert abs(a / b - 1) < 0.2


def medians(case: Case, sequence: Sequence, masks: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(np.median(voxels(case, sequence)[mask])) for name, mask in masks.items()}


class TestContrast:
    @pytest.fixture(scope="class")
    @staticmethod
    def healthy() -> tuple[Case, dict[str, np.ndarray]]:
        """A healthy phantom and the masks of its pure tissues."""
        spec = PhantomSpec(seed=1, bias=0.03)
        case = healthy_phantom(spec, spacing=3.0)
        whole = Grid(step=3.0, shape=case.label.shape)  # type: ignore[union-attr]
        grid, where = whole.head()
        template = load_template(0.4 * 3.0)
        brain = place_brain(grid, Noise(1, grid), template)
        tissue: Tissue = tissues(brain, template, 0.0)
        masks = {}
        for name in ("wm", "gm", "csf"):
            masks[name] = np.zeros(whole.shape, dtype=bool)
            pure = (getattr(tissue, name) > 0.95) & (brain.depth > 6)
            masks[name][where][brain.inside] = pure
            assert pure.sum() > 200
        return case, masks

    @pytest.mark.parametrize(
        ("sequence", "order"),
        [
            (T1, ["csf", "gm", "wm"]),
            (T1CE, ["csf", "gm", "wm"]),
            (T2, ["wm", "gm", "csf"]),
            (FLAIR, ["csf", "wm", "gm"]),
        ],
    )
    def test_healthy_tissues(
        self, healthy: tuple[Case, dict[str, np.ndarray]], sequence: Sequence, order: list[str]
    ) -> None:
        found = medians(*healthy[:1], sequence, healthy[1])
        assert sorted(found, key=found.__getitem__) == order

    def test_white_matter_has_the_scale_of_the_releases(self, healthy: tuple[Case, dict[str, np.ndarray]]) -> None:
        white = [medians(healthy[0], s, healthy[1])["wm"] for s in Sequence]
        np.testing.assert_allclose(white, [420, 420, 350, 200], rtol=0.1)

    @pytest.mark.parametrize("seed", [1, 2])
    def test_tumour(self, seed: int) -> None:
        case = phantom(seed=seed)
        whole = labels(case)
        healthy = (whole == 0) & (voxels(case, T1) > 0)
        white = healthy & (voxels(case, T1) > np.percentile(voxels(case, T1)[healthy], 70))
        masks = {"wm": white, "brain": healthy, "ncr": whole == 1, "ed": whole == 2, "et": whole == 4}
        t1, t1ce, t2, flair = (medians(case, s, masks) for s in Sequence)
        assert t1["ncr"] < t1["ed"] < t1["wm"]
        assert t1ce["ncr"] < t1ce["ed"] < t1ce["wm"]
        assert t1ce["et"] > 1.3 * t1ce["wm"]
        assert t2["ncr"] > t2["ed"] > 1.2 * t2["brain"]
        assert flair["ed"] > 1.4 * flair["brain"]
        assert flair["brain"] < flair["ncr"] < flair["ed"]


class TestTumour:
    def test_growth_contains_what_was_there(self) -> None:
        grown = [phantom(seed=1, growth=g) for g in (0.3, 0.6, 0.9)]
        for small, large in itertools.pairwise(grown):
            for region in ("WT", "TC"):
                a, b = (BRATS.mask(labels(c), region) for c in (small, large))
                assert b.sum() > 1.3 * a.sum()
                assert (a & b).sum() > 0.93 * a.sum()

    def test_smallest_tumour_exists(self) -> None:
        assert 0 < BRATS.mask(labels(phantom(3.0, seed=1, growth=0.0)), "WT").sum() < 1000

    @pytest.mark.parametrize("hemisphere", ["left", "right"])
    def test_hemisphere_and_midline(self, hemisphere: str) -> None:
        case = phantom(seed=5, hemisphere=hemisphere, growth=0.4)
        x = np.nonzero(labels(case))[0] * COARSE
        right_side = (x > 121).mean() if hemisphere == "left" else (x < 121).mean()  # LPS: x grows to the left
        assert right_side > 0.98

    def test_oedema_follows_white_matter(self) -> None:
        spec = PhantomSpec(seed=2, mass_effect=0.0, lobe="parietal")
        label = labels(make_phantom(spec, spacing=3.0))
        whole = Grid(step=3.0, shape=label.shape)
        grid, where = whole.head()
        template = load_template(0.4 * 3.0)
        brain = place_brain(grid, Noise(2, grid), template)
        tissue = tissues(brain, template, 0.0)
        oedema = label[where][brain.inside] == 2
        distance = np.linalg.norm(brain.position - choose_site(spec, template).centre[:, None], axis=0)
        around = distance < np.percentile(distance[oedema], 80)
        assert tissue.wm[oedema].mean() > 0.7
        assert tissue.wm[oedema].mean() > tissue.wm[around & ~oedema].mean() + 0.3
        assert tissue.csf[oedema].mean() < 0.1

    def test_rim_encloses_the_core_unevenly(self) -> None:
        from scipy.ndimage import binary_dilation, distance_transform_edt

        label = labels(make_phantom(PhantomSpec(seed=1, lobe="frontal"), shape=(60, 60, 60)))
        necrosis = label == 1
        shell = binary_dilation(necrosis, iterations=2) & ~necrosis
        assert (label[shell] == 4).mean() > 0.6
        thickness = distance_transform_edt(label == 4)
        assert thickness.max() > 2.5 * np.median(thickness[label == 4])

    def test_mass_effect_pushes_away_and_spares_the_skull(self) -> None:
        grid = Grid((42.0, 34.0, 0.0), 4.0, (39, 47, 38))
        template = load_template(0.4 * COARSE)
        brain = place_brain(grid, Noise(0, grid), template)
        before = brain.mni.copy()
        site = Site(np.array([85.0, 110.0, 95.0]), 20.0, 40.0, 9.0)  # right hemisphere, midline at 120
        squeezed = push_tissue(brain, site)
        moved = np.linalg.norm(brain.mni - before, axis=0)
        x, y, z = brain.position
        midline = (np.abs(x - 118) < 5) & (np.abs(y - 110) < 12) & (np.abs(z - 95) < 12)
        assert (brain.mni[0] - before[0])[midline].mean() > 2  # tissue found there comes from further right
        assert moved[brain.depth < 2].max() < 3
        assert moved.max() < 12
        assert squeezed.min() >= 0
        assert squeezed.max() <= 1

    def test_low_grade_has_no_rim(self) -> None:
        case = phantom(seed=1, enhancing=False)
        label = labels(case)
        assert set(np.unique(label)) == {0, 1, 2}
        assert case.grade == "LGG"
        brain = np.median(voxels(case, T1CE)[(label == 0) & (voxels(case, T1) > 0)])
        assert np.median(voxels(case, T1CE)[label == 1]) < brain
        assert np.median(voxels(case, FLAIR)[label == 1]) > 1.4 * np.median(voxels(case, FLAIR)[voxels(case, T1) > 0])

    def test_healthy_is_the_same_brain_without_tumour(self) -> None:
        sick, well = phantom(seed=1), healthy_phantom(PhantomSpec(seed=1), spacing=COARSE)
        assert not labels(well).any()
        assert well.patient == sick.patient
        assert well.id != sick.id
        np.testing.assert_array_equal(voxels(well, T1) > 0, voxels(sick, T1) > 0)
        away = (np.abs(np.argwhere(labels(sick) == 0) - np.argwhere(labels(sick)).mean(axis=0)) > 18).any(axis=1)
        far = tuple(np.argwhere(labels(sick) == 0)[away].T)
        assert np.corrcoef(voxels(well, T1)[far], voxels(sick, T1)[far])[0, 1] > 0.99


class TestFiles:
    @pytest.fixture(scope="class")
    @staticmethod
    def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
        root = tmp_path_factory.mktemp("parent") / "phantoms"
        write_phantom(root, PhantomSpec(seed=7, enhancing=False), spacing=COARSE)
        return root

    def test_layout(self, root: Path) -> None:
        names = sorted(p.name for p in (root / "Phantom_007").iterdir())
        assert names == sorted(
            ["phantom.json", *(f"Phantom_007_{s}.nii.gz" for s in ("flair", "t1", "t1ce", "t2", "seg"))]
        )
        assert [p.name for p in root.iterdir()] == ["Phantom_007"]

    def test_round_trip(self, root: Path) -> None:
        (found,) = discover(root)
        assert (found.id, found.patient, found.grade) == ("Phantom_007", "Phantom_007", "LGG")
        read, made = found.loaded(), phantom(seed=7, enhancing=False)
        np.testing.assert_array_equal(labels(read), labels(made))
        for sequence in Sequence:
            np.testing.assert_array_equal(voxels(read, sequence), voxels(made, sequence))
            assert voxels(read, sequence).dtype == np.int16
            assert read.images[sequence].same_grid(made.label)  # type: ignore[union-attr, arg-type]

    def test_registered_data_set_finds_it_from_a_parent(self, root: Path) -> None:
        assert [c.id for c in DATASETS.load("phantom").discover(root.parent)] == ["Phantom_007"]

    def test_same_seed_replaces(self, tmp_path: Path) -> None:
        for growth in (0.2, 0.8):
            folder = write_phantom(tmp_path, PhantomSpec(growth=growth), spacing=COARSE)
        (found,) = discover(tmp_path)
        assert [p.name for p in tmp_path.iterdir()] == [folder.name]
        np.testing.assert_array_equal(labels(found.loaded()), labels(phantom(COARSE, growth=0.8)))

    def test_other_folder_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "Phantom_000").mkdir()
        (tmp_path / "Phantom_000" / "mine.txt").write_text("x")
        with pytest.raises(OutputError, match="other files"):
            write_phantom(tmp_path, spacing=COARSE)
        assert [p.name for p in (tmp_path / "Phantom_000").iterdir()] == ["mine.txt"]

    def test_failed_write_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import tumorscope.formats.nifti as nifti

        def full(*_: object, **__: object) -> None:
            raise OutputError(expected="space", found="none", fix="Free some")

        monkeypatch.setattr(nifti, "write_nifti", full)
        with pytest.raises(OutputError):
            write_phantom(tmp_path, spacing=COARSE)
        assert list(tmp_path.iterdir()) == []

    def test_folder_without_phantoms(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="none"):
            discover(tmp_path)
        with pytest.raises(InputError, match="no folder"):
            discover(tmp_path / "absent")


class TestBadInput:
    @pytest.mark.parametrize(
        "spec",
        [
            {"growth": 1.1},
            {"growth": float("nan")},
            {"seed": -1},
            {"size_mm": 5},
            {"noise": -1},
            {"hemisphere": "up"},
            {"lobe": "x"},
        ],
    )
    def test_spec(self, spec: dict[str, object]) -> None:
        with pytest.raises(UsageError, match=next(iter(spec))):
            PhantomSpec(**spec)  # type: ignore[arg-type]

    def test_centre_outside_the_brain(self) -> None:
        with pytest.raises(UsageError, match="centre_mm"):
            make_phantom(PhantomSpec(centre_mm=(0, 0, 200)), spacing=COARSE)

    @pytest.mark.parametrize("grid", [{"spacing": 0.0}, {"shape": (4, 0, 4)}, {"spacing": float("nan")}])
    def test_grid(self, grid: dict[str, object]) -> None:
        with pytest.raises(UsageError, match="spacing"):
            make_phantom(**grid)  # type: ignore[arg-type]


def test_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load_template.cache_clear()
    assert core(make_phantom(spacing=COARSE)).any()


def test_import_is_light() -> None:
    code = (
        "import sys, tumorscope.datasets.phantom;"
        "print(sorted({'scipy', 'nibabel', 'nilearn', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_full_size_takes_at_most_eight_seconds_of_one_core() -> None:
    load_template()
    started = time.process_time()
    case = make_phantom()
    assert time.process_time() - started < 8
    assert labels(case).shape == BRATS_SHAPE
