"""Every check finds what it is for, and keeps quiet where there is nothing."""

import nibabel as nib
import numpy as np
import pytest
from heads import audited, case, head, mask

from tumorscope.audit import CHECKS
from tumorscope.audit.finding import Severity, percent
from tumorscope.audit.numbers import picture_number
from tumorscope.audit.result import run_checks, verdict
from tumorscope.core.case import Case
from tumorscope.core.labels import custom_scheme
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import read_volumes
from tumorscope.datasets.brats import find as find_brats

DISC = mask(slice(30, 50), slice(40, 60))
EMPTY = np.zeros((96, 96), np.uint8)


def volumes(n=6, depth=4, **more):
    """Patients p0 … with slices of their own; a different mask each, the last slice empty."""
    return [
        case(
            f"p{i}",
            [head(100 * i + z) for z in range(depth)],
            [*[mask(slice(20 + i, 40 + z), slice(30, 55 + i)) for z in range(depth - 1)], EMPTY],
            **more,
        )
        for i in range(n)
    ]


def by_patient(cases):
    third = max(1, len(cases) // 3)
    return {c.id: "test" if i < third else "val" if i < 2 * third else "train" for i, c in enumerate(cases)}


def run(name, cases, **more):
    return CHECKS.load(name)(audited(cases, **more))


def only(name, cases, **more):
    (finding,) = run(name, cases, **more)
    assert finding.check == name
    return finding


def test_a_good_split_has_no_leak_and_no_defect():
    cases = volumes()
    found = run_checks(audited(cases, parts=by_patient(cases), unit="patient"))
    assert {f.check for f in found} <= set(CHECKS)
    assert {f.severity for f in found} == {Severity.OK, Severity.REMARK}
    assert verdict(found).startswith("Usable")


def test_patients_and_neighbours_across_parts():
    cases = volumes(n=4)
    parts = {f"p{i}_z{z:03d}": "test" if z == 1 else "train" for i in range(4) for z in range(4)}
    patients = only("patients", cases, parts=parts, unit="slice")
    assert patients.severity is Severity.LEAK
    assert patients.numbers["test slices whose patient is in train"] == patients.numbers["test slices"] == 4
    assert patients.headline.startswith("100 % of the test slices (4 of 4)")
    neighbours = only("neighbours", cases, parts=parts, unit="slice")
    assert neighbours.severity is Severity.LEAK and neighbours.numbers["test slices with a neighbour in train"] == 4
    apart = {f"p{i}_z{z:03d}": {0: "train", 1: "val", 2: "val", 3: "test"}[z] for i in range(4) for z in range(4)}
    assert only("neighbours", cases, parts=apart, unit="slice").numbers["test slices with a neighbour in train"] == 0


def test_slices_of_a_file_that_runs_downwards_are_counted_from_its_end():
    down = volumes(n=2)
    for one in down:
        image = one.images[Sequence.FLAIR]
        image.affine[2, 2] = -1
        one.label.affine[2, 2] = -1
    parts = {f"p{i}_z{z:03d}": "test" if z == 0 else "train" for i in range(2) for z in range(4)}
    data = audited(down, parts=parts, unit="slice")
    assert data.scans[0].grid[2] == "LPI"
    np.testing.assert_array_equal(data.z[data.in_part("test")], [3, 3])


def test_one_patient_under_two_names():
    old = case("Brats17_1", [head(1)], [DISC], patient="BraTS20_1", aliases=("Brats17_1", "BraTS20_1"))
    new = case("BraTS20_1", [head(2)], [DISC])
    parts = {"Brats17_1": "train", "BraTS20_1": "test"}
    assert only("patients", [old, new], parts=parts, unit="patient").severity is Severity.LEAK


def test_pictures_without_patients_are_no_patients():
    cases = [case(f"c{i}", [head(i)], [DISC]) for i in range(4)]
    parts = dict(zip(["c0", "c1", "c2", "c3"], ["train", "train", "train", "test"], strict=True))
    found = only("patients", cases, parts=parts, unit="patient")
    assert found.severity is Severity.REMARK and "not known" in found.headline


def test_blocks_stand_for_patients():
    cases = [case(f"{i:04d}", [head(i)], [DISC], patient=f"block{i // 4}", unit="block") for i in range(12)]
    parts = {c.id: "test" if c.patient == "block2" else "train" for c in cases}
    assert only("patients", cases, parts=parts, unit="block").severity is Severity.REMARK
    ends = only("neighbours", cases, parts=parts, unit="block")
    assert ends.numbers["test slices with a neighbour in train"] == 1
    alternating = {c.id: "test" if i % 2 else "train" for i, c in enumerate(cases)}
    assert only("patients", cases, parts=alternating, unit="slice").severity is Severity.LEAK
    assert only("neighbours", cases, parts=alternating, unit="slice").severity is Severity.LEAK
    for check in ("patients", "neighbours"):
        fix = only(check, cases, parts=alternating, unit="slice").fix
        assert "split by block of neighbouring numbers: tumorscope split --dataset " in fix and "by patient" not in fix
    said = only("baselines", cases, parts=alternating, unit="slice").headline
    assert "mask of the nearest number of the same block in train" in said and "same case" not in said


@pytest.mark.parametrize(("turn", "turned"), [(np.copy, 0), (np.fliplr, 2), (np.transpose, 2), (np.rot90, 2)])
def test_exact_copies_across_parts(turn, turned):
    cases = [case(f"c{i}", [head(i)]) for i in range(6)]
    cases += [case(f"d{i}", [np.ascontiguousarray(turn(head(i)))]) for i in range(2)]
    parts = {c.id: "test" if c.id.startswith("d") else "train" for c in cases}
    found = only("exact-duplicates", cases, parts=parts, unit="release")
    assert found.severity is Severity.LEAK
    assert found.numbers["test slices identical to a training slice"] == 2
    assert len(found.examples) == 2 and found.examples[0].places[0][1] == "c0"
    near = only("near-duplicates", cases, parts=parts, unit="release")
    assert near.numbers["test slices within 5 bits of a training slice, not turned"] == 2 - turned
    assert near.numbers["test slices that look like a training slice"] == 2
    assert near.numbers["turned or mirrored pairs"] == turned


def test_copies_within_one_part_are_a_defect():
    cases = [*(case(f"c{i}", [head(i)]) for i in range(4)), case("again", [head(0)])]
    found = only("exact-duplicates", cases)
    assert found.severity is Severity.DEFECT and found.numbers["slices in them"] == 2


def test_a_volume_saved_otherwise_is_the_same_case():
    first, other = volumes(n=2)
    again = case("again", [head(z) for z in range(4)], [i.T for i in np.moveaxis(first.label.data, 2, 0)])
    found = only("exact-duplicates", [first, other, again], parts={"p0": "train", "p1": "train", "again": "test"})
    assert found.severity is Severity.LEAK and found.numbers["pairs of identical cases"] == 1


def test_augmented_copies_inside_the_test_part():
    originals = [case(f"t{i}", [head(i)]) for i in range(4)]
    turned = [case(f"t{i}r", [np.ascontiguousarray(np.rot90(head(i)))]) for i in range(4)]
    bright = [case("t0b", [np.minimum(head(0) * 1.2, 255).astype(np.uint8)])]
    train = [case(f"c{i}", [head(50 + i)]) for i in range(4)]
    cases = [*originals, *turned, *bright, *train]
    parts = {c.id: "train" if c.id.startswith("c") else "test" for c in cases}
    found = only("augmented-evaluation", cases, parts=parts, unit="release")
    assert found.severity is Severity.DEFECT
    assert (found.numbers["test slices"], found.numbers["test originals"]) == (9, 4)
    honest = {c.id: parts[c.id] for c in [*originals, *train]}
    clean = only("augmented-evaluation", [*originals, *train], parts=honest, unit="release")
    assert clean.severity is Severity.OK


def test_another_data_set_with_the_same_pictures_and_patients():
    mine = [case(f"m{i}", [head(i)]) for i in range(5)] + [case("TCGA_CS_4941_1996", [head(7)], patient="TCGA_CS_4941")]
    theirs = [case(f"x{i}", [np.ascontiguousarray(head(i).T)]) for i in range(2)]
    theirs += [case("BraTS20_9", [head(77)], aliases=("TCGA-CS-4941",)), case("m4", [head(99)])]
    found = only("other-data", mine, others={"coco": audited(theirs)})
    assert found.severity is Severity.LEAK
    assert found.numbers["cases that the other set has too"] == 3, "m4 is a name like any other"
    assert found.numbers["by name"] == 1 and found.numbers["slices that look the same as one there"] == 2
    assert verdict([found]).startswith("NOT usable together with what it was compared with")
    assert only("other-data", mine[2:5], others={"coco": audited(theirs)}).severity is Severity.OK


def brats(folder, name, values, kinds=("t1", "flair"), shift=0.0):
    folder.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[0, 3] = shift
    images = {}
    for kind in kinds:
        path = folder / f"{name}_{kind}.nii.gz"
        nib.save(nib.Nifti1Image(head(sum(f"{name}{kind}".encode()))[..., None], affine), path)
        images[Sequence.parse(kind)] = path
    labels = np.zeros((96, 96, 1), np.uint8)
    for i, value in enumerate(values):
        labels[40 + i, 40:44] = value
    label = folder / f"{name}_seg.nii.gz"
    nib.save(nib.Nifti1Image(labels, np.diag([-1, -1, 1, 1])), label)
    return Case(id=name, patient=name, images=images, label=label, reader=read_volumes)


def test_every_label_map_is_read_for_its_values(tmp_path):
    cases = [brats(tmp_path, f"Brats18_{i}", (1, 2, 4)) for i in range(3)] + [brats(tmp_path, "Brats18_x", (1, 2))]
    found = only("label-values", cases)
    assert found.severity is Severity.REMARK, "value 3 is no class, and that is said"
    assert found.numbers["brats: value 4"] == 3 and found.numbers["brats: value 1"] == 4
    assert any("Value 3 is no class" in sentence for sentence in found.details)
    mixed = only("label-values", [*cases, brats(tmp_path, "BraTS-GLI-1", (1, 2, 3))])
    assert mixed.severity is Severity.REMARK and "brats-2023" in mixed.headline
    odd = only("label-values", [*cases, brats(tmp_path, "Brats18_odd", (1, 2, 7))])
    assert odd.severity is Severity.DEFECT and "7" in odd.headline and odd.numbers["label maps"] == 5


def test_baselines_on_mixed_releases(tmp_path):
    old = [brats(tmp_path, f"Brats18_{i}", (1, 2, 4)) for i in range(2)]
    new = [brats(tmp_path, f"BraTS-GLI-0000{i}-000", (1, 2, 3)) for i in range(2)]
    parts = {c.id: "train" for c in old} | {c.id: "test" for c in new}
    found = only("baselines", [*old, *new], parts=parts, unit="patient")
    key = "nearest-neighbour: dice ET (both-empty-one)"
    assert found.numbers[key] == 1, "value 3 there is value 4 here"


def test_baselines_on_classes_of_ones_own():
    scheme = custom_scheme({1: "core", 3: "rim"})
    cases = [case(f"c{i}", [head(i)], [np.where(DISC, 1 + 2 * (i > 1), 0)], scheme=scheme) for i in range(4)]
    parts = dict(zip(["c0", "c2", "c1", "c3"], ["train", "train", "test", "test"], strict=True))
    found = only("baselines", cases, parts=parts, unit="patient")
    assert {"value 1", "value 3"} == {s.region for s in found.scores}


def test_lgg_patients_are_recognised_in_brats(tmp_path):
    brats(tmp_path / "b" / "BraTS20_Training_001", "BraTS20_Training_001", (1, 2, 4))
    (tmp_path / "b" / "name_mapping.csv").write_text(
        "Grade,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,BraTS_2020_subject_ID\n"
        "LGG,Brats18_TCIA10_1,TCGA-CS-4941,BraTS20_Training_001\n"
    )
    theirs = find_brats(tmp_path / "b")
    assert theirs[0].patient == "BraTS20_Training_001" and theirs[0].grade == "LGG"
    mine = [case("TCGA_CS_4941_19960909", [head(7)], patient="TCGA_CS_4941")]
    found = only("other-data", mine, others={"brats": audited(theirs)})
    assert found.severity is Severity.LEAK and found.numbers["by name"] == 1


def test_files_on_different_grids_and_broken_files(tmp_path):
    good, bad = brats(tmp_path, "Brats18_1", (1, 2, 4)), brats(tmp_path, "Brats18_2", (1, 2, 4), shift=5.0)
    found = only("geometry", [good, bad])
    assert found.severity is Severity.DEFECT and "Brats18_2" in found.examples[0].text
    assert only("geometry", [good]).severity is Severity.OK
    bad.label.write_bytes(b"no volume")
    bad.images.pop(Sequence.FLAIR)
    broken = only("files", [good, bad])
    assert broken.severity is Severity.DEFECT and broken.numbers["unreadable"] == 1


def test_repeated_and_missing_sequences(tmp_path):
    whole = brats(tmp_path, "Brats18_1", (1, 2, 4))
    copied = brats(tmp_path, "Brats18_2", (1, 2, 4))
    copied.images[Sequence.T1].write_bytes(copied.images[Sequence.FLAIR].read_bytes())
    found = only("sequences", [whole, copied], sequences=("T1", "FLAIR"))
    assert found.severity is Severity.DEFECT and found.numbers["cases with a repeated sequence"] == 1
    lacking = only("sequences", [whole], sequences=("T1", "T2", "FLAIR"))
    assert lacking.severity is Severity.REMARK and lacking.numbers["without T2"] == 1


def test_boxes_are_told_from_outlines():
    box = np.zeros((96, 96), np.uint8)
    box[20:50, 30:70] = 1
    assert only("rectangles", [case("a", [head(0)], [box]), case("b", [head(1)], [box])]).severity is Severity.DEFECT
    assert only("rectangles", [case("a", [head(0)], [DISC])]).severity is Severity.OK
    assert run("rectangles", [case("a", [head(0)], [EMPTY])]) == []


def test_empty_slices_and_classes_per_part():
    cases = volumes()
    parts = by_patient(cases)
    empty = only("empty-masks", cases, parts=parts, unit="patient", sliced=True)
    assert empty.numbers["empty slices"] == 6 and empty.numbers["test empty"] == 2
    assert "0.250" in empty.details[0]
    found = only("classes", cases, parts=parts, unit="patient")
    assert found.numbers["tumor slices"] == 18 and found.numbers["tumor cases in train"] == 2
    absent = [*cases[:5], case("bare", [head(5)], [EMPTY])]
    alone = {c.id: "test" if c.id == "bare" else "train" for c in absent}
    gone = only("classes", absent, parts=alone, unit="patient")
    assert gone.severity is Severity.DEFECT and "tumor in test" in gone.headline


def test_tumour_types_per_part():
    kinds = ["glioma", "meningioma", "glioma", "meningioma"]
    cases = [case(f"c{i}", [head(i)], tumor_type=kind) for i, kind in enumerate(kinds)]
    parts = dict(zip(["c0", "c1", "c2", "c3"], ["train", "train", "test", "test"], strict=True))
    assert only("classes", cases, parts=parts).numbers["glioma in test"] == 1
    lost = {"c0": "train", "c1": "test", "c2": "train", "c3": "test"}
    assert only("classes", cases, parts=lost).severity is Severity.DEFECT


def test_baselines_stand_beside_one_another():
    cases = volumes(n=4)
    parts = {f"p{i}_z{z:03d}": "test" if z == 1 else "train" for i in range(4) for z in range(4)}
    found = only("baselines", cases, parts=parts, unit="slice", sliced=True)
    assert found.numbers["all-empty: dice tumor (both-empty-one)"] == 0
    assert found.numbers["neighbour-copy: dice tumor (both-empty-one)"] > 0.9
    assert {s.note.partition(";")[0] for s in found.scores} == {"all-empty", "neighbour-copy", "nearest-neighbour"}
    assert run("baselines", cases) == [], "without a split there is nothing to copy from"


@pytest.mark.parametrize(
    ("name", "number"), [("0179-20611fb4", 179), ("p_7", 7), ("12", 12), ("20b", None), ("x", None)]
)
def test_the_number_of_a_picture(name, number):
    assert picture_number(name) == number


def test_shares_are_never_rounded_to_all_or_nothing():
    assert percent(1, 3000) == "< 0.1 %" and percent(2999, 3000) == "> 99 %"
    assert percent(0, 5) == "0 %" and percent(5, 5) == "100 %" and percent(1, 3) == "33 %" and percent(1, 0) == "-"
