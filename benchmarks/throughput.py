"""Training throughput of the 32→512 U-Net at 128×128×2: this package's loop against the same network in Keras.

    python benchmarks/throughput.py [--keras-python PATH] [--batches 2 16] [--repeats 7]

Without ``--keras-python`` an environment with ``tensorflow-cpu`` is made in ``build/keras-venv``. Every contender is a
process of its own that trains on random data in memory and stands still unless it is its turn; they run in turn, so
that a slower minute of the machine meets all of them. A measurement is several whole steps (forward, backward, Adam) in
the contender's own loop: Lightning here, ``model.fit`` there, Keras both with and without XLA. Warm-up is left out; the
median of the repeats counts. Writes ``benchmarks/results/throughput.json``; run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from tumorscope.core.files import write_text

HERE = Path(__file__).parent
VENV = HERE.parent / "build" / "keras-venv"
#: Seconds of one measurement, at least.
LONG_ENOUGH = 4.0
OURS = "tumorscope bf16"
KERAS = {
    "keras fp32": ("float32", "off"),
    "keras fp32, XLA": ("float32", "auto"),
    "keras mixed_bfloat16": ("mixed_bfloat16", "off"),
    "keras mixed_bfloat16, XLA": ("mixed_bfloat16", "auto"),
}


class Worker:
    """One contender's process."""

    def __init__(self, command: list[str], threads: int) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.facts = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("@"):
                values: dict[str, Any] = json.loads(line[1:])
                return values
        sys.exit(f"worker ended: {' '.join(map(str, self.process.args))}")  # type: ignore[arg-type]

    def seconds(self, steps: int) -> float:
        """Run ``steps`` steps and return the seconds they took."""
        self._tell(f"go {steps}")
        return float(self._answer()["seconds"])

    def stop(self) -> None:
        """Let the process end."""
        self._tell("stop")
        self.process.wait()

    def _tell(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()


def keras_python(given: Path | None) -> Path:
    """Return the interpreter of an environment with tensorflow-cpu, made where none is given."""
    if given is not None:
        return given
    python = VENV / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "tensorflow-cpu"], check=True)
    return python


def start(batch: int, threads: int, keras: Path) -> dict[str, Worker]:
    """Start all contenders of one batch size and make sure that they train the same number of weights."""
    shared = ["--batch", str(batch), "--threads", str(threads)]
    ours = Worker([sys.executable, str(HERE / "throughput_torch.py"), *shared], threads)
    facts = ours.facts
    shape = ["--size", *facts["size"], "--channels", facts["channels"], "--classes", facts["classes"]]
    shape += ["--filters", *facts["filters"], "--dropout", facts["dropout"]]
    workers = {OURS: ours}
    for name, (policy, jit) in KERAS.items():
        command = [str(keras), str(HERE / "throughput_keras.py"), *shared, "--policy", policy, "--jit", jit]
        workers[name] = Worker([*command, *map(str, shape)], threads)
    counts = {name: worker.facts["parameters"] for name, worker in workers.items()}
    if len(set(counts.values())) > 1:
        sys.exit(f"not the same network: {counts}")
    return workers


def measure(batch: int, threads: int, repeats: int, keras: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of one batch size, and the facts of the contenders."""
    workers = start(batch, threads, keras)
    steps = {}
    for name, worker in workers.items():
        worker.seconds(2)  # tracing, choice of kernels, memory
        steps[name] = max(2, round(LONG_ENOUGH / (worker.seconds(2) / 2)))
    speeds: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(repeats):
        for name, worker in workers.items():
            speeds[name].append(batch * steps[name] / worker.seconds(steps[name]))
    facts = {"parameters": workers[OURS].facts["parameters"], "size": workers[OURS].facts["size"], "versions": {}}
    for worker in workers.values():
        facts["versions"] |= worker.facts["versions"]
        worker.stop()
    contenders = [
        {
            "name": name,
            "images_per_second": round(statistics.median(found), 2),
            "min": round(min(found), 2),
            "max": round(max(found), 2),
            "steps": steps[name],
        }
        for name, found in speeds.items()
    ]
    for contender in contenders:
        print(f"batch {batch}: {contender}", flush=True)
    return {"batch": batch, "contenders": contenders, "ratios": ratios(contenders)}, facts


def ratios(contenders: list[dict[str, Any]]) -> dict[str, float]:
    """Return ours over the faster of Keras with and without XLA, for each of its precisions."""
    speed = {c["name"]: float(c["images_per_second"]) for c in contenders}
    best = {
        kind: max(v for name, v in speed.items() if name.startswith(kind))
        for kind in ("keras fp32", "keras mixed_bfloat16")
    }
    return {kind: round(speed[OURS] / value, 2) for kind, value in best.items()}


def processor() -> str:
    """Return the processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    bf16 = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags]
    return f"{names[0] if names else platform.processor()}, {' and '.join(bf16) or 'no bf16 instructions'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras-python", type=Path)
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "throughput.json")
    options = parser.parse_args()
    keras = keras_python(options.keras_python)
    measured = [measure(batch, options.threads, options.repeats, keras) for batch in options.batches]
    result = {
        "what": "training, images per second: forward, backward, Adam; data in memory; median of the repeats, range",
        "network": "U-Net 32-64-128-256-512, dropout 0.2, categorical cross-entropy",
        **measured[0][1],
        "machine": processor(),
        "threads": options.threads,
        "repeats": options.repeats,
        "date": datetime.date.today().isoformat(),
        "load_at_end": round(os.getloadavg()[0], 1),
        "batches": [figures for figures, _ in measured],
    }
    write_text(options.out, json.dumps(result, indent=1) + "\n")
    for entry in result["batches"]:
        print(f"batch {entry['batch']}: {', '.join(f'{v}× {k}' for k, v in entry['ratios'].items())}")


if __name__ == "__main__":
    main()
