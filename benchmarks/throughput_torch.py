"""Worker of ``throughput.py``: this package's own training loop (Lightning task, loss and counts) on data in memory."""

from __future__ import annotations

import argparse
import logging
import warnings
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback, Trainer
from throughput_gate import Gate, Stop, answer

from tumorscope.core.labels import SCHEMES
from tumorscope.recipes.recipe import load_recipe
from tumorscope.training.task import SegmentationTask


class GateCallback(Callback):
    """Lets steps begin as the other side says."""

    def __init__(self) -> None:
        self.gate = Gate()

    def on_train_batch_start(self, trainer: Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        """Pass the gate."""
        self.gate.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="brats-unet2d-cce")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    settings = {"training.batch_size": str(options.batch), "training.precision": options.precision}
    recipe = load_recipe(options.recipe, settings)
    task = SegmentationTask(recipe, SCHEMES[recipe.data.scheme], 1)
    height, width = recipe.preprocess.size
    images = torch.randn(options.batch, recipe.preprocess.channels, height, width)
    labels = torch.randint(0, 3, (options.batch, height, width), dtype=torch.uint8)
    batches = [{"image": images, "label": labels, "case": torch.zeros(options.batch, dtype=torch.long)}] * 1_000_000
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        precision="bf16-mixed" if recipe.training.precision == "bf16-mixed" else "32-true",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[GateCallback()],
    )
    answer(
        parameters=sum(p.numel() for p in task.network.parameters()),
        size=[height, width],
        channels=recipe.preprocess.channels,
        classes=recipe.outputs.channels,
        filters=list(recipe.network.args["filters"]),
        dropout=recipe.network.args["dropout"],
        versions={"torch": torch.__version__, "lightning": lightning.__version__},
    )
    try:
        trainer.fit(task, torch.utils.data.DataLoader(batches, batch_size=None))
    except Stop:
        return


if __name__ == "__main__":
    main()
