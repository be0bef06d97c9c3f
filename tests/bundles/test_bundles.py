"""A bundle on disk: what is written comes back, and what was altered is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tumorscope.bundles.bundle import SHIPPED, Bundle, save_bundle, shipped_names
from tumorscope.bundles.card import render_card
from tumorscope.bundles.manifest import ImageModel, Manifest, Outputs, Postprocess, SubsetScore, TrainingRecord
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.labels import BRATS
from tumorscope.core.sequence import Sequence
from tumorscope.networks.build import build_network
from tumorscope.transforms.prepare import Preprocess

ARGS = {"filters": [4, 8]}


def manifest(**changes: Any) -> Manifest:
    record = TrainingRecord(dataset="brats", licence="research", commercial=False, case_hashes=["ab", "cd"])
    fields: dict[str, Any] = {
        "name": "small",
        "version": "1",
        "title": "A small one",
        "network": "unet",
        "network_args": ARGS,
        "preprocess": Preprocess(sequences=(Sequence.T1CE, Sequence.FLAIR), size=(16, 16), context=1),
        "outputs": Outputs(kind="regions", names=("WT", "TC", "ET")),
        "scheme": "brats",
        "postprocess": Postprocess(thresholds={"ET": 0.4}),
        "training": record,
    }
    return Manifest.model_validate(fields | changes)


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return dict(build_network("unet", 6, 3, ARGS).state_dict())


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return save_bundle(tmp_path / "b", manifest(), [state()], "# card\n")


def edit(bundle: Bundle, **changes: Any) -> None:
    path = bundle.folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_round_trip(bundle: Bundle) -> None:
    again = Bundle.load(bundle.folder)
    assert again.manifest == bundle.manifest
    assert again.name == "small"
    assert again.scheme is BRATS
    (network,) = again.load_networks()
    assert not network.training
    for key, value in network.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, state()[key], atol=1e-3, rtol=1e-3)
    assert (bundle.folder / "card.md").read_text() == "# card\n"
    assert {p.name for p in bundle.folder.iterdir()} == {"bundle.json", "card.md", "weights.safetensors"}


def test_several_members(tmp_path: Path) -> None:
    saved = save_bundle(tmp_path, manifest(), [state(0), state(1)], "")
    networks = Bundle.load(tmp_path).load_networks()
    assert saved.manifest.members == ["weights-0.safetensors", "weights-1.safetensors"]
    assert not torch.equal(networks[0].state_dict()["head.bias"], networks[1].state_dict()["up.0.0.bias"])
    assert len(networks) == 2


def test_numbers_beyond_fp16_and_integers_stay_as_they_are(tmp_path: Path) -> None:
    saved = save_bundle(
        tmp_path, manifest(), [{"big": torch.tensor([1e6]), "small": torch.tensor([0.5]), "n": torch.tensor(70000)}], ""
    )
    stored = load_file(saved.folder / "weights.safetensors")
    assert {k: v.dtype for k, v in stored.items()} == {
        "big": torch.float32,
        "small": torch.float16,
        "n": torch.int64,
    }
    assert float(stored["big"]) == 1e6


def test_tensors_that_share_memory_or_lie_apart_are_saved(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    saved = save_bundle(tmp_path, manifest(), [{"a": whole[:, 1], "b": whole[:, 1]}], "")
    assert load_file(saved.folder / "weights.safetensors")["b"].tolist() == [1, 5, 9]


def test_altered_and_missing_weights_are_refused(bundle: Bundle) -> None:
    path = bundle.folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(InputError, match="other content"):
        Bundle.load(bundle.folder).load_networks()
    path.unlink()
    with pytest.raises(InputError, match="no file"):
        Bundle.load(bundle.folder).load_networks()


def test_weights_without_a_hash_are_refused(bundle: Bundle) -> None:
    edit(bundle, weights_sha256={})
    with pytest.raises(InputError, match="as exported"):
        Bundle.load(bundle.folder).load_networks()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network_args": {"filters": [4, 16]}}, "weights that fit"),
        ({"network_args": {"width": 3}}, "a network that this version can build"),
        ({"network": "unetr"}, "a network that this version can build"),
    ],
)
def test_another_network_is_refused(bundle: Bundle, changes: dict[str, Any], message: str) -> None:
    edit(bundle, **changes)
    with pytest.raises(InputError, match=message):
        Bundle.load(bundle.folder).load_networks()


@pytest.mark.parametrize("changes", [{"format": 2}, {"colour": "red"}, {"outputs": {"kind": "x", "names": []}}])
def test_a_bundle_json_that_is_not_valid_is_refused(bundle: Bundle, changes: dict[str, Any]) -> None:
    edit(bundle, **changes)
    with pytest.raises(InputError, match=next(iter(changes))):
        Bundle.load(bundle.folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_file_that_is_no_json_is_refused(bundle: Bundle, content: bytes) -> None:
    (bundle.folder / "bundle.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a valid bundle\.json"):
        Bundle.load(bundle.folder)


def test_an_unknown_scheme_is_told(bundle: Bundle) -> None:
    edit(bundle, scheme="brats-2031")
    with pytest.raises(InputError, match="brats-2031"):
        _ = Bundle.load(bundle.folder).scheme


def test_custom_classes(tmp_path: Path) -> None:
    custom = manifest(scheme="custom", classes={3: "edema"}, outputs=Outputs(kind="binary", names=("edema",)))
    save_bundle(tmp_path, custom, [state()], "")
    assert Bundle.load(tmp_path).scheme.values == (3,)


def test_unknown_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a bundle folder"):
        Bundle.load(tmp_path / "nothing")
    with pytest.raises(UsageError, match="lgg-flare"):
        Bundle.load("lgg-flare")


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_bundles_are_whole(name: str) -> None:
    shipped = Bundle.load(name)
    assert shipped.name == name
    assert shipped.load_networks()
    assert shipped.manifest.training.case_hashes
    assert sum(p.stat().st_size for p in (SHIPPED / name).iterdir()) < 20 * 2**20


def test_outputs_count_channels() -> None:
    assert Outputs(kind="regions", names=("WT", "TC")).channels == 2
    assert Outputs(kind="classes", names=("ED", "ET")).channels == 3
    assert Outputs(kind="binary", names=("tumor",)).channels == 1


def test_the_card_tells_data_licence_split_scores_and_limits() -> None:
    split = {"unit": "patient", "seed": 3, "hash": "beef", "parts": {"train": ["a", "b"], "val": ["c"], "test": []}}
    record = TrainingRecord(dataset="lgg", licence="CC BY-NC-SA 4.0", commercial=False, case_hashes=["ab"], split=split)
    score = {"metric": "dice", "region": "WT", "unit": "patient", "mean": 0.8512, "sd": None, "median": 0.9, "n": 17}
    scores = [score | {"ci95": [0.8, None], "empty_policy": "both-empty-one", "on": "test"}]
    card = render_card(manifest(training=record, scores=scores, limits=["Adults only."]))
    for text in (
        "Research use only",
        "CC BY-NC-SA 4.0",
        "non-commercial use only",
        "`beef`",
        "2 train, 1 val, 0 test",
        "| dice | WT | patient | 0.851 | 0.800 to not defined | not defined | 0.900 | 17 | both-empty-one |",
        "- Adults only.",
        '{"thresholds":{"ET":0.4}}',
    ):
        assert text in card
    assert "No scores have been measured" in render_card(manifest())


@pytest.mark.parametrize("outputs", [Outputs(kind="types", names=("a", "b")), Outputs(kind="regions", names=("WT",))])
def test_a_score_that_is_not_defined_has_no_interval(outputs: Outputs) -> None:
    nothing = {"mean": None, "sd": None, "median": None, "ci95": [None, None], "n": 0}
    score = {
        "metric": "recall",
        "region": "b",
        "unit": "image",
        "empty_policy": "both-empty-one",
        "on": "test",
        **nothing,
    }
    card = render_card(manifest(outputs=outputs, scores=[score]))
    assert "not defined | not defined |" in card and "to not defined" not in card


def test_the_card_of_a_model_of_images_says_how_it_scores() -> None:
    score = {"metric": "SSIM, inside the brain", "region": "6 % noise", "unit": "slice", "mean": 0.8961, "n": 96}
    scores = [score | {"ci95": [0.89, 0.901], "on": "fixed test list"}, score | {"ci95": [None, None], "on": "x"}]
    image = ImageModel(task="denoise", in_channels=1, out_channels=1)
    card = render_card(manifest(image=image, scores=scores))
    assert "| SSIM, inside the brain | 6 % noise | 0.896 | 0.890 to 0.901 | 96 | fixed test list |" in card
    assert "| 0.896 | not defined | 96 | x |" in card and "docs/generative.md" in card


def test_the_card_tells_what_is_lost_with_sequences_missing() -> None:
    names = manifest().outputs.names
    rows = [
        SubsetScore(
            sequences=shown,
            dice=dict.fromkeys(names, dice),
            ci95=dict.fromkeys(names, (dice - 0.1, dice + 0.1)),
            n=12,
            on="fixed test list",
        )
        for shown, dice in (((Sequence.FLAIR,), 0.8), ((Sequence.T1CE, Sequence.FLAIR), 0.85))
    ]
    card = render_card(manifest(subsets=rows))
    assert "## With sequences missing" in card and "n = 12, fixed test list" in card
    assert "| FLAIR | 0.800 (0.700 to 0.900) |" in card and "| 0.050 |" in card
    assert "| T1CE, FLAIR | 0.850 (0.750 to 0.950) |" in card and "| 0.000 |" in card
    assert "missing" not in render_card(manifest()).split("## Scores")[1]
