"""Seconds and memory per case, measured in a process of its own: ``python -m tumorscope.workflows.case_cost``."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.errors import InputError
from tumorscope.core.files import content_hash, write_text

if TYPE_CHECKING:
    from tumorscope.workflows.candidates import Candidate, Cohort

Echo = Callable[[str], None]

#: Cases that are timed after one that warms up.
TIMED = 3
#: The same for single slices.
TIMED_SLICES = 24


def run_cost(candidate: Candidate, cohort: Cohort | None, store: Path, *, measure: bool, echo: Echo) -> dict[str, Any]:
    """Return the cost of a run: the stored one, or one measured now and stored; nothing for stored evaluations.

    Args:
        candidate: The run.
        cohort: The cases, of which the first few are timed; None where every run is a stored evaluation.
        store: Folder of what is stored.
        measure: Whether to measure seconds and memory, too.
        echo: Receives a line before a measurement.

    Raises:
        InputError: if the measurement fails.
    """
    if candidate.bundle is None or cohort is None:
        return {"run": candidate.name}
    from tumorscope.inference.cost import network_cost

    bundle = candidate.bundle
    single = cohort.split is not None and cohort.split.unit == "slice"
    timed = [c.id for c in cohort.cases][: 1 + (TIMED_SLICES if single else TIMED)]
    how = [cohort.runtime, cohort.device, cohort.tta, timed, measure]
    manifest = bundle.manifest.model_dump(mode="json", exclude={"scores", "training"}, exclude_defaults=True)
    key = content_hash(json.dumps([manifest, how, cohort.dataset.name], sort_keys=True).encode())
    file = store / f"cost-{key}.json"
    if not file.is_file():
        found = network_cost(bundle).to_json()
        if measure:
            echo(f"{candidate.name}: measuring time and memory on {_counted(len(timed), single)}")
            found |= measure_cost(
                bundle.folder,
                dataset=cohort.dataset.name,
                data=cohort.data,
                split=cohort.split_file,
                part=cohort.part,
                cases=timed,
                runtime=cohort.runtime,
                device=cohort.device,
                tta=cohort.tta,
            )
            found["flops_per_case"] = found["flops"] * found["inputs_per_case"]
        write_text(file, json.dumps(found, indent=1))
    return {"run": candidate.name, **json.loads(file.read_text(encoding="utf-8"))}


def _counted(n: int, single: bool) -> str:
    """Say how many of n cases are timed: the first warms up, unless it is the only one."""
    timed = max(n - 1, 1)
    word = "slice" if single else "case"
    return f"{timed} {word}{'s' * (timed > 1)}" + (", after one that warms up" if n > 1 else ", without one to warm up")


def measure_cost(
    bundle: Path,
    *,
    dataset: str,
    data: Path,
    split: Path | None,
    part: str,
    cases: list[str],
    runtime: str,
    device: str,
    tta: bool,
) -> dict[str, Any]:
    """Predict a few cases in a fresh process and return what they took.

    Args:
        bundle: Folder of the trained model.
        dataset: Data set name.
        data: Its folder.
        split: Split file the cases come from, or None.
        part: Part of the split.
        cases: Ids; the first warms up, the others are timed.
        runtime: As for prediction.
        device: As for prediction.
        tta: As for prediction.

    Returns:
        ``seconds_per_case`` (median), ``seconds_range``, ``processor_seconds_per_case`` (median, all cores),
        ``network_seconds_per_input``, ``inputs_per_case`` (mean),
        ``peak_memory_mb`` (of the whole process, from its start), ``cases_timed``, ``runtime``, ``machine``.

    Raises:
        InputError: if the process fails.
    """
    task = {
        "bundle": str(bundle),
        "dataset": dataset,
        "data": str(data),
        "split": None if split is None else str(split),
        "part": part,
        "cases": cases,
        "runtime": runtime,
        "device": device,
        "tta": tta,
    }
    run = subprocess.run(
        [sys.executable, "-m", "tumorscope.workflows.case_cost"], input=json.dumps(task), capture_output=True, text=True
    )
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["no word"])[-1]
        raise InputError(
            expected="to measure time and memory in a process of its own", found=reason, fix="Use --no-cost"
        )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def _measure(task: dict[str, Any]) -> dict[str, Any]:
    from tumorscope.bundles.bundle import Bundle
    from tumorscope.core.image import Image
    from tumorscope.datasets import DATASETS
    from tumorscope.datasets.splits import Split
    from tumorscope.inference.cost import CountingRuntime, time_case
    from tumorscope.inference.predictor import Predictor
    from tumorscope.inference.runtimes.select import open_runtime
    from tumorscope.workflows.evaluate import find_cases
    from tumorscope.workflows.memory import peak_mb

    model = Bundle.load(task["bundle"])
    counting = CountingRuntime(open_runtime(model, task["runtime"], task["device"]))
    predictor = Predictor(model, counting, tta=task["tta"])
    split = Split.load(task["split"]) if task["split"] else None
    wanted = model.manifest.preprocess.sequences
    laps = []
    for case in find_cases(DATASETS.load(task["dataset"]), Path(task["data"]), split, task["part"], task["cases"]):

        def read(case: Any = case) -> dict[Any, Image]:
            return {s: i for s, i in case.loaded(wanted).images.items() if isinstance(i, Image)}

        laps.append(time_case(predictor, case.id, read))
    timed = laps[1:] or laps
    seconds = [lap.seconds for lap in timed]
    inputs = sum(lap.inputs for lap in timed)
    return {
        "seconds_per_case": statistics.median(seconds),
        "seconds_range": [min(seconds), max(seconds)],
        "processor_seconds_per_case": statistics.median(lap.processor_seconds for lap in timed),
        "network_seconds_per_input": sum(lap.network_seconds for lap in timed) / max(inputs, 1),
        "inputs_per_case": inputs / len(timed),
        "peak_memory_mb": peak_mb(),
        "cases_timed": len(timed),
        "runtime": counting.description,
        "machine": _machine(),
    }


def _machine() -> str:
    """Say what the seconds depend on: processor cores, and how busy they were."""
    cores = f"{os.cpu_count()} cores"
    return f"{cores}, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else cores


if __name__ == "__main__":
    print(json.dumps(_measure(json.load(sys.stdin))))
