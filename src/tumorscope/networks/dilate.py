"""EfficientNet encoders with features at stride 16 instead of 32 (Chen et al. 2017: à trous convolution)."""

from __future__ import annotations

from typing import Any

from torch import nn

from tumorscope.networks.efficientnet_lite import SameConv2d


def keep_stride_16(encoder: nn.Module) -> None:
    """Let the last stage of an EfficientNet work at stride 16; changes ``encoder``, keeps its weights and their names.

    The last strided convolution no longer strides, and those after it are dilated by 2: every second row and column of
    the last feature map is what it was (but for squeeze-and-excitation, which pools over more pixels now).

    Args:
        encoder: As :func:`~tumorscope.networks.encoders.build_encoder` returns it.
    """
    blocks: list[Any] = [m for m in encoder.modules() if hasattr(m, "_depthwise_conv")]
    last = max(i for i, block in enumerate(blocks) if max(block._depthwise_conv.stride) > 1)
    conv, kernel = blocks[last]._depthwise_conv, blocks[last]._depthwise_conv.kernel_size[0]
    conv.stride = (1, 1)
    if isinstance(conv, SameConv2d):
        conv.after = kernel - 1 - conv.before
    else:
        before = blocks[last]._depthwise_conv_padding.padding[0]
        blocks[last]._depthwise_conv_padding = nn.ZeroPad2d((before, kernel - 1 - before) * 2)
    for block in blocks[last + 1 :]:
        conv, margin = block._depthwise_conv, block._depthwise_conv.kernel_size[0] // 2 * 2
        conv.dilation = (2, 2)
        if isinstance(conv, SameConv2d):
            conv.before = conv.after = margin
        else:  # MONAI pads beforehand
            block._depthwise_conv_padding = nn.ZeroPad2d(margin)
