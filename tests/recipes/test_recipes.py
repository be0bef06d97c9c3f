"""The typed recipe: what it takes, and how it refuses the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tumorscope.core.errors import UsageError
from tumorscope.recipes.recipe import Recipe, held_out, load_recipe, parse_recipe, read_recipe, recipe_names
from tumorscope.recipes.type_recipe import TypeRecipe


def minimal(**changes: Any) -> dict[str, Any]:
    recipe: dict[str, Any] = {
        "name": "r",
        "title": "R",
        "data": {"dataset": "brats", "scheme": "brats"},
        "preprocess": {"sequences": ["T1CE"]},
        "outputs": {"kind": "regions", "names": ["WT"]},
        "network": {"name": "unet"},
        "loss": {"dice": {}},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        node = recipe
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return recipe


@pytest.mark.parametrize("name", recipe_names())
class TestShipped:
    def test_it_is_valid_and_called_as_its_file(self, name: str) -> None:
        recipe = read_recipe(name)
        assert recipe.name == name
        assert recipe.title

    def test_its_network_loss_and_optimizer_can_be_built(self, name: str) -> None:
        from tumorscope.losses.weighted import WeightedLoss
        from tumorscope.networks.build import build_network
        from tumorscope.training.optim import build_optimizer

        recipe = read_recipe(name)
        arguments = recipe.network.args | {"encoder_weights": "none"} if "encoder" in recipe.network.args else {}
        channels = getattr(recipe, "network_channels", (3, 2))
        size = recipe.preprocess.input_size if isinstance(recipe, Recipe | TypeRecipe) else None
        network = build_network(recipe.network.name, *channels, arguments, size)
        if isinstance(recipe, Recipe):
            WeightedLoss(recipe.loss, recipe.outputs.kind == "classes")
        build_optimizer(network.parameters(), recipe.optimizer)

    def test_it_survives_the_way_through_yaml(self, name: str, tmp_path: Path) -> None:
        recipe = read_recipe(name)
        path = tmp_path / "r.yaml"
        path.write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
        assert read_recipe(path) == recipe

    def test_its_test_list_exists(self, name: str) -> None:
        recipe = read_recipe(name)
        if recipe.data.held_out:
            assert held_out(recipe.data.held_out)


def test_the_shipped_ones_are_there() -> None:
    assert {"lgg-flair", "brats-2d", "folder-2d"} <= set(recipe_names())


@pytest.mark.parametrize(
    ("key", "value", "reads"),
    [
        ("optimizer.lr", "3e-4", 3e-4),
        ("optimizer.lr", "0.01", 0.01),
        ("training.epochs", "7", 7),
        ("training.precision", "32", "32"),
        ("training.deterministic", "true", True),
        ("training.early_stopping", "null", None),
        ("preprocess.slices", "[60, 135]", (60, 135)),
        ("preprocess.sequences", "[FLAIR, T1]", ("FLAIR", "T1")),
        ("name", "mine", "mine"),
        ("schedule.name", "plateau", "plateau"),
        ("loss.focal.weight", "0.5", 0.5),
        ("network.args.encoder", "efficientnet-lite2", "efficientnet-lite2"),
    ],
)
def test_dotted_overrides(key: str, value: str, reads: object) -> None:
    node: Any = load_recipe("brats-2d", {key: value})
    for part in key.split("."):
        node = node[part] if isinstance(node, dict) else getattr(node, part)
    assert node == reads


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("optimizer.lrr", "optimizer.lr"),
        ("optimiser.lr", "optimizer"),
        ("trainning.epochs", "training"),
        ("training.epoch", "training.epochs"),
        ("augment.rotate", "augment.rotate_deg"),
        ("preprocess.normalize", "preprocess.normalise"),
        ("data.fold", "data.folds"),
        ("loss.dice.weigth", "loss.dice.weight"),
    ],
)
def test_an_unknown_key_names_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(UsageError) as error:
        load_recipe("brats-2d", {key: "1"})
    assert key.split(".")[-1] in error.value.found or key.split(".")[0] in error.value.found
    assert error.value.fix == f"Did you mean '{nearest}'?"
    assert error.value.exit_code == 64


def test_a_key_near_to_none_lists_them() -> None:
    with pytest.raises(UsageError, match=r"Known: .*weight_decay"):
        load_recipe("brats-2d", {"optimizer.qqqq": "1"})


def test_a_mistyped_section_is_named_before_the_missing_one() -> None:
    content = minimal()
    content["outptus"] = content.pop("outputs")
    with pytest.raises(UsageError, match="Did you mean 'outputs'"):
        parse_recipe(content, "x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__dataset": "brat"}, "a known data set; found 'brat'. Did you mean 'brats'"),
        ({"data__scheme": "bratz"}, "a known label scheme"),
        ({"network__name": "unnet"}, "a known network; found 'unnet'. Did you mean 'unet'"),
        ({"loss": {"dise": {}}}, "a known loss; found 'dise'. Did you mean 'dice'"),
        ({"loss": {}}, "name at least one"),
        ({"loss": {"dice": {"weight": -1}}}, "loss.dice.weight: Input should be greater than 0"),
        ({"loss": {"cross_entropy": {}}}, "needs outputs.kind 'classes'"),
        ({"outputs__names": ["WT", "WT"]}, "name each once"),
        ({"outputs": {"kind": "binary", "names": ["WT", "ET"]}}, "only one for kind 'binary'"),
        ({"data__classes": {1: "a"}}, "data.classes needs data.scheme 'custom'"),
        ({"training__validate_every": 30}, "nothing would be validated"),
        ({"optimizer__lr": float("nan")}, "optimizer.lr"),
        ({"optimizer__lr": 0}, "optimizer.lr: Input should be greater than 0"),
        ({"optimizer__name": "lion"}, "'adam', 'adamw', 'sgd' or 'rmsprop'"),
        ({"preprocess__sequences": ["T9"]}, "preprocess.sequences.0"),
        ({"preprocess__slices": [135, 60]}, "0 <= first < last"),
        ({"data__tumour_fraction": 1.5}, "data.tumour_fraction"),
        ({"training__epochs": "many"}, "training.epochs"),
    ],
)
def test_values_that_cannot_be_are_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_recipe(minimal(**changes), "my.yaml")
    assert message in str(error.value)


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'lgg-flair'"):
        load_recipe("lgg-flare")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [1\n", "\x00"])
def test_files_that_are_no_recipes(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="a YAML recipe"):
        load_recipe(path)


@pytest.mark.parametrize(("key", "value"), [("name.first", "x"), ("optimizer.lr", "[1"), ("data", "3")])
def test_overrides_that_cannot_be(key: str, value: str) -> None:
    with pytest.raises(UsageError):
        load_recipe("brats-2d", {key: value})


def test_a_recipe_cannot_be_changed() -> None:
    recipe = parse_recipe(minimal(), "x")
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "other"  # type: ignore[misc]
    assert isinstance(recipe, Recipe)


def test_an_unknown_test_list_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="Use one of brats, figshare, lgg"):
        held_out("four_class")
    assert held_out(None) == []


def test_a_recipe_states_only_what_differs_from_its_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: lgg-flair\nname: mine\noptimizer: {lr: 5.0e-4}\nloss: {bce: {weight: 2.0}}\n")
    base, mine = load_recipe("lgg-flair"), load_recipe(path, {"training.epochs": "3"})
    assert (mine.name, mine.optimizer.lr, mine.training.epochs) == ("mine", 5e-4, 3)
    assert set(mine.loss) == {"bce"} and mine.optimizer.weight_decay == base.optimizer.weight_decay
    assert mine.preprocess == base.preprocess and mine.network == base.network


def test_an_unknown_base_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: lgg-flare\nname: mine\n")
    with pytest.raises(UsageError, match="lgg-flair"):
        load_recipe(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("overrides", "found", "fix"),
    [
        (
            {"training.epochs": "1"},
            "in recipe 'unet3d-2mm' with --training.epochs 1.",
            "Set --training.validate_every too",
        ),
        ({"network.nope": "3"}, "in recipe 'unet3d-2mm' with --network.nope 3.", "Known: "),
        (
            {"training.epochs": "many"},
            "in recipe 'unet3d-2mm' with --training.epochs many.",
            "Change --training.epochs",
        ),
        ({"data.folds": "5", "data.unit": "slice"}, "with --data.folds 5 --data.unit slice.", "Change --data.folds or"),
    ],
)
def test_a_wrong_override_is_blamed_not_the_shipped_file(overrides: dict[str, str], found: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("unet3d-2mm", overrides | {"optimizer.lr": "1e-3"})
    assert found in str(caught.value) and fix in caught.value.fix
    assert "yaml" not in str(caught.value) and "optimizer.lr" not in caught.value.found


def test_a_users_own_file_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: unet3d-2mm\ntraining: {epochs: 1}\n")
    with pytest.raises(UsageError) as caught:
        load_recipe(path, {"optimizer.lr": "1e-3"})
    assert str(path) in caught.value.found


class TestClassification:
    def test_it_is_a_recipe_of_its_own(self) -> None:
        recipe = read_recipe("tumor-type", {"base.frozen_stages": "all", "optimizer.lr": "3e-4"})
        assert isinstance(recipe, TypeRecipe)
        assert recipe.outputs.kind == "types" and recipe.outputs.channels == len(recipe.outputs.names) == 4
        assert (recipe.base.frozen_stages, recipe.optimizer.lr) == ("all", 3e-4)

    def test_a_command_for_segmentation_refuses_it_in_words(self) -> None:
        with pytest.raises(UsageError, match="a recipe for segmentation; found 'tumor-type', of task classification"):
            load_recipe("tumor-type")

    @pytest.mark.parametrize(
        ("overrides", "found"),
        [
            ({"training.monitor": "val_dice"}, "no Dice without masks"),
            ({"preprocess.normalise": "zscore_nonzero"}, "values from 0 to 1"),
            ({"preprocess.context": "1"}, "one picture"),
            ({"outputs.names": "[glioma]"}, "at least two names"),
            ({"network.name": "unet"}, "a known classification network"),
            ({"base.frozen_stage": "2"}, "unknown key"),
        ],
    )
    def test_what_cannot_be_is_refused(self, overrides: dict[str, str], found: str) -> None:
        with pytest.raises(UsageError, match=found):
            read_recipe("tumor-type", overrides)

    def test_types_need_their_own_task(self) -> None:
        with pytest.raises(UsageError, match="needs task: classification"):
            parse_recipe(minimal(outputs__kind="types"), "r")
