"""What a network is made of, found by running it: blocks, channels, sizes and who feeds whom.

Nothing is computed: the network is built and run on PyTorch's meta device, where tensors have shapes but no values.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tumorscope.networks import NETWORKS
from tumorscope.networks.build import build_network

_CONVS = (nn.Conv2d, nn.Conv3d)
_DECONVS = (nn.ConvTranspose2d, nn.ConvTranspose3d)
#: PyTorch's name of an operation that joins tensors → its word in a drawing.
JUNCTIONS = {"cat": "concat", "add": "sum", "mul": "product"}


@dataclass
class Block:
    """Part of a network whose layers follow one another at one size.

    Attributes:
        channels: Of what it gives on.
        size: Height and width (and depth) of that.
        layers: Layer in words ("conv 3×3") → how many.
        inputs: Indices of the blocks it takes tensors from, in ascending order.
        parameters: Number of weights in its layers.
    """

    channels: int = 0
    size: tuple[int, ...] = ()
    layers: Counter[str] = field(default_factory=Counter)
    inputs: set[int] = field(default_factory=set)
    parameters: int = 0


@dataclass(frozen=True)
class Structure:
    """A network as a graph; block 0 is the input, the last one gives the logits.

    Attributes:
        name: Registry name.
        blocks: In the order in which they run; inputs come before what they feed.
        parameters: Number of all weights.
    """

    name: str
    blocks: list[Block]
    parameters: int


def network_structure(
    name: str,
    in_channels: int = 4,
    out_channels: int = 3,
    args: Mapping[str, Any] | None = None,
    size: int | None = None,
) -> Structure:
    """Run a network of the registry and return its structure.

    Consecutive layers of one size that feed only each other make one block; a change of size, a branch or a junction
    begins a new one.

    Args:
        name: Key of :data:`~tumorscope.networks.NETWORKS`.
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        args: Its own keyword arguments; encoders get no pre-trained weights unless this says so.
        size: Height and width (and depth) of the input; default 256 for 2D, 128 for 3D.

    Raises:
        UsageError: for an unknown name, argument or value, or a size it cannot take.
    """
    own = dict(args or {})
    if "encoder_weights" in inspect.signature(NETWORKS.load(name)).parameters:
        own.setdefault("encoder_weights", "none")
    with torch.device("meta"):
        network = build_network(name, in_channels, out_channels, own).eval()
    dimensions = 3 if any(isinstance(m, nn.Conv3d) for m in network.modules()) else 2
    side = size or (256 if dimensions == 2 else 128)
    image = torch.empty(1, in_channels, *[side] * dimensions, device="meta")
    units = _units(network, image)
    trace = _Trace(network, units, image)
    parameters = sum(p.numel() for p in network.parameters())
    return Structure(name, _merged(trace.blocks), parameters)


def _units(network: nn.Module, image: Tensor) -> set[nn.Module]:
    """Return the largest modules that change the size at most once and give one tensor."""
    sizes: dict[nn.Module, list[tuple[int, ...]]] = {m: [] for m in network.modules()}
    fit = dict.fromkeys(network.modules(), True)
    active: list[nn.Module] = []

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        active.append(module)
        for tensor in inputs[:1]:
            if isinstance(tensor, Tensor):
                sizes[module].append(tuple(tensor.shape[2:]))

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        active.pop()
        if not isinstance(output, Tensor) or output.ndim < 4:
            fit[module] = False
            return
        for outer in (*active, module):
            sizes[outer].append(tuple(output.shape[2:]))

    hooks = [m.register_forward_pre_hook(enter) for m in network.modules()]
    hooks += [m.register_forward_hook(leave) for m in network.modules()]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return {m for m in network.modules() if m is not network and fit[m] and _changes(sizes[m]) <= 1}


def _changes(sizes: list[tuple[int, ...]]) -> int:
    """Count the changes of size, pooling to a single value (squeeze and excitation) aside."""
    seen = [s for s in sizes if max(s, default=1) > 1]
    return sum(a != b for a, b in pairwise(seen))


class _Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs the network once and notes which unit made each tensor, and which units read it."""

    def __init__(self, network: nn.Module, units: set[nn.Module], image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.units, self.blocks = units, [Block(image.shape[1], tuple(image.shape[2:]))]
        self.active: list[tuple[nn.Module, int | None]] = []
        self.makers: dict[int, set[int]] = {id(image): {0}}
        self.alive: list[Tensor] = [image]  # ids stay unique while the tensors live
        self.weights = {id(p) for p in (*network.parameters(), *network.buffers())}
        self.counted: set[nn.Module] = set()
        hooks = [m.register_forward_pre_hook(self._enter) for m in network.modules()]
        hooks += [m.register_forward_hook(self._leave, always_call=True) for m in network.modules()]
        with torch.no_grad(), self:
            logits = network(image)
        for hook in hooks:
            hook.remove()
        size = tuple(logits.shape[2:])
        if size != self.blocks[-1].size:
            makers = self.makers[id(logits)]
            self.blocks.append(Block(logits.shape[1], size, Counter({"upsample": 1}), set(makers)))

    def _enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        outer = self.active[-1][1] if self.active else None
        if outer is None and module in self.units:
            self.blocks.append(Block())
            outer = len(self.blocks) - 1
        self.active.append((module, outer))

    def _leave(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        _, index = self.active.pop()
        if index is None or not isinstance(output, Tensor):
            return
        block = self.blocks[index]
        word = _word(module)
        if word:
            block.layers[word] += 1
        if module not in self.counted:
            self.counted.add(module)
            block.parameters += sum(p.numel() for p in module.parameters(recurse=False))
        if not self.active or self.active[-1][1] is None:
            block.channels, block.size = output.shape[1], tuple(output.shape[2:])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        index = self.active[-1][1] if self.active else None
        read = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and id(t) not in self.weights]
        makers: set[int] = set().union(*(self.makers.get(id(t), set()) for t in read))
        if index is not None:
            self.blocks[index].inputs |= makers - {index}
            makers = {index}
        elif len(makers) > 1:
            makers = {self._junction(func, result, read[0], makers)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.makers[id(tensor)] = makers
                self.alive.append(tensor)
        return result

    def _junction(self, func: Any, result: Any, first: Tensor, makers: set[int]) -> int:
        """Add a block for an operation outside of every unit that brings several of them together."""
        operation = str(func.overloadpacket.__name__).rstrip("_")
        like = result if isinstance(result, Tensor) and result.ndim == first.ndim else first
        words = Counter({JUNCTIONS.get(operation, operation): 1})
        self.blocks.append(Block(like.shape[1], tuple(like.shape[2:]), words, makers))
        return len(self.blocks) - 1


def _word(module: nn.Module) -> str:
    """Return what a layer is called in a drawing, or nothing."""
    if isinstance(module, (*_CONVS, *_DECONVS)):
        kernel = "×".join(map(str, module.kernel_size))
        depthwise = module.groups > 1 and module.groups == module.in_channels
        kind = "up-conv" if isinstance(module, _DECONVS) else "depthwise" if depthwise else "conv"
        return f"{kind} {kernel}"
    if isinstance(module, nn.MaxPool2d | nn.MaxPool3d):
        return "max-pool"
    if isinstance(module, nn.AvgPool2d | nn.AvgPool3d):
        return "mean-pool"
    return "upsample" if isinstance(module, nn.Upsample) else ""


def _merged(blocks: list[Block]) -> list[Block]:
    """Join blocks that feed only the next one, of the same size; input and last block stay as they are."""
    kept = {i: b for i, b in enumerate(blocks) if i == 0 or b.inputs}
    last = max(kept)
    for index in sorted(kept)[1:-1]:
        block = kept[index]
        readers = [i for i, other in kept.items() if index in other.inputs]
        if len(readers) != 1 or readers[0] == last:
            continue
        after = kept[readers[0]]
        if after.inputs == {index} and after.size == block.size:
            after.inputs, after.layers = block.inputs, block.layers + after.layers
            after.parameters += block.parameters
            del kept[index]
    places = {old: new for new, old in enumerate(kept)}
    for block in kept.values():
        block.inputs = {places[i] for i in block.inputs}
    return list(kept.values())
