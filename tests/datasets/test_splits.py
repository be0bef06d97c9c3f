"""Who trains, validates and tests."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, LeakError, UsageError
from tumorscope.datasets.lgg import DATASET as LGG
from tumorscope.datasets.splits import PARTS, Split, k_folds, leave_one_site_out, patient_split
from tumorscope.recipes.recipe import held_out


def cohort(*strata: int, per_patient: int = 2) -> list[Case]:
    """Return patients of grades g0, g1, …, as many as stated, each with several cases."""
    cases = []
    for number, count in enumerate(strata):
        for patient in range(count):
            name = f"g{number}-p{patient:03}"
            cases += [
                Case(f"{name}-{visit}", name, {}, grade=f"g{number}", site=f"s{patient % 3}")
                for visit in range(per_patient)
            ]
    return cases


def by_grade(case: Case) -> object:
    return case.grade


def patients(split: Split, part: str, cases: list[Case]) -> set[str]:
    ids = set(split.parts[part])  # type: ignore[index]
    return {c.patient for c in cases if c.id in ids}


COHORTS = st.lists(st.integers(1, 25), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) >= 20)


@given(sizes=COHORTS, seed=st.integers(0, 99), visits=st.integers(1, 3), stratified=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_patient_is_in_two_parts_and_every_case_in_one(
    sizes: list[int], seed: int, visits: int, stratified: bool
) -> None:
    cases = cohort(*sizes, per_patient=visits)
    split = patient_split(cases, "x", seed=seed, stratify=by_grade if stratified else None)
    parts = [patients(split, part, cases) for part in PARTS]
    assert sum(len(p) for p in parts) == len({c.patient for c in cases}) == len(set.union(*parts))
    assert sorted(i for ids in split.parts.values() for i in ids) == sorted(c.id for c in cases)
    split.check_patients(cases)


@given(sizes=COHORTS, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_every_stratum_has_its_share_within_one_patient(sizes: list[int], seed: int) -> None:
    cases = cohort(*sizes)
    split = patient_split(cases, "x", (0.7, 0.15, 0.15), seed, by_grade)
    for part, share in (("val", 0.15), ("test", 0.15)):
        found = Counter(p.split("-")[0] for p in patients(split, part, cases))
        for number, size in enumerate(sizes):
            assert abs(found[f"g{number}"] - share * size) <= 1
        assert abs(sum(found.values()) - share * sum(sizes)) <= 1


@given(sizes=COHORTS, folds=st.integers(2, 6), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_folds_cover_everybody_once(sizes: list[int], folds: int, seed: int) -> None:
    cases = cohort(*sizes)
    splits = k_folds(cases, "x", folds, seed, by_grade, held_out=["g0-p000"])
    validated = [p for s in splits for p in patients(s, "val", cases)]
    assert len(splits) == folds
    assert sorted(validated) == sorted({c.patient for c in cases} - {"g0-p000"})
    for split in splits:
        split.check_patients(cases)
        assert patients(split, "test", cases) == {"g0-p000"}
        counts = Counter(p.split("-")[0] for p in patients(split, "val", cases))
        for number, size in enumerate(sizes):
            assert abs(counts[f"g{number}"] - (size - (number == 0)) / folds) <= 1


def test_same_seed_same_split_other_seed_another() -> None:
    cases = cohort(30)
    assert patient_split(cases, "x", seed=4) == patient_split(cases[::-1], "x", seed=4)
    assert patient_split(cases, "x", seed=4).hash != patient_split(cases, "x", seed=5).hash


def test_the_hash_tells_ids_unit_and_data_set_apart() -> None:
    parts = {"train": ["a"], "val": ["b"], "test": ["c"]}
    base = {"dataset": "x", "unit": "patient", "seed": 0, "parts": parts}
    hashes = {
        Split.model_validate(base | change).hash
        for change in (
            {},
            {"dataset": "y"},
            {"unit": "slice"},
            {"parts": parts | {"test": ["d"]}},
            {"parts": parts | {"test": ["b"], "val": ["c"]}},
        )
    }
    assert len(hashes) == 5


def test_held_out_patients_always_test() -> None:
    cases = cohort(20, 10)
    fixed = ["g0-p001", "g1-p002-1"]  # a patient, and a case that stands for its patient
    split = patient_split(cases, "x", (0.9, 0.1, 0.0), seed=3, stratify=by_grade, held_out=fixed)
    assert patients(split, "test", cases) == {"g0-p001", "g1-p002"}
    assert len(patients(split, "val", cases)) == 3


@pytest.mark.parametrize("name", ["lgg", "brats"])
def test_fixed_test_lists_are_patients_named_once(name: str) -> None:
    names = held_out(name)
    assert len(names) == len(set(names)) >= 12


def test_the_fixed_lgg_list_on_the_real_data(test_data: Path) -> None:
    cases = LGG.discover(test_data / "lgg")
    split = patient_split(cases, "lgg", (0.88, 0.12, 0.0), 1, lambda c: c.site, held_out("lgg"))
    assert patients(split, "test", cases) == set(held_out("lgg"))
    assert {c.site for c in cases if c.id in set(split.parts["test"])} >= {"CS", "DU", "FG", "HT"}


def test_leave_one_site_out_of_lgg(test_data: Path) -> None:
    cases = LGG.discover(test_data / "lgg")
    splits = leave_one_site_out(cases, "lgg")
    assert set(splits) == {c.site for c in cases}
    for site, split in splits.items():
        assert split.unit == "site"
        assert {c.site for c in split.pick(cases, "test")} == {site}
        assert site not in {c.site for part in ("train", "val") for c in split.pick(cases, part)}  # type: ignore[arg-type]
        assert split.parts["val"]


def test_one_site_cannot_be_left_out() -> None:
    with pytest.raises(UsageError, match="two known sites"):
        leave_one_site_out([Case("a", "a", {}, site="CS")], "x")


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.2), (1.2, -0.1, -0.1), (0.0, 0.5, 0.5)])
def test_wrong_fractions(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        patient_split(cohort(10), "x", fractions)


def test_too_few_patients() -> None:
    with pytest.raises(UsageError, match="at least one patient for 'val'"):
        patient_split(cohort(2), "x")
    with pytest.raises(UsageError, match="Use fewer folds"):
        k_folds(cohort(3), "x", 5)


def test_file_round_trip_and_pick(tmp_path: Path) -> None:
    cases = cohort(20)
    split = patient_split(cases, "x", seed=8)
    split.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == split
    assert [c.id for c in split.pick(cases, "val")] == split.parts["val"]
    with pytest.raises(InputError, match="missing"):
        split.pick(cases[:3], "train")


def test_an_edited_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    patient_split(cohort(20), "x").save(path)
    content = json.loads(path.read_text())
    content["parts"]["train"].append(content["parts"]["test"].pop())
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="instead of editing"):
        Split.load(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "text that is not JSON in"),
        (b"{", "text that is not JSON in"),
        (b"\xff\xfe", "not text, so not JSON"),
        (b"[]", "JSON without keys in"),
        (b'{"dataset":"x","unit":"patient","seed":0}', "that the key 'parts' is missing in"),
        (b'{"dataset":"x","unit":"patient","seed":0,"parts":{},"fold":1}', "the unknown key 'fold' in"),
        (b'{"dataset":"x","unit":"patient","seed":"a","parts":{}}', "that 'seed' should be a valid integer in"),
        (
            b'{"dataset":"x","unit":"patient","seed":0,"parts":{"dev":[]}}',
            r"the unknown part 'dev' \(not train, val, test\) in",
        ),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "split.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        Split.load(path)
    assert "a split file" in str(caught.value) and "validation error" not in str(caught.value)


def test_no_file_and_a_folder_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no such file: .*nowhere\.json\. Make one"):
        Split.load(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="found a folder: "):
        Split.load(tmp_path)


def test_a_case_in_two_parts_is_refused() -> None:
    with pytest.raises(InputError, match="'a' more often"):
        Split(dataset="x", unit="patient", seed=0, parts={"train": ["a"], "val": [], "test": ["a"]})


def test_a_patient_in_two_parts_is_a_leak_unless_the_split_says_so() -> None:
    cases = cohort(2)
    parts = {"train": [cases[0].id], "val": [cases[1].id], "test": []}
    with pytest.raises(LeakError, match="g0-p000"):
        Split(dataset="x", unit="patient", seed=0, parts=parts).check_patients(cases)  # type: ignore[arg-type]
    Split(dataset="x", unit="slice", seed=0, parts=parts).check_patients(cases)  # type: ignore[arg-type]
