"""Engines that run a bundle's networks: one file each, in a plain registry."""

from tumorscope.core.registry import Registry

#: Name → class taking ``(bundle, device, precision)``; ``auto`` takes the first that is installed.
RUNTIMES = Registry(
    "runtime",
    {
        "openvino": "tumorscope.inference.runtimes.openvino_runtime:OpenVINORuntime",
        "torch": "tumorscope.inference.runtimes.torch_runtime:TorchRuntime",
    },
)
