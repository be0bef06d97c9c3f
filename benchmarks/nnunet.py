r"""Train nnU-Net and ours on the same cases for the same time, and report Dice and seconds per case of both.

    python -m venv nnunet-env && nnunet-env/bin/pip install nnunetv2
    python benchmarks/nnunet.py --env nnunet-env --bundle brats-3d --data .../BraTS -o work
    python benchmarks/nnunet.py --env nnunet-env --recipe brats-3d --seconds 3600 --split split.json \
        --data .../BraTS -o work

With ``--bundle`` nnU-Net gets the training cases of that bundle and, unless ``--seconds`` says otherwise, the seconds
of its training; with ``--recipe`` ours is trained too, with as many epochs as fit. nnU-Net runs in its own environment,
on the CPU, with its own plans, as installed from PyPI (``nnunet_trainer`` only replaces its count of epochs by
seconds); ``--gpu-memory`` is nnU-Net's own knob for a smaller network. Preprocessing is left out of the seconds of
both. Both are scored on the test cases of the split: Dice per patient, BraTS' policy for empty masks. The result is
``OUT/nnunet.json``; with ``--write`` also ``benchmarks/results/nnunet.json``. What is done already is kept: the same
command goes on where it was stopped, training of nnU-Net excepted, which begins anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.files import write_text
from tumorscope.core.image import Image
from tumorscope.core.labels import DECATHLON
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.formats import read_image, write_nifti
from tumorscope.inference.predictor import Predictor
from tumorscope.metrics import CaseScore, EmptyPolicy, Unit, aggregate
from tumorscope.workflows.scoring import score_masks, score_prediction

HERE = Path(__file__).parent
NUMBER, NAME = 600, "Dataset600_Tumorscope"
REGIONS = ("WT", "TC", "ET")
#: nnU-Net's own way to BraTS: regions over labels 1 oedema, 2 core, 3 enhancing; later ones win.
DATASET = {
    "channel_names": {str(i): s.value for i, s in enumerate(Sequence)},
    "labels": {"background": 0, "WT": [1, 2, 3], "TC": [2, 3], "ET": [3]},
    "regions_class_order": [1, 2, 3],
    "file_ending": ".nii.gz",
}


@dataclass(frozen=True)
class Cases:
    """The cases of a comparison, by part."""

    train: list[Case]
    val: list[Case]
    test: list[Case]


def cases_of(split: Split, data: Path) -> Cases:
    """Return the split's cases that have all four sequences."""
    every = [c for c in DATASETS.load(split.dataset).discover(data) if set(c.sequences) == set(Sequence)]
    return Cases(*(split.pick(every, part) for part in ("train", "val", "test")))


def convert(cases: Cases, base: Path) -> None:
    """Write the cases in nnU-Net's layout, labels as Decathlon's, and the split it trains on."""
    raw, preprocessed = base / "raw" / NAME, base / "preprocessed" / NAME
    for case in [*cases.train, *cases.val, *cases.test]:
        part = "Ts" if case in cases.test else "Tr"
        last = raw / f"images{part}" / f"{case.id}_{len(Sequence) - 1:04}.nii.gz"
        if last.is_file():
            continue
        loaded = case.loaded()
        assert isinstance(loaded.label, Image) and loaded.scheme is not None
        labels = loaded.scheme.convert(loaded.label.data, DECATHLON)
        write_nifti(loaded.label.with_data(labels), raw / f"labels{part}" / f"{case.id}.nii.gz")
        for number, sequence in enumerate(Sequence):
            image = loaded.images[sequence]
            assert isinstance(image, Image)
            write_nifti(image, raw / f"images{part}" / f"{case.id}_{number:04}.nii.gz")
    count = len(cases.train) + len(cases.val)
    write_text(raw / "dataset.json", json.dumps(DATASET | {"numTraining": count}, indent=1))
    folds = [{"train": [c.id for c in cases.train], "val": [c.id for c in cases.val]}]
    write_text(preprocessed / "splits_final.json", json.dumps(folds))


class NNUNet:
    """nnU-Net in its own environment.

    Args:
        env: Folder of that environment.
        base: Its raw, preprocessed and result folders.
        threads: For training; prediction takes all cores.
        memory: Gigabytes its plans aim at; None: its default.
    """

    def __init__(self, env: Path, base: Path, threads: int, memory: float | None) -> None:
        self.env, self.base, self.memory = env, base, memory
        self.plans = "nnUNetPlans" if memory is None else f"nnUNetPlans_{memory:g}GB"
        folders = {f"nnUNet_{name}": str(base / name) for name in ("raw", "preprocessed", "results")}
        own = {"nnUNet_extTrainer": str(HERE / "nnunet_trainer"), "nnUNet_n_proc_DA": "1", "nnUNet_compile": "false"}
        self.variables = os.environ | folders | own | {"OMP_NUM_THREADS": str(threads)}

    def run(self, command: str, *arguments: str, **variables: str) -> float:
        """Run one of its commands and return the seconds it took."""
        begun = time.monotonic()
        program = [str(self.env / "bin" / command), *arguments]
        subprocess.run(program, check=True, env=self.variables | variables)
        return time.monotonic() - begun

    def prepare(self) -> None:
        """Fingerprint, plan and preprocess, once."""
        dataset = ("-d", str(NUMBER))
        if (self.base / "preprocessed" / NAME / f"{self.plans}_3d_fullres").is_dir():
            return
        self.run("nnUNetv2_extract_fingerprint", *dataset, "-np", "1")
        memory = () if self.memory is None else ("-gpu_memory_target", str(self.memory))
        named = () if self.memory is None else ("-overwrite_plans_name", self.plans)
        self.run("nnUNetv2_plan_experiment", *dataset, *memory, *named)
        chosen = ("-plans_name", self.plans, "-c", "3d_fullres", "-np", "1")
        self.run("nnUNetv2_preprocess", *dataset, *chosen)

    @property
    def folder(self) -> Path:
        """Where it leaves the trained network."""
        return self.base / "results" / NAME / f"TimedTrainer__{self.plans}__3d_fullres" / "fold_0"

    def train(self, seconds: float) -> dict[str, Any]:
        """Train for ``seconds`` and return what its log says; a finished training is kept."""
        which = (str(NUMBER), "3d_fullres", "0", "-tr", "TimedTrainer", "-p", self.plans, "-device", "cpu")
        if not (self.folder / "checkpoint_final.pth").is_file():
            self.run("nnUNetv2_train", *which, TUMORSCOPE_SECONDS=str(seconds), nnUNet_n_proc_DA="0")
        log = max(self.folder.glob("training_log_*.txt")).read_text(encoding="utf-8")
        steps, took = (int(n) for n in re.findall(r"TimedTrainer: (\d+) steps in (\d+) seconds", log)[-1])
        plans = json.loads((self.base / "preprocessed" / NAME / f"{self.plans}.json").read_text(encoding="utf-8"))
        plan = plans["configurations"]["3d_fullres"]
        facts = {key: plan[key] for key in ("patch_size", "batch_size", "spacing")}
        return {"steps": steps, "training_seconds": took, "gpu_memory_target": self.memory, **facts}

    def predict(self, mirror: bool) -> tuple[Path, float]:
        """Predict the test cases; return the folder of label maps and the seconds for all, loading included."""
        out = self.base / f"predicted-{self.plans}"
        shutil.rmtree(out, ignore_errors=True)
        folders = ("-i", str(self.base / "raw" / NAME / "imagesTs"), "-o", str(out))
        which = ("-d", str(NUMBER), "-c", "3d_fullres", "-f", "0", "-tr", "TimedTrainer", "-p", self.plans)
        how = ("-device", "cpu", "-npp", "1", "-nps", "1", *(() if mirror else ("--disable_tta",)))
        return out, self.run(
            "nnUNetv2_predict", *folders, *which, *how, OMP_NUM_THREADS=str(len(os.sched_getaffinity(0)))
        )


def score_folder(folder: Path, cases: list[Case]) -> list[CaseScore]:
    """Score nnU-Net's label maps."""
    found = []
    for case in cases:
        loaded, made = case.loaded(), read_image(folder / f"{case.id}.nii.gz")
        assert isinstance(loaded.label, Image) and loaded.scheme is not None
        truth = loaded.label.with_data(loaded.scheme.convert(loaded.label.data, DECATHLON))
        found.append(score_masks(case.id, case.patient, made.data, truth, (DECATHLON, DECATHLON), ("dice",)))
    return found


def score_ours(bundle: Bundle, cases: list[Case], mirror: bool) -> tuple[list[CaseScore], float]:
    """Score our bundle; return also the seconds for all cases: reading, prediction, writing, loading of the model."""
    begun, written = time.monotonic(), bundle.folder.parent / "predicted"
    predictor = Predictor(bundle, tta=mirror)
    for case in cases:
        images = {s: i for s, i in case.loaded().images.items() if isinstance(i, Image)}
        write_nifti(predictor.predict(images).labels, written / f"{case.id}.nii.gz")
    seconds = time.monotonic() - begun
    return [score_prediction(case, predictor, ("dice",)) for case in cases], seconds


def train_ours(recipe: str, split: Path, data: Path, output: Path, seconds: float) -> Bundle:
    """Train a recipe with as many epochs as fit into ``seconds``, by the estimate of its own loop."""
    from tumorscope.recipes.recipe import load_recipe
    from tumorscope.training.callbacks import read_log
    from tumorscope.workflows.train import train_recipe

    plan = load_recipe(recipe)
    once = {"training.epochs": "1", "training.validate_every": "1", "data.samples_per_epoch": "20"}
    train_recipe(recipe, data, output / "probe", overrides=once, split=split, cache=output / "cache", echo=print)
    (row,) = read_log(output / "probe" / "log.csv")
    samples = plan.data.samples_per_epoch or 20
    epochs = max(1, int(seconds / (row["seconds"] * samples / 20)))
    fewer = {"training.epochs": str(epochs), "training.validate_every": str(min(plan.training.validate_every, epochs))}
    if epochs == 1:
        fewer["data.samples_per_epoch"] = str(max(1, min(samples, int(seconds / row["seconds"] * 20))))
    result = train_recipe(
        recipe, data, output / "ours", overrides=fewer, split=split, cache=output / "cache", echo=print
    )
    return result.bundle


def summary(scores: list[CaseScore], seconds: float, facts: dict[str, Any]) -> dict[str, Any]:
    """Return one contender's part of the result."""
    made = aggregate(scores, metrics=("dice",), units=(Unit.PATIENT,), policies=(EmptyPolicy.BRATS,))
    rows: list[Callable[..., dict[str, Any]]] = [c.row for c in scores]  # type: ignore[misc]
    return {
        **facts,
        "seconds_per_case": round(seconds / len(scores), 2),
        "dice": {s.region: {"mean": s.mean, "ci95": s.ci95, "n": s.n} for s in made if s.region in REGIONS},
        "cases": [
            {"case": c.case, **{r: row(EmptyPolicy.BRATS, ("dice",))[r]["dice"] for r in REGIONS}}
            for c, row in zip(scores, rows, strict=True)
        ],
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", type=Path, required=True, help="environment with nnunetv2")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    contender = parser.add_mutually_exclusive_group(required=True)
    contender.add_argument("--bundle", help="ours, trained already")
    contender.add_argument("--recipe", help="ours, to be trained; needs --seconds and --split")
    parser.add_argument("--split", type=Path, help="split file; default that of the bundle")
    parser.add_argument("--seconds", type=float, help="of training; default those of the bundle")
    parser.add_argument("--threads", type=int, default=1, help="of training")
    parser.add_argument("--gpu-memory", type=float, help="GB that nnU-Net's plans aim at; default its own")
    parser.add_argument("--mirror", action="store_true", help="both average mirrored predictions")
    parser.add_argument("--write", action="store_true", help="keep the result with the other figures")
    options = parser.parse_args()
    if options.recipe and (options.seconds is None or options.split is None):
        parser.error("--recipe needs --seconds and --split")
    return options


def main() -> None:
    options = arguments()
    out: Path = options.out.resolve()
    if options.bundle:
        bundle = Bundle.load(options.bundle)
        recorded = {k: v for k, v in bundle.manifest.training.split.items() if k != "hash"}
        split = Split.load(options.split) if options.split else Split(**recorded)
        seconds = options.seconds or float(bundle.manifest.training.manifest["seconds"])
    else:
        split, seconds = Split.load(options.split), options.seconds
        bundle = train_ours(options.recipe, options.split, options.data, out, seconds)
    cases = cases_of(split, options.data)
    nnunet = NNUNet(options.env.absolute(), out / "nnunet", options.threads, options.gpu_memory)
    convert(cases, nnunet.base)
    nnunet.prepare()
    facts = nnunet.train(seconds)
    made, theirs = nnunet.predict(options.mirror)
    found, ours = score_ours(bundle, cases.test, options.mirror)
    known = bundle.manifest.training.manifest
    trained = {"bundle": bundle.name, "version": bundle.manifest.version, "training_seconds": known["seconds"]}
    result = {
        "budget_seconds": seconds,
        "threads_of_training": options.threads,
        "cores_of_prediction": len(os.sched_getaffinity(0)),
        "mirrored": options.mirror,
        "split": {"hash": split.hash, **{part: len(ids) for part, ids in split.parts.items()}},
        "empty_policy": EmptyPolicy.BRATS.text,
        "nnunet": summary(score_folder(made, cases.test), theirs, facts),
        "ours": summary(found, ours, trained),
    }
    for folder in (out, HERE / "results")[: 1 + options.write]:
        write_text(folder / "nnunet.json", json.dumps(result, indent=1) + "\n")
    for name in ("nnunet", "ours"):
        dice = {region: round(entry["mean"], 3) for region, entry in result[name]["dice"].items()}
        print(f"{name}: {dice}, {result[name]['seconds_per_case']} s per case")


if __name__ == "__main__":
    main()
