"""Classifiers on pictures of every kind, and on what is no MRI at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from tiny_bundles import TYPES, head, image, manifest, save_tiny, tiny_classifier
from tumorscope.bundles.bundle import Bundle, shipped_names
from tumorscope.core.answer import TypeAnswer
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.formats.raster import AFFINE
from tumorscope.inference.explain import Explainer, share_inside
from tumorscope.inference.novelty import Novelty, describe_picture, fit_novelty
from tumorscope.inference.type_predictor import TypePredictor


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_classifier(tmp_path_factory.mktemp("types"))


def shown(pixels: np.ndarray) -> dict[Sequence, Image]:
    return {Sequence.T1CE: Image(np.ascontiguousarray(pixels.T)[:, :, None], AFFINE, spacing_known=False)}


def brain(size: int = 60) -> np.ndarray:
    return head((size, size, 1))[:, :, 0].T


def test_probabilities_add_up_and_the_mirror_image_gets_the_same(bundle: Bundle) -> None:
    predictor = TypePredictor(bundle, "torch", "cpu", tta=True, precision="float32")
    first, second = (predictor.predict(shown(p)) for p in (brain(), brain()[:, ::-1]))
    assert sum(first.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert list(first.probabilities) == list(TYPES.names)
    assert list(first.probabilities.values()) == pytest.approx(list(second.probabilities.values()), abs=1e-3)


@pytest.mark.parametrize("change", [lambda p: p * 64, lambda p: p / 600, lambda p: np.pad(p, ((30, 5), (0, 44)))])
def test_depth_of_grey_and_margin_change_nothing(bundle: Bundle, change) -> None:  # type: ignore[no-untyped-def]
    predictor = TypePredictor(bundle, "torch", "cpu", precision="float32")
    plain, other = (predictor.prepared(shown(p)) for p in (brain().astype(np.float64), change(brain().astype(float))))
    np.testing.assert_allclose(plain, other, atol=2e-3)


@pytest.mark.parametrize("size", [(9, 12), (3, 3), (2000, 1500)])
def test_tiny_and_huge_pictures_get_an_answer(bundle: Bundle, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(1, 200, size)
    answer = TypePredictor(bundle, "torch", "cpu").predict(shown(pixels))
    assert 0.25 <= answer.confidence <= 1


def test_what_cannot_be_answered_is_told(bundle: Bundle) -> None:
    predictor = TypePredictor(bundle, "torch", "cpu")
    with pytest.raises(InputError, match="sequences T1CE; found FLAIR"):
        predictor.predict({Sequence.FLAIR: image(head())})
    with pytest.raises(InputError, match="a volume of 10 slices"):
        predictor.predict({Sequence.T1CE: image(head())})
    with pytest.raises(InputError, match="nothing on slice 1"):
        predictor.predict(shown(np.zeros((20, 20))))
    assert predictor.predict({Sequence.T1CE: image(head())}, (5, 4)).slices == (5, 4)


def test_a_slice_of_another_sequence_is_named_and_not_classified(tmp_path: Path) -> None:
    strict = TypePredictor(tiny_classifier(tmp_path / "a", most_surprise=1e-9), "torch", "cpu")
    answer = strict.predict(shown(brain()))
    assert answer.is_foreign and answer.type is None and answer.looks_like in {Sequence.T2, Sequence.FLAIR}
    assert f"looks like {answer.looks_like}" in answer.sentence
    lenient = TypePredictor(tiny_classifier(tmp_path / "b", most_surprise=100.0), "torch", "cpu")
    answer = lenient.predict(shown(brain()))
    assert (answer.is_foreign, answer.looks_like) == (False, None)


def test_a_segmenting_bundle_tells_no_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tells tumour types"):
        TypePredictor(save_tiny(tmp_path, manifest()), "torch", "cpu")


def test_an_altered_file_of_foreign_pictures_is_noticed(tmp_path: Path) -> None:
    bundle = tiny_classifier(tmp_path, novelty="novelty.safetensors")
    (tmp_path / "novelty.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="as exported"):
        TypePredictor(bundle, "torch", "cpu")


P = {"glioma": 0.7, "no tumor": 0.3}


class TestAnswer:
    def test_sure(self) -> None:
        answer = TypeAnswer(P, foreign=0.4, abstain_below=0.6)
        assert (answer.type, answer.confidence) == ("glioma", 0.7)
        assert answer.sentence == "glioma, probability 0.70"

    def test_silent_below_the_limit_and_for_foreign_pictures(self) -> None:
        unsure, foreign = TypeAnswer(P, abstain_below=0.8), TypeAnswer(P, foreign=2.5)
        assert unsure.type is None and "below the limit of 0.80" in unsure.sentence
        assert foreign.type is None and "2.5 times the limit" in foreign.sentence


def test_grad_cam_follows_what_counts(bundle: Bundle) -> None:
    predictor = TypePredictor(bundle, "torch", "cpu")
    cam = Explainer(bundle).map(predictor.prepared(shown(brain()))[0], 1)
    assert cam.shape == (64, 64) and cam.min() >= 0
    assert float(cam.sum()) == pytest.approx(1, abs=1e-4) or not cam.any()
    flat = np.full((4, 4), 1 / 16)
    assert share_inside(flat, np.arange(16).reshape(4, 4) < 4) == pytest.approx(0.25)
    assert share_inside(flat, np.zeros((4, 4), bool)) is None


def test_novelty_tells_heads_from_noise_and_comes_back_from_disk(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:64j, -1:1:64j]

    def heads(n: int) -> np.ndarray:
        radius = rng.uniform(0.8, 0.95, (n, 1, 1))
        inside = (x**2 + y**2) < radius**2
        return inside * (0.5 + 0.1 * rng.standard_normal((n, 64, 64)).cumsum(axis=2) / 8).clip(0.1, 1)

    train, types = describe_picture(heads(80)), np.arange(80) % 2
    made = fit_novelty(train, types, describe_picture(heads(40)), components=10)
    assert (made.score(heads(40)) <= 1).mean() > 0.8
    assert (made.score(rng.random((5, 64, 64))) > 1).all()
    made.save(tmp_path / "n.safetensors")
    again = Novelty.load(tmp_path / "n.safetensors")
    np.testing.assert_array_equal(again.score(heads(3)[:1] * 0 + 0.5), made.score(heads(3)[:1] * 0 + 0.5))


@pytest.mark.skipif("tumor-type" not in shipped_names(), reason="the shipped classifier is not there")
class TestShipped:
    @pytest.fixture(scope="class")
    def predictor(self) -> TypePredictor:
        return TypePredictor(Bundle.load("tumor-type"), "torch", "cpu")

    @pytest.mark.parametrize("name", ["astronaut", "camera", "coins", "chelsea", "page", "text", "brick"])
    def test_photographs_are_not_classified(self, predictor: TypePredictor, name: str) -> None:
        skimage = pytest.importorskip("skimage")
        path = Path(skimage.__file__).parent / "data" / f"{name}.png"
        answer = predictor.predict(shown(np.asarray(Pillow.open(path).convert("L"))))
        assert answer.is_foreign and answer.type is None
        assert answer.looks_like is None, "a photograph shows no sequence"

    def test_a_ct_is_not_classified(self, predictor: TypePredictor) -> None:
        pydicom = pytest.importorskip("pydicom")
        from pydicom.data import get_testdata_file

        pixels = pydicom.dcmread(str(get_testdata_file("CT_small.dcm"))).pixel_array
        assert predictor.predict(shown(pixels.astype(np.float32))).type is None

    def test_noise_is_not_classified(self, predictor: TypePredictor) -> None:
        rng = np.random.default_rng(0)
        assert predictor.predict(shown(rng.random((200, 220)))).is_foreign
        assert predictor.predict(shown(rng.normal(100, 20, (200, 200)).clip(0))).is_foreign

    def test_it_is_small_and_has_a_card(self) -> None:
        folder = Bundle.load("tumor-type").folder
        assert "non-commercial" in (folder / "card.md").read_text(encoding="utf-8"), "terms of the sequence check"
        assert sum(f.stat().st_size for f in folder.iterdir()) < 15e6
        assert "look-alikes" in (folder / "card.md").read_text(encoding="utf-8")
