"""PyTorch, on the CPU or a CUDA device."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import MissingDependencyError
from tumorscope.core.image import Array
from tumorscope.inference.runtimes.base import Device, Precision, average_members


class TorchRuntime:
    """Runs the networks in PyTorch, channels last, bfloat16 where the hardware computes in it.

    Args:
        bundle: The trained model.
        device: ``auto`` is CUDA if there is one.
        precision: ``auto`` or ``float32``.

    Raises:
        MissingDependencyError: if ``cuda`` is asked for and there is none.
        InputError: if the weights are damaged.
    """

    name = "torch"

    def __init__(self, bundle: Bundle, device: Device = "auto", precision: Precision = "auto") -> None:
        self._device = _device(device)
        self._bf16 = precision == "auto" and computes_bf16(self._device)
        self._outputs = bundle.manifest.outputs
        self._layout = torch.channels_last_3d if bundle.manifest.preprocess.patch else torch.channels_last
        self._networks = [
            network.to(self._device, memory_format=self._layout)  # type: ignore[call-overload]
            for network in bundle.load_networks()
        ]
        self.description = f"torch {torch.__version__}, {self._device.type}, {'bf16' if self._bf16 else 'float32'}"

    def run(self, batch: Array) -> Array:
        """Map float32 (B, C, …) to float32 logits (B, K, …), members averaged."""
        x = torch.from_numpy(np.ascontiguousarray(batch)).to(self._device, memory_format=self._layout)
        reduced = torch.autocast(self._device.type, torch.bfloat16) if self._bf16 else contextlib.nullcontext()
        with torch.inference_mode(), reduced:
            members = [network(x).float().cpu().numpy() for network in self._networks]
        return average_members(members, self._outputs)


def _device(wanted: Device) -> torch.device:
    if wanted == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if wanted == "cuda":
        raise MissingDependencyError(
            expected="a CUDA device that PyTorch can use",
            found=f"none (torch {torch.__version__})",
            fix="Use --device cpu, or install the driver and a CUDA build of PyTorch",
        )
    return torch.device("cpu")


def computes_bf16(device: torch.device) -> bool:
    """Whether the hardware computes in bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capability = torch.backends.cpu.get_cpu_capability()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return capability.startswith(("AVX512", "AMX")) and bool(supported())
