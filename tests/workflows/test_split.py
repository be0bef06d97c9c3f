"""Split files from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorscope.cli.main import main
from tumorscope.core.errors import InputError, UsageError
from tumorscope.datasets.splits import Split
from tumorscope.workflows.split import make_split_files


def test_each_site_is_left_out_once_and_no_patient_crosses(test_data: Path, tmp_path: Path) -> None:
    splits = make_split_files("lgg", test_data / "lgg", tmp_path, kind="sites")
    assert set(splits) == {"site-CS.json", "site-DU.json", "site-EZ.json", "site-FG.json", "site-HT.json"}
    for name, split in splits.items():
        site = name.removeprefix("site-").removesuffix(".json")
        assert {c.split("_")[1] for c in split.parts["test"]} == {site}
        assert site not in {c.split("_")[1] for part in ("train", "val") for c in split.parts[part]}  # type: ignore[index]
        assert Split.load(tmp_path / name) == split


def test_the_fixed_test_list_is_always_test(test_data: Path, tmp_path: Path) -> None:
    command = ["split", "--dataset", "lgg", "--data", str(test_data / "lgg"), "--test-list", "lgg", "-o", str(tmp_path)]
    assert main(command) == 0
    split = Split.load(tmp_path / "split.json")
    assert len(split.parts["test"]) == 17
    assert split.parts["val"]


def test_an_unknown_stratum_is_refused(test_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="known grade"):
        make_split_files("brats", test_data / "brats", tmp_path, stratify="grade")


def test_a_slice_wise_split_says_that_patients_leak(
    test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(test_data / "lgg" / "TCGA_CS_4941_19960909")
    assert main(["split", "--dataset", "lgg", "--data", data, "--kind", "slices", "-o", str(tmp_path)]) == 0
    assert "slice-wise: patients leak" in capsys.readouterr().out
    assert Split.load(tmp_path / "split.json").unit == "slice"


def test_published_protocols_go_by_themselves(test_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="by itself"):
        make_split_files("lgg", test_data / "lgg", tmp_path, kind="slices", stratify="site")
