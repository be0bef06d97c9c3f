from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dicom_series import NAME, PATIENT_ID, PROTOCOLS, write_series
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.formats.dicom import scan_dicom
from tumorscope.formats.dicom_tags import SeriesTags
from tumorscope.study.assemble import dicom_case
from tumorscope.study.choose import choose_volumes
from tumorscope.study.classify import assign, log_probabilities
from tumorscope.study.tags import recognise_tags

T1, T1CE, T2, FLAIR = Sequence


@pytest.mark.parametrize(
    ("description", "sequence"),
    [
        ("t1_mpr_sag_p2_iso", T1),
        ("AX T1 POST GD", T1CE),
        ("t1_mprage_tra_KM", T1CE),
        ("SAG T1 +C", T1CE),
        ("3D BRAVO +C", T1CE),
        ("T1 w/o contrast", T1),
        ("AX T1 FLAIR", T1),
        ("Ax T2 FLAIR", FLAIR),
        ("t2_tirm_tra_dark-fluid_fs", FLAIR),
        ("t2_space_flair_sag", FLAIR),
        ("Ax T2 FSE PROPELLER", T2),
    ],
)
def test_descriptions(description: str, sequence: Sequence) -> None:
    assert recognise_tags(SeriesTags(description=description)).sequence is sequence


@pytest.mark.parametrize(
    ("tags", "what"),
    [
        ({"description": "ep2d_diff_3scan_trace"}, "diffusion"),
        ({"description": "T2", "b_value": 1000.0}, "diffusion"),
        ({"description": "ADC"}, "diffusion"),
        ({"description": "SWAN"}, "susceptibility-weighted"),
        ({"description": "AX T2*GRE"}, "T2*"),
        ({"description": "rCBV"}, "perfusion"),
        ({"description": "TOF 3D"}, "angiography"),
        ({"description": "t1 sub", "image_type": ("DERIVED", "SECONDARY", "SUBTRACTION")}, "a subtraction"),
        ({"description": "t1 mip"}, "a projection"),
        ({"description": "localizer"}, "localizer"),
        ({"scanning_sequence": ("GR",), "echo_time": 20.0, "repetition_time": 620.0}, "T2*"),
        ({"scanning_sequence": ("SE",), "echo_time": 15.0, "repetition_time": 2800.0}, "proton density"),
    ],
)
def test_what_is_none_of_the_four_is_refused(tags: dict, what: str) -> None:
    found = recognise_tags(SeriesTags(**tags))
    assert found.sequence is None and found.other == what and found.reason


def test_times_alone_and_conflicts() -> None:
    gradient = SeriesTags(echo_time=2.5, repetition_time=1900, inversion_time=900, scanning_sequence=("GR", "IR"))
    assert recognise_tags(gradient).sequence is T1
    assert recognise_tags(replace(gradient, contrast_agent=True)).sequence is T1CE
    assert recognise_tags(SeriesTags(echo_time=100, repetition_time=4500)).sequence is T2
    assert recognise_tags(SeriesTags(echo_time=120, repetition_time=9000, inversion_time=2500)).sequence is FLAIR
    odd = recognise_tags(SeriesTags(description="T2 tra", echo_time=10, repetition_time=500))
    assert odd.confidence <= 0.5 and "say" in odd.reason
    assert recognise_tags(SeriesTags()).sequence is None


def test_images_of_the_phantom_tell_their_sequence(phantom) -> None:
    scores = [log_probabilities(phantom.images[s]) for s in Sequence]
    assert [s for s, _ in assign(scores)] == list(Sequence)
    assert all(sure > 0.9 for _, sure in assign(scores))


def _study(folder: Path, phantom, tags: dict[Sequence, dict]) -> tuple:
    for number, (sequence, header) in enumerate(tags.items(), 1):
        write_series(folder, phantom.images[sequence], tags=header, number=number)
    (study,) = scan_dicom(folder)
    return study.volumes


def test_silent_headers_are_settled_by_the_image(tmp_path: Path, phantom) -> None:
    volumes = _study(tmp_path, phantom, {s: {"SeriesDescription": "brain"} for s in Sequence})
    chosen = choose_volumes(volumes)
    assert {s: v.number for s, v in chosen.volumes.items()} == {T1: 1, T1CE: 2, T2: 3, FLAIR: 4}
    assert any("the image looks like" in note.lower() for note in chosen.notes)


def test_two_t1_without_a_word_of_contrast_are_told_by_the_image(tmp_path: Path, phantom) -> None:
    tags = {s: {"SeriesDescription": "t1 se tra"} for s in (T1CE, T1)}
    chosen = choose_volumes(_study(tmp_path, phantom, tags))
    assert {s: v.number for s, v in chosen.volumes.items()} == {T1: 2, T1CE: 1}


def test_the_best_of_several_is_chosen_and_why_is_said(tmp_path: Path, phantom) -> None:
    image = phantom.images[FLAIR]
    thick = Image(image.data[:, :, ::3], image.affine @ np.diag([1, 1, 3, 1]))
    write_series(tmp_path, thick, tags=PROTOCOLS["FLAIR"], number=3)
    write_series(tmp_path, image, tags=PROTOCOLS["FLAIR"], number=5)
    write_series(tmp_path, image, tags={"SeriesDescription": "SWI"}, number=6)
    chosen = choose_volumes(scan_dicom(tmp_path)[0].volumes, look=lambda _: pytest.fail("nothing needs a look"))
    assert chosen.volumes[FLAIR].number == 5
    said = " ".join(chosen.notes)
    assert "Preferred to series 3" in said and "finer voxels" in said
    assert "series 6, susceptibility-weighted" in said.replace(" (swi)", "")
    assert [entry["used"] for entry in chosen.record] == [False, True, False]


def test_cases_have_pseudonyms_unless_asked(tmp_path: Path, phantom) -> None:
    _study(tmp_path, phantom, {FLAIR: PROTOCOLS["FLAIR"]})
    (study,) = scan_dicom(tmp_path)
    case = dicom_case(study)
    shown = f"{case.id} {case.patient} {case.notes} {case.series}".lower()
    assert case.id.startswith("study-")
    assert not any(word in shown for word in (*NAME.lower().split("^"), PATIENT_ID.lower()))
    assert dicom_case(study, keep_identifiers=True).id == f"{PATIENT_ID}_20240131"
    loaded = case.loaded()
    assert np.array_equal(loaded.images[FLAIR].data, phantom.images[FLAIR].data)
    source = case.sources[FLAIR]
    assert len(source.files) == phantom.images[FLAIR].shape[2] and all(p.is_file() for p in source.paths)


def test_a_study_without_the_four_is_an_error(tmp_path: Path, phantom) -> None:
    _study(tmp_path, phantom, {T1: {"SeriesDescription": "DWI b1000"}})
    with pytest.raises(InputError, match="diffusion"):
        dicom_case(scan_dicom(tmp_path)[0])
