"""One set of checks for every classification network."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

from tumorscope.core.errors import UsageError
from tumorscope.networks import CLASSIFIERS
from tumorscope.networks.build import build_network
from tumorscope.networks.classifier import StagedClassifier
from tumorscope.networks.efficientnet_attention import EfficientNetAttention

SMALL: dict[str, dict[str, Any]] = {
    "efficientnet-attention": {"encoder_weights": "none", "hidden": 8},
    "efficientnet-classifier": {"encoder_weights": "none", "hidden": 8},
    "resnet": {"width": 4, "hidden": 8},
    "vgg16": {"filters": (4, 4, 8, 8, 8), "hidden": 8},
}


def small(name: str, channels: int = 1, **more: Any) -> StagedClassifier:
    torch.manual_seed(0)
    return cast("StagedClassifier", build_network(name, channels, 4, SMALL[name] | more, size=(64, 64)))


def picture(channels: int = 1) -> torch.Tensor:
    return torch.rand(2, channels, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", CLASSIFIERS)
class TestEveryClassifier:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_one_row_of_logits_per_picture(self, name: str, channels: int) -> None:
        with torch.no_grad():
            assert small(name, channels).eval()(picture(channels)).shape == (2, 4)

    def test_stages_before_and_after_make_the_whole(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            whole = network(picture())
            for stages in range(network.stages + 1):
                torch.testing.assert_close(network.after(network.before(picture(), stages), stages), whole)

    def test_frozen_stages_get_no_gradient_and_keep_their_statistics(self, name: str) -> None:
        network = small(name).train()
        network.freeze(2)
        frozen = [m for i in range(2) for part in network.stage_modules(i) for m in part.modules()]
        assert not any(m.training for m in frozen if isinstance(m, torch.nn.BatchNorm2d))
        network(picture()).square().mean().backward()
        learned = {id(p) for p in network.parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert not learned & {id(p) for m in frozen for p in m.parameters()}
        assert {id(p) for p in network.head.parameters()} <= learned

    def test_more_stages_than_there_are_cannot_be_frozen(self, name: str) -> None:
        with pytest.raises(ValueError, match="stages"):
            small(name).freeze(small(name).stages + 1)


def test_where_the_attention_is_zero_nothing_is_pooled() -> None:
    network = cast("EfficientNetAttention", small("efficientnet-attention").eval())
    with torch.no_grad():
        logits, attention = network.after_with_attention(network.before(picture(), 0), 0)
        assert attention.shape == (2, 1, 4, 4) and logits.shape == (2, 4)
        last = cast("torch.nn.Conv2d", network.attention[-1])
        last.weight.zero_()
        cast("torch.Tensor", last.bias).fill_(-50)
        assert float(network.pooled(network.before(picture(), 0), 0).abs().max()) < 1e-6


def test_the_stage_at_which_the_attention_looks_is_trained() -> None:
    with pytest.raises(ValueError, match="0 to 3"):
        small("efficientnet-attention").freeze(4)
    assert small("efficientnet-attention").explained == 3
    assert small("efficientnet-classifier").explained == 3


def test_grey_is_seen_as_three_equal_channels_as_imagenet_weights_expect() -> None:
    network = small("efficientnet-classifier")
    assert network.encoder._conv_stem.in_channels == 3
    seen = network.before(torch.full((1, 1, 32, 32), 0.75), 0)
    assert seen.shape == (1, 3, 32, 32) and float(seen.min()) == float(seen.max()) == 0.5


@pytest.mark.parametrize(("encoder", "features"), [("efficientnet-lite1", 1280), ("efficientnet-b0", 1280)])
def test_the_base_ends_in_the_last_convolution_where_the_recipe_says(encoder: str, features: int) -> None:
    with torch.no_grad():
        for top, wanted in ((True, features), (False, 320)):
            network = small("efficientnet-classifier", encoder=encoder, top=top).eval()
            assert network.pooled(network.before(picture(), 0), 0).shape == (2, wanted)
            assert network.head[0].in_features == wanted


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("resnet", {"depth": 7}),
        ("vgg16", {"filters": (4, 4)}),
        ("efficientnet-attention", {"encoder": "efficientnet-b0"}),
    ],
)
def test_impossible_arguments_are_told(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="can be built with"):
        build_network(name, 1, 4, args)


def test_published_sizes() -> None:
    """ResNet-50 and VGG-16 have about the parameters their papers print, without the old heads (23.5 and 14.7 M)."""
    with torch.device("meta"):
        resnet, vgg = (build_network(n, 3, 4, a) for n, a in (("resnet", {"depth": 50}), ("vgg16", {"norm": False})))
    assert sum(p.numel() for p in resnet.parameters()) == pytest.approx(23.5e6 + 2048 * 512, rel=0.01)
    assert sum(p.numel() for p in vgg.parameters()) == pytest.approx(14.7e6 + 512 * 512, rel=0.01)
