"""Batches as documented: shape, order, share of tumour, a new order every epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import UsageError
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.training.batches import SliceDataset, TumourSampler, loader, target_table
from tumorscope.training.cache import Cache, CachedCase
from tumorscope.training.patches import PatchDataset


def make_cache(folder: Path, depths: tuple[int, ...] = (6, 4), labelled: bool = True) -> Cache:
    """Write cases whose voxels tell their place: channel c, slice z, row r, column k hold 1000c + 100z + 10r + k."""
    cases = {}
    for number, depth in enumerate(depths):
        c, z, r, k = np.meshgrid(range(2), range(depth), range(8), range(6), indexing="ij")
        images = (1000 * c + 100 * z + 10 * r + k).transpose(1, 0, 2, 3)
        labels = np.zeros((depth, 8, 6), np.uint8)
        if labelled:
            labels[2, 3, 4] = 4
            labels[2:4, 5, 1] = 1
        name = f"case{number}"
        np.save(folder / f"{name}-x.npy", images.astype(np.float16))
        np.save(folder / f"{name}-y.npy", labels)
        foreground = (labels > 0).sum(axis=(1, 2)).tolist()
        cases[name] = CachedCase(name, name, [], name, foreground, [0, 1, 4], [])
    return Cache(folder, cases)


class TestSlices:
    def test_an_item_is_as_documented(self, tmp_path: Path) -> None:
        dataset = SliceDataset(make_cache(tmp_path), ["case1", "case0"], context=1)
        assert len(dataset) == 10
        item = dataset[4 + 3]  # the second case named, slice 3
        assert item["image"].dtype == torch.float32
        assert item["image"].shape == (6, 8, 6)
        assert item["label"].dtype == torch.uint8
        assert item["label"].shape == (8, 6)
        assert int(item["case"]) == 1
        # lower slice first, its sequences in the recipe's order, rows then columns
        assert item["image"][:, 2, 5].tolist() == [225.0, 1225.0, 325.0, 1325.0, 425.0, 1425.0]
        assert item["label"].nonzero().tolist() == [[5, 1]]

    def test_a_window_leaves_other_slices_out_but_not_as_neighbours(self, tmp_path: Path) -> None:
        """S2-21: slices 60:135, here 2:5."""
        dataset = SliceDataset(make_cache(tmp_path), ["case0", "case1"], context=1, window=(2, 5))
        assert dataset.foreground.tolist() == [2, 1, 0, 2, 1]
        assert dataset[0]["image"][0, 0, 0] == 100

    def test_batches(self, tmp_path: Path) -> None:
        dataset = SliceDataset(make_cache(tmp_path), ["case0", "case1"], context=0)
        batches = list(loader(dataset, 4, None))
        assert [tuple(b["image"].shape) for b in batches] == [(4, 2, 8, 6), (4, 2, 8, 6), (2, 2, 8, 6)]
        assert torch.cat([b["case"] for b in batches]).tolist() == [0] * 6 + [1] * 4

    def test_a_last_batch_of_one_slice_does_not_train(self, tmp_path: Path) -> None:
        dataset = SliceDataset(make_cache(tmp_path), ["case0", "case1"], context=0)
        sampler = TumourSampler(dataset.foreground, None, None, 0)
        sizes = {size: [len(b["label"]) for b in loader(dataset, size, sampler)] for size in (1, 3, 4, 10, 16)}
        assert sizes == {1: [1] * 10, 3: [3, 3, 3], 4: [4, 4, 2], 10: [10], 16: [10]}
        assert [len(b["label"]) for b in loader(dataset, 3, None)] == [3, 3, 3, 1]

    def test_shares_cover_everything_once(self, tmp_path: Path) -> None:
        dataset = SliceDataset(make_cache(tmp_path), ["case0", "case1"], context=0)
        shares = [dataset.share(rank, 3) for rank in range(3)]
        together = sorted(tuple(row) for share in shares for row in share.index.tolist())
        assert together == sorted(tuple(row) for row in dataset.index.tolist())
        assert len(dataset) == 10


class TestSampler:
    @given(
        tumour=st.integers(1, 40),
        empty=st.integers(1, 80),
        fraction=st.floats(0.05, 1.0),
        samples=st.integers(1, 100),
        seed=st.integers(0, 9),
    )
    @settings(max_examples=80, deadline=None)
    def test_tumour_slices_have_the_stated_share(
        self, tumour: int, empty: int, fraction: float, samples: int, seed: int
    ) -> None:
        foreground = np.array([3] * tumour + [0] * empty)
        order = list(TumourSampler(foreground, fraction, samples, seed))
        assert len(order) == samples
        with_tumour = [i for i in order if foreground[i]]
        assert len(with_tumour) == round(samples * fraction)
        for kind, size in ((with_tumour, tumour), ([i for i in order if not foreground[i]], empty)):
            counts = np.bincount(kind, minlength=len(foreground))
            used = counts[foreground > 0] if kind is with_tumour else counts[foreground == 0]
            assert used.max() - used.min() <= 1, size  # none twice before all once

    def test_without_a_share_every_slice_comes_once(self) -> None:
        order = list(TumourSampler(np.array([0, 1, 0, 2]), None, None, 0))
        assert sorted(order) == [0, 1, 2, 3]

    def test_by_default_no_tumour_slice_repeats(self) -> None:
        sampler = TumourSampler(np.array([1] * 6 + [0] * 30), 0.6, None, 0)
        assert len(sampler) == 10
        assert sorted(i for i in sampler if i < 6) == list(range(6))

    @pytest.mark.parametrize("foreground", [[1, 2, 3], [0, 0, 0]])
    def test_without_both_kinds_the_share_is_no_matter(self, foreground: list[int]) -> None:
        assert sorted(TumourSampler(np.array(foreground), 0.5, None, 0)) == [0, 1, 2]

    def test_every_epoch_has_its_own_order_and_the_seed_decides_it(self) -> None:
        def order(seed: int, epoch: int) -> list[int]:
            sampler = TumourSampler(np.arange(50) % 3, 0.5, None, seed)
            sampler.set_epoch(epoch)
            return list(sampler)

        assert order(1, 0) != order(1, 1)
        assert order(1, 0) != order(2, 0)
        assert order(1, 7) == order(1, 7)

    @pytest.mark.parametrize("samples", [12, 13])
    def test_processes_share_an_epoch_evenly(self, samples: int) -> None:
        parts = [list(TumourSampler(np.arange(30) % 2, 0.5, samples, 3, rank, 2)) for rank in range(2)]
        assert len(parts[0]) == len(parts[1]) == len(TumourSampler(np.arange(30) % 2, 0.5, samples, 3, 0, 2)) == 6
        assert not set(parts[0]) & set(parts[1])


class TestTargets:
    def test_regions_nest(self) -> None:
        table = target_table(Outputs(kind="regions", names=("WT", "TC", "ET")), BRATS)
        assert table.shape == (256, 3)
        assert table[[0, 1, 2, 4]].tolist() == [[0, 0, 0], [1, 1, 0], [1, 0, 0], [1, 1, 1]]

    def test_classes_are_one_hot_with_the_background_first(self) -> None:
        table = target_table(Outputs(kind="classes", names=("NCR/NET", "ED", "ET")), BRATS)
        assert table[[0, 1, 2, 4]].tolist() == torch.eye(4).tolist()
        assert (table.sum(dim=1) == 1).all()

    def test_binary(self) -> None:
        assert target_table(Outputs(kind="binary", names=("tumor",)), BINARY)[:2].tolist() == [[0], [1]]


class TestPatches:
    def test_an_item_is_as_documented(self, tmp_path: Path) -> None:
        dataset = PatchDataset(make_cache(tmp_path), ["case0"], (3, 4, 5), 20, tumour_fraction=0.0)
        item = dataset[7]
        assert item["image"].shape == (2, 3, 4, 5)
        assert item["image"].dtype == torch.float32
        assert item["label"].shape == (3, 4, 5)
        assert item["label"].dtype == torch.uint8
        corner = int(item["image"][0, 0, 0, 0])
        expected = [[100 * z + 10 * r + k for k in range(5)] for z in range(3) for r in range(4)]
        assert (item["image"][0].reshape(12, 5) - corner).tolist() == expected
        assert torch.equal(item["image"][1], item["image"][0] + 1000)

    @pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
    def test_the_stated_share_is_centred_on_tumour(self, tmp_path: Path, fraction: float) -> None:
        dataset = PatchDataset(make_cache(tmp_path), ["case0", "case1"], (3, 3, 3), 40, fraction, seed=2)
        centred = sum(bool(dataset[i]["label"][1, 1, 1]) for i in range(40))
        assert round(40 * fraction) <= centred <= round(40 * fraction) + 4

    def test_label_and_image_are_cut_at_one_place_and_padded_with_zeros(self, tmp_path: Path) -> None:
        cache = make_cache(tmp_path)
        whole, labels = cache.images("case1"), cache.labels("case1")
        dataset = PatchDataset(cache, ["case1"], (9, 17, 13), 5, 1.0)
        for i in range(5):
            item = dataset[i]
            assert int((item["label"] > 0).sum()) == int(
                (labels > 0).sum()
            )  # larger than the volume: all of it is seen
            assert int((item["image"][1] > 0).sum()) == int((whole[:, 1] > 0).sum())
            where = (item["label"] == 4).nonzero()[0]
            assert item["image"][(0, *where.tolist())] == 234

    def test_epochs_differ_and_repeat(self, tmp_path: Path) -> None:
        dataset = PatchDataset(make_cache(tmp_path), ["case0"], (2, 2, 2), 30)
        first = [dataset[i]["image"] for i in range(30)]
        assert all(torch.equal(dataset[i]["image"], first[i]) for i in range(30))
        dataset.set_epoch(1)
        assert not all(torch.equal(dataset[i]["image"], first[i]) for i in range(30))

    def test_it_feeds_a_loader(self, tmp_path: Path) -> None:
        dataset = PatchDataset(make_cache(tmp_path), ["case0", "case1"], (4, 4, 4), 5)
        shapes = [tuple(b["image"].shape) for b in torch.utils.data.DataLoader(dataset, batch_size=2)]
        assert shapes == [(2, 2, 4, 4, 4), (2, 2, 4, 4, 4), (1, 2, 4, 4, 4)]

    @pytest.mark.parametrize("wrong", [{"size": (0, 4, 4)}, {"samples": 0}, {"tumour_fraction": 1.5}])
    def test_impossible_settings(self, tmp_path: Path, wrong: dict[str, object]) -> None:
        arguments: dict[str, object] = {"size": (2, 2, 2), "samples": 4} | wrong
        with pytest.raises(UsageError):
            PatchDataset(make_cache(tmp_path), ["case0"], **arguments)  # type: ignore[arg-type]

    def test_tumour_asked_for_where_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="0 with tumour"):
            PatchDataset(make_cache(tmp_path, labelled=False), ["case0"], (2, 2, 2), 4)
