"""What single pictures say and refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lopsided_head import LESION, lopsided
from matplotlib.figure import Figure

from tumorscope.core.errors import GeometryError, InputError, TumorscopeError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS, BRATS_2023
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures import FIGURES
from tumorscope.figures.classes import classes_figure, one_hot_figure
from tumorscope.figures.colours import class_colours
from tumorscope.figures.montage import montage_figure, segmentation_montage_figure
from tumorscope.figures.planes import PLANES, View, view_at
from tumorscope.figures.save import write_figure
from tumorscope.figures.sequences import sequences_figure
from tumorscope.figures.single_slice import slice_figure
from tumorscope.figures.study import Study
from tumorscope.figures.triplet import score_text, triplet_figure
from tumorscope.inference.uncertainty import entropy_maps


def words(figure: Figure) -> list[str]:
    texts = [*(t for axes in figure.axes for t in axes.texts), *figure.texts]
    return [" ".join(t.get_text().split()) for t in texts]


@pytest.mark.parametrize(
    "affine",
    [np.eye(4), np.diag([-1.0, -1, 1, 1]), np.array([[0, 0, -1.0, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])],
)
def test_the_number_in_a_caption_is_the_number_that_asks_for_it(affine: np.ndarray) -> None:
    image = Image(np.zeros((4, 5, 6)), affine)
    for plane, (axis, _) in PLANES.items():
        count = int(View(plane, 0).name(image).partition("/")[2])
        for index in range(count):
            number = int(View(plane, index).name(image).split()[1].partition("/")[0])
            assert view_at(image, plane, number) == View(plane, index), (plane, axis)
        with pytest.raises(UsageError, match=f"slice from 1 to {count}"):
            view_at(image, plane, count + 1)


def test_one_slice_by_its_number() -> None:
    figure = slice_figure(lopsided("LPS"), slice_number=3)
    assert words(figure).count("axial 3/12") == 3
    scan = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_array_equal(scan, lopsided("LPS").images[Sequence.FLAIR].data[:, :, 2].T)
    with pytest.raises(UsageError, match="an axial slice from 1 to 12; found 13"):
        slice_figure(lopsided(), slice_number=13)


def test_without_a_label_map_the_scan_is_shown_alone() -> None:
    study = replace(lopsided(truth=False), predict=None)
    assert len(slice_figure(study).axes) == 1
    with pytest.raises(InputError, match="reference label map"):
        classes_figure(study)


@pytest.mark.parametrize("palette", ["papers", "safe"])
def test_classes_alone_have_their_colour_and_area(palette: str) -> None:
    study = lopsided()
    figure = classes_figure(study, palette=palette, slice_number=8)  # type: ignore[arg-type]
    assert {"0.01 cm²", "0.15 cm²"} <= set(words(figure))  # 1, 10 and 1 pixels of 1 × 1.5 mm
    colours = class_colours(BRATS, palette)  # type: ignore[arg-type]
    for axes, value in zip(figure.axes[2:], BRATS.values, strict=True):
        (shown,) = axes.images[1:]
        pixels = np.asarray(shown.get_array())
        drawn = pixels[pixels[..., 3] > 0][:, :3]
        assert len(drawn) == (study.reference.labels.data[:, :, 7] == value).sum()
        assert drawn == pytest.approx(np.tile(colours[value], (len(drawn), 1)))


def test_a_class_that_is_not_there_is_said() -> None:
    assert words(classes_figure(lopsided(), slice_number=2)).count("not in this slice") == 3


def test_one_hot_panels_add_up() -> None:
    figure = one_hot_figure(lopsided(), slice_number=8)
    masks = [np.asarray(axes.images[0].get_array())[..., 3] > 0 for axes in figure.axes]
    assert len(masks) == 4 and (np.sum(masks, axis=0) == 1).all()
    assert {"0 background", "1 NCR/NET", "2 ED", "3 ET", "label 4: 1 px"} <= set(words(figure))


def test_a_montage_shows_every_slice_that_holds_something() -> None:
    study = lopsided("LAS")
    held = [k + 1 for k in range(12) if (study.images[Sequence.FLAIR].data[:, :, k] > 0).any()]
    shown = [int(t) for t in words(montage_figure(study)) if t.isdigit()]
    assert shown == held
    assert len(montage_figure(study, every=2).axes) == len(held[::2])
    figure = segmentation_montage_figure(study)
    assert [t for t in words(figure) if t.isdigit()] == ["8", "9"]
    assert any("2 axial slices with tumour" in t for t in words(figure))
    with pytest.raises(UsageError, match="--every"):
        montage_figure(study, every=0)


def test_a_montage_of_an_empty_map_says_so() -> None:
    study = lopsided()
    empty = study.reference.labels.with_data(np.zeros_like(study.reference.labels.data))
    figure = segmentation_montage_figure(replace(study, truth=Segmentation(empty, BRATS)))
    assert any("Nothing was segmented." in t for t in words(figure))


def test_absent_sequences_are_named() -> None:
    study = lopsided()
    fewer = replace(study, images={s: study.images[s] for s in (Sequence.FLAIR, Sequence.T1)})
    assert "Not in this study: T1CE, T2." in words(sequences_figure(fewer))
    with pytest.raises(UsageError, match=r"a sequence that lopsided has \(T1, FLAIR\); found T2"):
        slice_figure(fewer, sequence=Sequence.T2)


@pytest.mark.parametrize("name", ["planes", "nilearn-anat", "nilearn-roi"])
def test_three_planes_need_a_volume_of_known_spacing(name: str) -> None:
    with pytest.raises(GeometryError, match="--spacing"):
        FIGURES.load(name).draw(lopsided(spacing_known=False))
    flat = Study("flat", {Sequence.FLAIR: Image(np.ones((9, 9, 1)), np.eye(4))})
    with pytest.raises(TumorscopeError, match=r"a single slice|reference label map"):
        FIGURES.load(name).draw(flat)


def test_the_model_runs_once_and_only_when_asked() -> None:
    calls = []

    def predict() -> Segmentation:
        calls.append(1)
        return lopsided().prediction

    study = replace(lopsided(), predict=None, fallback=predict)
    slice_figure(study)
    assert calls == []
    triplet_figure(study)
    assert calls == [1]
    alone = replace(study, truth=None)
    assert len(slice_figure(alone).axes) == 1, "a fallback is not for figures that do without"


def test_what_is_missing_is_told() -> None:
    alone = replace(lopsided(), predict=None)
    with pytest.raises(InputError, match="a prediction for lopsided"):
        triplet_figure(alone)
    found = lopsided().prediction
    bare = replace(alone, predict=lambda: Segmentation(found.labels, found.scheme))
    for name in ("probability-map", "uncertainty"):
        with pytest.raises(InputError, match="probability maps"):
            FIGURES.load(name).draw(bare)
    with pytest.raises(InputError, match="probability maps"):
        FIGURES.load("before-decision").draw([bare])


def test_truth_and_prediction_meet_in_the_poorer_scheme() -> None:
    study = lopsided()
    found = study.prediction
    binary = Segmentation(found.labels.with_data((found.labels.data > 0).astype(np.uint8)), BINARY)
    truth, same = replace(study, predict=lambda: binary).pair()
    assert same is binary and truth.scheme == BINARY
    np.testing.assert_array_equal(truth.labels.data > 0, study.reference.labels.data > 0)
    other = replace(study, truth=Segmentation(binary.labels, BINARY)).pair()
    assert other[1].scheme == BINARY and list(other[1].probabilities) == ["tumor"]
    newer = BRATS.convert(found.labels.data, BRATS_2023)
    converted = replace(study, predict=lambda: Segmentation(found.labels.with_data(newer), BRATS_2023)).pair()[1]
    np.testing.assert_array_equal(converted.labels.data, found.labels.data)


def test_scores_of_one_case() -> None:
    pred, ref = np.zeros((4, 4, 1), bool), np.zeros((4, 4, 1), bool)
    assert score_text(pred, ref) == "both empty, no score"
    pred[0], ref[:2] = True, True
    assert score_text(pred, ref) == "Dice 0.667, IoU 0.500"
    title = words(triplet_figure(lopsided()))
    full = (LESION[0].stop - LESION[0].start) * (LESION[1].stop - LESION[1].start)
    assert full == 12
    text = " ".join(title)
    assert "WT in this slice: Dice 1.000, IoU 1.000; whole case: Dice 0.667, IoU 0.500. n = 1" in text


def test_differences_are_told_apart() -> None:
    study = lopsided()
    wrong = study.reference.labels.data.copy()
    wrong[wrong == 4] = 1
    wrong[5:7, 12, 7] = 2
    wrong[21, 17, 7] = 0
    found = Segmentation(study.reference.labels.with_data(wrong), BRATS)
    figure = FIGURES.load("after-decision").draw([replace(study, predict=lambda: found)], slice_number=8)
    missed, false, other = (np.asarray(i.get_array())[..., 3].sum() for i in figure.axes[3].images[1:])
    assert (missed, false, other) == (1, 2, 1)


def test_entropy_is_in_bits() -> None:
    half = np.array([0.5, 0.0, 1.0])
    assert entropy_maps({"WT": half}, BRATS)["H(WT)"] == pytest.approx([1, 0, 0])
    quarter = np.array([0.25, 0.0, 1 / 3])
    maps = {label.name: quarter for label in BRATS.labels}
    maps["ET"] = np.array([0.25, 1.0, 1 / 3])
    assert entropy_maps(maps, BRATS)["H(class)"] == pytest.approx([2, 0, np.log2(3)])


def test_formats(tmp_path: Path) -> None:
    for suffix, head in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        path = write_figure(sequences_figure(lopsided()), tmp_path / f"a{suffix}", 50)
        assert path.read_bytes().startswith(head)
    with pytest.raises(UsageError, match=r"ends in .png, .pdf, .svg; found a.bmp"):
        write_figure(sequences_figure(lopsided()), "a.bmp")


def test_a_training_case_is_named_wherever_its_prediction_is_shown() -> None:
    study = replace(lopsided(), seen=True)
    for name in ("triplet", "uncertainty", "probability-map", "before-decision", "after-decision"):
        several = name.endswith("decision")
        figure = FIGURES.load(name).draw([study] if several else study)
        assert "trained or validated on lopsided" in " ".join(words(figure))
