"""Choosing the runtime."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import MissingDependencyError, UsageError
from tumorscope.inference.runtimes import RUNTIMES
from tumorscope.inference.runtimes.base import ConversionError, Device, Precision, Runtime

log = logging.getLogger(__name__)
_DEVICES = ("auto", "cpu", "cuda")


def open_runtime(bundle: Bundle, name: str = "auto", device: str = "auto", precision: Precision = "auto") -> Runtime:
    """Make ``bundle`` ready to run.

    Args:
        bundle: The trained model.
        name: ``auto`` (the fastest installed: torch on a CUDA device if there is one, else OpenVINO, else torch),
            ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda`` (torch only).
        precision: ``auto`` or ``float32``.

    Raises:
        UsageError: for an unknown runtime or device, or OpenVINO on CUDA.
        MissingDependencyError: if the engine or the device is absent.
        ConversionError: if OpenVINO was asked for and cannot run this network.
    """
    check_choice(name, device)
    chosen = _resolve(name, device)
    try:
        runtime: Runtime = RUNTIMES.load(chosen)(bundle, cast("Device", device), precision)
    except ConversionError as error:
        if name != "auto":
            raise
        log.warning("%s Using torch instead.", error)
        runtime = RUNTIMES.load("torch")(bundle, cast("Device", device), precision)
    return runtime


def check_choice(name: str, device: str) -> None:
    """Make sure that a runtime and a device exist, go together and are installed; imports nothing heavy.

    Raises:
        UsageError: for an unknown runtime or device, or OpenVINO on CUDA.
        MissingDependencyError: if the engine is not installed.
    """
    if device not in _DEVICES:
        raise UsageError(expected=f"a device ({', '.join(_DEVICES)})", found=f"'{device}'", fix="Name one of these")
    if name == "auto":
        return
    if name not in RUNTIMES:
        raise UsageError(
            expected=f"a runtime (auto, {', '.join(RUNTIMES)})", found=f"'{name}'", fix="Name one of these"
        )
    if device == "cuda" and name == "openvino":
        raise UsageError(
            expected="--runtime torch (or auto) with --device cuda",
            found="--runtime openvino",
            fix="Change one of them",
        )
    if find_spec(name) is None:
        raise MissingDependencyError(
            expected=f"the package '{name}'", found="none installed", fix=f"Install it (pip install {name})"
        )


def _resolve(name: str, device: str) -> str:
    if name != "auto":
        return name
    if device == "cuda" or (device == "auto" and _cuda_available()) or find_spec("openvino") is None:
        return "torch"
    return "openvino"


def _cuda_available() -> bool:
    """Ask torch for a CUDA device, but only where an NVIDIA driver is (importing torch takes a second)."""
    if not (Path("/proc/driver/nvidia/version").exists() or Path(r"C:\Windows\System32\nvcuda.dll").exists()):
        return False
    import torch

    return torch.cuda.is_available()
