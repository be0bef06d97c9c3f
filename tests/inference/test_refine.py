"""Edge-aware sharpening against known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tiny_bundles import BINARY, image, manifest
from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import Postprocess, Refine
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.inference.crf import mean_field
from tumorscope.inference.guided_filter import guided_filter
from tumorscope.inference.predictor import Predictor
from tumorscope.inference.refine import refine


def disc(shape: tuple[int, int, int] = (48, 40, 3), radius: float = 10.0) -> Array:
    x, y = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    return np.repeat((np.hypot(x - 23, y - 19) < radius)[..., None], shape[2], axis=2)


def picture(truth: Array) -> Image:
    rng = np.random.default_rng(0)
    return image((100 + 100 * truth + rng.normal(0, 4, truth.shape)).astype(np.float32))


def blurred(truth: Array) -> Array:
    """Return what a network at low resolution says: the truth, smeared and a little too small."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(0.85 * gaussian_filter(truth.astype(np.float32), (3, 3, 0)), dtype=np.float32)


def dice(a: Array, b: Array) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


BOTH = [Refine(name="guided", radius=4, contrast=0.1), Refine(name="crf", radius=4, contrast=0.1, strength=4.0)]


@pytest.mark.parametrize("rule", BOTH, ids=lambda r: r.name)
class TestBoth:
    def test_borders_move_to_the_edges_of_the_picture(self, rule: Refine) -> None:
        truth = disc()
        before = {"tumor": blurred(truth)}
        after = refine(before, picture(truth), rule, exclusive=False)
        first, second = (dice(m["tumor"] >= 0.5, truth) for m in (before, after))
        assert first < 0.95
        assert second > first + 0.02

    def test_where_the_picture_is_flat_nothing_is_invented(self, rule: Refine) -> None:
        before = blurred(disc())
        flat = image(np.full(before.shape, 100, dtype=np.float32))
        after = refine({"tumor": before}, flat, rule, exclusive=False)["tumor"]
        assert dice(after >= 0.5, before >= 0.5) > 0.8  # smoothing shrinks what is round
        assert not (after >= 0.5)[before < 0.05].any()

    def test_far_from_any_tumour_nothing_changes(self, rule: Refine) -> None:
        truth = disc((80, 70, 3))
        before = {"tumor": blurred(truth)}
        after = refine(before, picture(truth), rule, exclusive=False)
        assert np.array_equal(after["tumor"][60:], before["tumor"][60:])
        nothing = {"tumor": np.zeros(truth.shape, dtype=np.float32)}
        assert np.array_equal(refine(nothing, picture(truth), rule, exclusive=False)["tumor"], nothing["tumor"])

    def test_values_stay_probabilities_and_the_input_as_it_was(self, rule: Refine) -> None:
        truth = disc()
        core, rim = blurred(disc(radius=5)), blurred(truth & ~disc(radius=5))
        kept = core.copy(), rim.copy()
        after = refine({"a": core, "b": rim}, picture(truth), rule, exclusive=True)
        total = sum(after.values())
        assert all(v.dtype == np.float32 and v.min() >= 0 for v in after.values())
        assert float(np.max(total)) <= 1 + 1e-5
        assert np.array_equal(core, kept[0]) and np.array_equal(rim, kept[1])

    def test_slices_do_not_see_one_another(self, rule: Refine) -> None:
        truth = disc()
        guide, maps = picture(truth), blurred(truth)
        other = maps.copy()
        other[..., 2] = 0.3
        first, second = (refine({"t": m}, guide, rule, exclusive=False)["t"] for m in (maps, other))
        assert np.allclose(first[..., 0], second[..., 0], atol=1e-6)

    def test_slices_are_axial_whatever_the_axes(self, rule: Refine) -> None:
        truth = disc()
        guide, maps = picture(truth), blurred(truth)
        plain = refine({"t": maps}, guide, rule, exclusive=False)["t"]
        order = (2, 0, 1)
        affine = guide.affine[:, [*order, 3]]
        turned = Image(guide.data.transpose(order), affine)
        found = refine({"t": maps.transpose(order)}, turned, rule, exclusive=False)["t"]
        assert np.allclose(found, plain.transpose(order), atol=1e-5)


def test_guided_filter_by_hand() -> None:
    """A map that is linear in the guide is kept; one in a flat guide is averaged twice."""
    rng = np.random.default_rng(1)
    guide = rng.random((20, 16, 1)).astype(np.float32)
    assert np.allclose(guided_filter((0.2 + 0.5 * guide)[None], guide, 2, 1e-4)[0], 0.2 + 0.5 * guide, atol=1e-4)
    point = np.zeros((1, 11, 11, 1), dtype=np.float32)
    point[0, 5, 5, 0] = 1
    found = guided_filter(point, np.ones((11, 11, 1), dtype=np.float32), 1, 0.1)[0, :, :, 0]
    once = np.convolve(np.ones(3) / 3, np.ones(3) / 3)
    assert np.allclose(found[3:8, 3:8], np.outer(once, once), atol=1e-6)


def naive(p: Array, guide: Array, radius: int, contrast: float, strength: float) -> Array:
    """One mean-field step, pixel by pixel, from the formula."""
    found = np.zeros_like(p)
    for x in range(p.shape[0]):
        for y in range(p.shape[1]):
            total = weights = 0.0
            for u in range(p.shape[0]):
                for v in range(p.shape[1]):
                    square = (u - x) ** 2 + (v - y) ** 2
                    if 0 < square <= radius**2:
                        k = np.exp(-square / (2 * (radius / 2) ** 2))
                        k *= np.exp(-((guide[x, y] - guide[u, v]) ** 2) / (2 * contrast**2))
                        total, weights = total + k * p[u, v], weights + k
            odds = p[x, y] / (1 - p[x, y]) * np.exp(strength * (2 * total / weights - 1))
            found[x, y] = odds / (1 + odds)
    return found


def test_mean_field_by_the_formula() -> None:
    rng = np.random.default_rng(2)
    p, guide = rng.uniform(0.05, 0.95, (7, 6)), rng.random((7, 6))
    found = mean_field(
        p[None, ..., None].astype(np.float32), guide[..., None].astype(np.float32), 2, 0.3, 1.5, 1, exclusive=False
    )
    assert np.allclose(found[0, ..., 0], naive(p, guide, 2, 0.3, 1.5), atol=1e-4)


def test_two_exclusive_classes_are_one_binary_map() -> None:
    """A softmax over tumour and background at strength s is a sigmoid at strength s."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, (9, 8, 2)).astype(np.float32)
    guide = rng.random((9, 8, 2)).astype(np.float32)
    binary = mean_field(p[None], guide, 2, 0.3, 1.5, 3, exclusive=False)[0]
    softmax = mean_field(np.stack([1 - p, p]), guide, 2, 0.3, 1.5, 3, exclusive=True)[1]
    assert np.allclose(binary, softmax, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"name": "blur"}, {"name": "crf", "radius": 0}, {"name": "guided", "contrast": 0.0}])
def test_impossible_rules(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Postprocess.model_validate({"refine": wrong})


class Smeared:
    """Says what a network at low resolution would: bright tissue, smeared."""

    name = description = "smeared"

    def run(self, batch: Array) -> Array:
        from scipy.ndimage import gaussian_filter

        p = np.clip(0.85 * gaussian_filter((batch[:, :1] > 0.7).astype(np.float32), (0, 0, 3, 3)), 1e-4, 1 - 1e-4)
        return np.asarray(np.log(p / (1 - p)), dtype=np.float32)


@pytest.mark.parametrize("guide", [None, Sequence.FLAIR, Sequence.T2])
def test_a_bundle_switches_it_on(tmp_path: Path, guide: Sequence | None) -> None:
    """Off unless the bundle asks; a guide that is missing is replaced by the first sequence."""
    truth = disc()
    made = manifest(
        sequences=(Sequence.FLAIR,), outputs=BINARY, scheme="binary", context=0, size=(40, 48), normalise="unit"
    )
    rule = BOTH[1].model_copy(update={"guide": guide})
    asked = made.model_copy(update={"postprocess": Postprocess(refine=rule)})
    plain, sharp = (
        Predictor(Bundle(tmp_path, m), runtime=Smeared()).predict({Sequence.FLAIR: picture(truth)})
        for m in (made, asked)
    )
    assert dice(sharp.labels.data == 1, truth) > dice(plain.labels.data == 1, truth) + 0.02
    assert np.array_equal(sharp.labels.data == 1, sharp.probabilities["tumor"].data >= 0.5)
