"""Time ``tumorscope predict`` on a whole BraTS-sized case, and the command line's start.

    python benchmarks/speed.py [--case DIR] [--runs 5]

Without ``--case`` the phantom patient is used (240×240×155, same cost). Every figure is a whole process, from start to
exit, with the peak memory that the operating system reports. Writes ``benchmarks/results/speed.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tumorscope.bundles.bundle import shipped_names
from tumorscope.core.files import write_text

RESULTS = Path(__file__).parent / "results"


def run(words: list[str]) -> tuple[float, float]:
    """Return wall seconds and peak memory (MB) of one command of tumorscope; stops on failure."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "tumorscope", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"tumorscope {' '.join(words)} failed with status {status}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def figures(name: str, words: list[str], runs: int) -> dict[str, object]:
    """Run a command ``runs`` times after one warm-up and return the median and range."""
    first = run(words)[0]
    measured = [run(words) for _ in range(runs)]
    seconds = [m[0] for m in measured]
    entry: dict[str, object] = {
        "what": name,
        "first_run_seconds": round(first, 2),
        "median_seconds": round(statistics.median(seconds), 2),
        "min_seconds": round(min(seconds), 2),
        "max_seconds": round(max(seconds), 2),
        "peak_mb": round(max(m[1] for m in measured)),
        "runs": runs,
    }
    print(entry)
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        case = options.case
        if case is None:
            run(["phantom", "-o", f"{scratch}/phantom"])  # in a process of its own: children inherit the peak
            case = Path(scratch) / "phantom" / "Phantom_000"
        os.environ["TUMORSCOPE_CACHE"] = f"{scratch}/cache"
        predict = ["predict", str(case), "-o", f"{scratch}/out", "--bundle"]
        models = [name for name in ("brats-2d", "brats-fast", "brats-3d") if name in shipped_names()]
        table = [
            *[figures(f"predict, one whole case, {name}", [*predict, name], options.runs) for name in models],
            figures("tumorscope --help", ["--help"], options.runs),
            figures("tumorscope info", ["info"], options.runs),
        ]
    write_text(RESULTS / "speed.json", json.dumps({"cores": os.cpu_count(), "figures": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
