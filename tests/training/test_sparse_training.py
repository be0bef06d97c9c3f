"""Sparse labels, class weights and guided decoders on their way through a training run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from tiny_training import make_brats, tiny

from tumorscope.core.case import Case
from tumorscope.core.errors import LabelError, UsageError
from tumorscope.core.labels import BRATS, custom_scheme
from tumorscope.datasets import DATASETS
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.cache import IGNORED, Cache, build_cache
from tumorscope.training.class_weights import balanced_weights, with_class_weights
from tumorscope.training.patches import PatchDataset
from tumorscope.training.task import SegmentationTask
from tumorscope.workflows.train import train_recipe

CLASSES = {"kind": "classes", "names": ["NCR/NET", "ED", "ET"]}
#: What stands for "nobody looked here" in these label maps.
NOBODY = 9


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BraTS-like cases of which nobody labelled the columns from 16 on."""
    root = make_brats(tmp_path_factory.mktemp("sparse"))
    for path in root.rglob("*_seg.nii"):
        image = nib.load(path)
        labels = np.asarray(image.dataobj).copy()
        labels[16:] = NOBODY
        nib.save(nib.Nifti1Image(labels, image.affine), path)
    return root


@pytest.fixture(scope="module")
def cases(data: Path) -> list[Case]:
    return [replace(c, ignore_value=NOBODY) for c in DATASETS.load("brats").discover(data)]


@pytest.fixture(scope="module")
def cache(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return build_cache(cases, tiny().preprocess, BRATS, tmp_path_factory.mktemp("cache"))


def sparse(**sections: object) -> Recipe:
    return tiny(data__ignore_value=NOBODY, **sections)


class TestCache:
    def test_what_nobody_labelled_is_marked_and_no_tumour(self, cache: Cache, cases: list[Case]) -> None:
        for case in cases:
            labels = cache.labels(case.id)
            assert set(np.unique(labels)) <= {0, 1, 2, 4, IGNORED}
            assert (labels == IGNORED).mean() == pytest.approx(0.5, abs=0.05)
            counted = np.isin(labels, (1, 2, 4)).sum(axis=(1, 2))
            assert cache.cases[case.id].foreground == counted.tolist()

    def test_without_being_told_the_value_is_refused(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(LabelError, match=str(NOBODY)):
            build_cache(DATASETS.load("brats").discover(data), tiny().preprocess, BRATS, tmp_path)

    def test_other_ignored_values_are_cached_apart(self, data: Path, tmp_path: Path) -> None:
        (case, *_) = DATASETS.load("brats").discover(data)
        first, second = (
            build_cache([replace(case, ignore_value=v, scheme=s)], tiny().preprocess, s, tmp_path)
            for v, s in (
                (NOBODY, custom_scheme({1: "a", 2: "b", 4: "c"})),
                (4, custom_scheme({1: "a", 2: "b", 9: "c"})),
            )
        )
        assert not np.array_equal(first.labels(case.id), second.labels(case.id))

    def test_255_cannot_be_a_class_too(self, cases: list[Case], tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="Give the class another value"):
            build_cache(cases, tiny().preprocess, custom_scheme({255: "x"}), tmp_path)

    def test_patches_are_centred_on_tumour_that_somebody_labelled(self, cache: Cache, cases: list[Case]) -> None:
        patches = PatchDataset(cache, [c.id for c in cases], (1, 1, 1), 30, tumour_fraction=1.0)
        assert {int(patches[i]["label"]) for i in range(30)} <= {1, 2, 4}


class TestTask:
    def task(self, **sections: object) -> SegmentationTask:
        torch.manual_seed(0)
        return SegmentationTask(sparse(**sections), BRATS, 1)

    def batch(self, cache: Cache, cases: list[Case]) -> dict[str, torch.Tensor]:
        labels = torch.from_numpy(np.array(cache.labels(cases[0].id)))
        return {"image": torch.rand(len(labels), 6, 32, 32), "label": labels}

    def test_counts_leave_out_what_nobody_labelled(self, cache: Cache, cases: list[Case]) -> None:
        task, batch = self.task(), self.batch(cache, cases)
        targets, known = task.targets(batch["label"]), task.known(batch["label"])
        assert known is not None
        everywhere = torch.full_like(targets, 9.0)  # all tumour
        counts = task._count(everywhere, targets, known)
        assert int(counts.sum()) == 3 * int(known.sum())
        assert int(counts[..., 0].sum()) == int(targets.sum())
        right, pixels = task._right(everywhere, targets, known)
        assert int(pixels) == int((batch["label"] != IGNORED).sum())
        assert float(right) == pytest.approx(float(targets.sum()) / 3, rel=1e-5)

    def test_augmentation_moves_the_unknown_pixels_along(self, cache: Cache, cases: list[Case]) -> None:
        task, batch = self.task(augment={"flip_lr": 1.0}), self.batch(cache, cases)
        _, targets, known = task.augmented(batch, torch.Generator().manual_seed(0))
        plain = task.known(batch["label"])
        assert known is not None and plain is not None
        assert torch.equal(known, plain.flip(-1))
        assert torch.equal(targets, task.targets(batch["label"]).flip(-1))

    def test_beyond_the_picture_everything_is_known(self, cache: Cache, cases: list[Case]) -> None:
        task, batch = self.task(augment={"zoom": 0.9}), self.batch(cache, cases)
        batch["label"][:] = IGNORED
        shares = [
            float(known.mean())
            for seed in range(6)
            if (known := task.augmented(batch, torch.Generator().manual_seed(seed))[2]) is not None
        ]
        assert max(shares) > 0.2

    def test_dense_labels_have_no_mask(self, cache: Cache, cases: list[Case]) -> None:
        assert SegmentationTask(tiny(), BRATS, 1).known(self.batch(cache, cases)["label"]) is None

    def test_a_guided_decoder_trains_on_every_level_and_answers_with_the_finest(self) -> None:
        task = self.task(network={"name": "attention-resunet", "args": {"filters": [4, 8, 16]}})
        x = torch.rand(2, 6, 32, 32)
        assert len(task.train().levels(x)) == 2
        (only,) = task.eval().levels(x)
        assert torch.equal(only, task.network(x))


class TestClassWeights:
    def recipe(self, **sections: object) -> Recipe:
        loss = {"cross_entropy": {"args": {"class_weights": "balanced"}}, "dice": {}}
        return sparse(outputs=CLASSES, loss=loss, **sections)

    @pytest.mark.parametrize("window", [None, [2, 4]])
    def test_every_class_has_the_same_share(self, window: list[int] | None, cache: Cache, cases: list[Case]) -> None:
        recipe = self.recipe(preprocess__slices=window)
        ids = [c.id for c in cases]
        weights = balanced_weights(recipe, BRATS, cache, ids)
        assert list(weights) == ["background", "NCR/NET", "ED", "ET"]
        labels = np.concatenate([cache.labels(i)[slice(*(window or (None,)))] for i in ids])
        shares = [(labels == v).sum() * w for v, w in zip((0, 1, 2, 4), weights.values(), strict=True)]
        assert shares == pytest.approx([(labels != IGNORED).sum() / 4] * 4)

    def test_a_class_that_does_not_occur_weighs_one(self, cache: Cache, cases: list[Case]) -> None:
        recipe = self.recipe(preprocess__slices=[0, 1])
        assert balanced_weights(recipe, BRATS, cache, [c.id for c in cases])["NCR/NET"] == 1.0

    def test_the_recipe_gets_the_numbers(self, cache: Cache, cases: list[Case]) -> None:
        recipe, ids = self.recipe(), [c.id for c in cases]
        found = with_class_weights(recipe, BRATS, cache, ids)
        assert found.loss["cross_entropy"].args["class_weights"] == list(
            balanced_weights(recipe, BRATS, cache, ids).values()
        )
        assert found.model_copy(update={"loss": recipe.loss}) == recipe
        assert with_class_weights(tiny(), BRATS, cache, ids) == tiny()


def test_a_run_with_all_of_it(data: Path, tmp_path: Path) -> None:
    recipe = sparse(
        outputs=CLASSES,
        loss={"cross_entropy": {"args": {"class_weights": "balanced"}}, "dice": {}},
        network={"name": "attention-resunet", "args": {"filters": [4, 8]}},
        training__epochs=2,
    )
    result = train_recipe(recipe, data, tmp_path / "run")
    assert np.isfinite(result.best[0])
    manifest = result.bundle.manifest
    assert manifest.training.recipe["data"]["ignore_value"] == NOBODY
    assert len(manifest.training.manifest["class_weights"][0]) == 4
