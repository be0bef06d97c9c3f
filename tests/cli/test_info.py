import json

from tumorscope.core.labels import SCHEMES
from tumorscope.networks import NETWORKS
from tumorscope.workflows.info import bundle_rows, describe, info, recipe_rows, render


def test_everything_is_listed_with_a_name_and_a_title():
    found = info()
    assert [row["name"] for row in found["networks"]] == list(NETWORKS)
    assert [row["name"] for row in found["label_schemes"]] == list(SCHEMES)
    for kind, rows in found.items():
        if kind != "version":
            untitled = {row["name"] for row in rows if not row["title"]}
            assert untitled <= {"tiny"}, kind  # other tests may have registered tiny_bundles' network
    json.dumps(found, allow_nan=False)


def test_text_names_everything():
    found = info()
    text = render(found)
    for kind, rows in found.items():
        if kind != "version":
            assert f"{kind.replace('_', ' ')}:" in text
            assert all(row["name"] in text for row in rows)


def test_bundles_are_read_as_json_and_a_broken_one_does_not_stop_the_list(tmp_path):
    manifest = {
        "name": "good",
        "title": "A bundle",
        "outputs": {"names": ["WT"]},
        "training": {"dataset": "lgg", "licence": "CC BY-NC-SA 4.0", "commercial": False},
    }
    for name, text in {"good": json.dumps(manifest), "broken": "{", "list": "[1]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.json").write_text(text)
    (tmp_path / "good" / "weights.safetensors").write_bytes(bytes(2_000_000))
    rows = {row["name"]: row for row in bundle_rows(tmp_path)}
    assert "unreadable" in rows["broken"]["title"]
    assert "unreadable" in rows["list"]["title"]
    assert rows["good"]["regions"] == ["WT"]
    assert rows["good"]["size_mb"] == 2.0
    text = render({"version": "1", "bundles": list(rows.values())})
    assert "A bundle (licence CC BY-NC-SA 4.0; non-commercial)" in text


def test_recipes_are_titled_by_their_title_or_first_comment(tmp_path):
    (tmp_path / "a.yaml").write_text("# from a paper\ndata: {}\n")
    (tmp_path / "b.yaml").write_text("# a comment\ntitle: 'The title'\n")
    (tmp_path / "c.yaml").write_text("data: {}\n")
    titles = {row["name"]: row["title"] for row in recipe_rows(tmp_path)}
    assert titles == {"a": "from a paper", "b": "The title", "c": ""}


def test_entries_are_described_without_importing_them():
    assert describe("tumorscope.workflows.info:recipe_rows").startswith("Return one row per YAML recipe")
    assert describe("tumorscope.datasets.lgg:DATASET").startswith("Kaggle LGG")
    assert describe("tumorscope.workflows.info:nothing").startswith("What this installation offers")
    assert describe("elsewhere.module:thing") == ""
