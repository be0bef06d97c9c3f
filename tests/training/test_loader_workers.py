"""Samples read ahead by other processes are those that the training process would read itself."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from tumorscope.training.batches import loader


class _Numbers(Dataset[dict[str, Tensor]]):
    """Items that tell their number and who read them."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        worker = torch.utils.data.get_worker_info()
        return {"x": torch.tensor(item), "worker": torch.tensor(-1 if worker is None else worker.id)}


def test_workers_change_who_reads_and_not_what():
    alone, ahead = (list(loader(_Numbers(), 2, None, workers)) for workers in (0, 1))
    assert [b["x"].tolist() for b in ahead] == [b["x"].tolist() for b in alone] == [[0, 1], [2, 3], [4, 5]]
    assert {int(v) for b in alone for v in b["worker"]} == {-1}
    assert {int(v) for b in ahead for v in b["worker"]} == {0}
