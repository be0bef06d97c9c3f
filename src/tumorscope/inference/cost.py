"""What a bundle costs: parameters, floating-point operations, seconds and memory (S3-38)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.image import Array
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.runtimes.base import Runtime

#: How :func:`network_cost` counts; stands beside every number of operations.
COUNTED = (
    "torch.utils.flop_counter (one multiply-add is 2; convolutions and matrix products, not activations or resizing) "
    "on one input of the network, all members added up"
)


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """Size and work of a bundle's network.

    Attributes:
        parameters: Of all members.
        members: Networks that are averaged.
        input_shape: One input: (C, H, W), or (C, D, H, W) for a patch.
        flops: For one such input, all members (:data:`COUNTED`).
    """

    parameters: int
    members: int
    input_shape: tuple[int, ...]
    flops: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "input_shape": list(self.input_shape), "counted": COUNTED}


@dataclass(frozen=True, kw_only=True)
class CaseCost:
    """What one case took.

    Attributes:
        case: Its id.
        seconds: Reading and predicting, by the clock.
        processor_seconds: The same over all cores; a busy machine changes it little.
        network_seconds: Of these, in the network.
        inputs: Slices or patches the network saw; mirrored ones count again.
    """

    case: str
    seconds: float
    processor_seconds: float
    network_seconds: float
    inputs: int


def input_shape(bundle: Bundle) -> tuple[int, ...]:
    """Return the shape of one input of the network: (C, H, W), or (C, D, H, W) for a patch."""
    spec = bundle.manifest.preprocess
    return (spec.channels, *(spec.patch or spec.size))


def network_cost(bundle: Bundle) -> NetworkCost:
    """Count parameters and operations; needs no weights and, where the network allows it, computes nothing.

    Raises:
        InputError: if this version cannot build the network.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network, shape = bundle.build_network(), input_shape(bundle)
    members = len(bundle.manifest.members)
    parameters = sum(p.numel() for p in network.parameters())
    for device in ("meta", "cpu"):
        counter = FlopCounterMode(display=False)
        try:
            with counter, torch.no_grad():
                network.to(device)(torch.zeros(1, *shape, device=device))
            break
        except (NotImplementedError, RuntimeError):  # an operation that needs real numbers
            network = bundle.build_network()
    return NetworkCost(
        parameters=members * parameters, members=members, input_shape=shape, flops=members * counter.get_total_flops()
    )


class CountingRuntime:
    """Passes batches on and counts the slices or patches in them.

    Args:
        runtime: What computes.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.inputs = runtime, 0
        self.name, self.description = runtime.name, runtime.description

    def run(self, batch: Array) -> Array:
        """Run the batch."""
        self.inputs += len(batch)
        return self.runtime.run(batch)


def time_case(predictor: Predictor, name: str, read: Callable[[], Any]) -> CaseCost:
    """Read and predict one case.

    Args:
        predictor: With a :class:`CountingRuntime`.
        name: Of the case.
        read: Returns its images, as :meth:`Predictor.run` takes them.
    """
    counting = predictor.runtime
    assert isinstance(counting, CountingRuntime)
    before, started, used = counting.inputs, time.perf_counter(), time.process_time()
    prediction = predictor.run(read())
    return CaseCost(
        case=name,
        seconds=round(time.perf_counter() - started, 4),
        processor_seconds=round(time.process_time() - used, 4),
        network_seconds=prediction.seconds["network"],
        inputs=counting.inputs - before,
    )
