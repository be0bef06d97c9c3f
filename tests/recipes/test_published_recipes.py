"""The recipes of the papers: every value has its source, and the printed ones are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tumorscope.core.case import Case
from tumorscope.core.sequence import Sequence
from tumorscope.recipes.recipe import RECIPES, Recipe, load_recipe, read_recipe
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.training.plan import make_splits

PUBLISHED = (
    "attention-resunet-guided",
    "brats-unet2d-cce",
    "brats-unet2d-dice",
    "coco-unet-dicefocal",
    "deeplabv3plus",
    "four-class-efficientnet-b1",
    "lgg-fpn-efficientnet",
    "lgg-resunet",
)
#: Number of rows of each paper in the checklist.
ROWS = {"S0": 42, "S1": 26, "S2": 56, "S3": 42, "S4": 92}
ID = re.compile(r"\b(S[0-4])-(\d\d)\b")


def untraced(text: str, reasons: str = r"\bours: \S") -> list[str]:
    """Return the lines of a recipe that hold a value and neither a checklist id nor a reason of ours."""
    missing = []
    for line in text.splitlines():
        value, _, reason = line.partition("  # ")
        if not value.strip() or value.lstrip().startswith("#") or value.rstrip().endswith(":"):
            continue
        if not ID.search(reason) and not re.search(reasons, reason):
            missing.append(line)
    return missing


@pytest.mark.parametrize("name", PUBLISHED)
class TestPublished:
    def text(self, name: str) -> str:
        return (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")

    def test_every_value_has_a_source_or_a_reason(self, name: str) -> None:
        assert untraced(self.text(name)) == []

    def test_its_ids_exist(self, name: str) -> None:
        wrong = [m.group() for m in ID.finditer(self.text(name)) if not 1 <= int(m[2]) <= ROWS[m[1]]]
        assert wrong == []

    def test_its_card_says_that_it_is_a_reproduction(self, name: str) -> None:
        assert read_recipe(name).limits


@pytest.mark.parametrize("name", ["unet3d", "vnet"])
def test_networks_of_the_outlook_tell_their_papers_values_from_ours(name: str) -> None:
    """S2-52, S4-88: what Çiçek et al. and Milletari et al. print is marked "paper"."""
    assert untraced((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"), r"\b(ours|paper)\b") == []


def test_a_value_without_a_source_is_noticed() -> None:
    assert untraced("a:\n  b: 1  # S0-11\n  c: 2\n  d: 3  # because\n\n# text\n") == ["  c: 2", "  d: 3  # because"]


def values(recipe: Recipe) -> dict[str, object]:
    training, spec = recipe.training, recipe.preprocess
    return {
        "dataset": recipe.data.dataset,
        "size": spec.size,
        "sequences": tuple(str(s) for s in spec.sequences),
        "outputs": (recipe.outputs.kind, recipe.outputs.channels),
        "network": recipe.network.name,
        "loss": tuple(recipe.loss),
        "optimizer": (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.weight_decay),
        "epochs": training.epochs,
        "batch": training.batch_size,
        "keep": training.monitor,
    }


BRATS = {
    "dataset": "brats",
    "size": (128, 128),
    "sequences": ("T1CE", "FLAIR"),
    "outputs": ("classes", 4),
    "network": "unet",
    "optimizer": ("adam", 1e-3, 0.0),
    "batch": 2,
    "keep": "val_loss",
}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("brats-unet2d-dice", BRATS | {"loss": ("dice",), "epochs": 35}),
        ("brats-unet2d-cce", BRATS | {"loss": ("cross_entropy",), "epochs": 25}),
        ("lgg-fpn-efficientnet", {"dataset": "lgg", "size": (256, 256), "outputs": ("binary", 1), "epochs": 20}),
        (
            "lgg-resunet",
            {"loss": ("bce", "dice"), "optimizer": ("adam", 1e-4, 1e-4), "batch": 32, "keep": "val_loss", "epochs": 50},
        ),
        (
            "coco-unet-dicefocal",
            {"dataset": "coco", "loss": ("dice", "focal"), "network": "unet", "outputs": ("binary", 1)},
        ),
        ("attention-resunet-guided", {"outputs": ("regions", 3), "network": "attention-resunet"}),
    ],
)
def test_printed_values(name: str, printed: dict[str, object]) -> None:
    found = values(load_recipe(name))
    assert {key: found[key] for key in printed} == printed


def test_what_only_one_paper_prints() -> None:
    for name in ("brats-unet2d-dice", "brats-unet2d-cce"):
        recipe = load_recipe(name)
        assert recipe.preprocess.slices == (60, 135)
        assert (recipe.schedule.name, recipe.schedule.patience, recipe.schedule.factor) == ("plateau", 2, 0.2)
        assert recipe.network.args["dropout"] == 0.2
    fpn = load_recipe("lgg-fpn-efficientnet")
    assert fpn.network.args["encoder"] == "efficientnet-b7"
    assert fpn.training.early_stopping == 6
    assert load_recipe("lgg-resunet").network.args["bottleneck"] == 1024
    assert 0 < load_recipe("coco-unet-dicefocal").network.args["dropout"] < 1
    assert load_recipe("attention-resunet-guided").network.args["guided"] is True


def test_the_printed_classifier() -> None:
    """S3-02, 03, 04, 10, 12, 13, 20, 21."""
    recipe = read_recipe("four-class-efficientnet-b1")
    assert isinstance(recipe, TypeRecipe)
    assert recipe.network.args["encoder"] == "efficientnet-b1" and recipe.base.frozen_stages == "all"
    assert (recipe.network.args["hidden"], recipe.network.args["dropout"]) == (512, 0.4)
    assert (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.weight_decay) == ("adam", 1e-3, 1e-4)
    assert (recipe.training.batch_size, recipe.training.epochs, recipe.training.monitor) == (32, 50, "val_accuracy")
    assert (recipe.schedule.watch, recipe.schedule.factor) == ("val_accuracy", 0.3)
    assert recipe.preprocess.normalise == "unit" and recipe.data.unit == "release"
    assert set(recipe.augment.active()) == {"flip_lr", "flip_ud", "rotate_deg", "zoom"}


def test_the_369_patients_are_split_as_printed() -> None:
    """S2-31: 250 / 74 / 45."""
    cases = [
        Case(id=f"c{i}", patient=f"p{i}", images={Sequence.FLAIR: Path("x.nii")}, label=Path("y.nii"))
        for i in range(369)
    ]
    for name in ("brats-unet2d-dice", "brats-unet2d-cce"):
        (split,) = make_splits(load_recipe(name), cases)
        assert [len(split.parts[part]) for part in ("train", "val", "test")] == [250, 74, 45]


@pytest.mark.slow
def test_the_printed_efficientnet_b7_takes_a_printed_picture_and_a_step() -> None:
    """S0-11, S0-12: FPN over EfficientNet-B7, 256×256×3 → one map; its size is what S0-29's GPU must hold."""
    import torch

    from tumorscope.networks.build import build_network
    from tumorscope.training.optim import build_optimizer

    recipe = load_recipe("lgg-fpn-efficientnet")
    arguments = recipe.network.args | {"encoder_weights": "none"}
    network = build_network(recipe.network.name, recipe.preprocess.channels, 1, arguments, recipe.preprocess.size)
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == pytest.approx(64.0e6, rel=0.005)
    picture = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    optimizer = build_optimizer(network.parameters(), recipe.optimizer)
    logits = network.train()(picture)
    assert logits.shape == (2, 1, 256, 256)
    logits.square().mean().backward()
    optimizer.step()
    with torch.no_grad():
        assert network.eval()(picture[:1]).isfinite().all()
