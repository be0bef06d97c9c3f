"""Image quality, distances of sets, memorisation, and readers."""

from __future__ import annotations

import numpy as np
import pytest

from tumorscope.core.errors import InputError
from tumorscope.metrics.feature_distance import frechet_distance, kernel_distance
from tumorscope.metrics.feature_manifold import precision_recall
from tumorscope.metrics.image_quality import QUALITIES, image_quality
from tumorscope.metrics.memorisation import check_memorisation
from tumorscope.metrics.reader_scores import score_reader

RNG = np.random.default_rng(0)
Y, X = np.mgrid[-1:1:64j, -1:1:64j]
INSIDE = X**2 + Y**2 < 0.7
TRUTH = np.where(INSIDE, 0.6 + 0.3 * np.sin(9 * X) * np.cos(7 * Y), 0)


def test_an_equal_image_is_perfect() -> None:
    found = image_quality(TRUTH, TRUTH, INSIDE)
    assert set(found) == set(QUALITIES)
    assert found["ssim"] == pytest.approx(1) and found["ms_ssim"] == pytest.approx(1, abs=1e-6)
    assert (found["nmse"], found["psnr"]) == (0, 100)


def test_a_constant_error_has_the_psnr_of_its_size() -> None:
    assert image_quality(TRUTH + 0.1, TRUTH, INSIDE)["psnr"] == pytest.approx(20, abs=1e-6)
    assert image_quality(TRUTH + 0.1, TRUTH, INSIDE)["nmse"] == pytest.approx(0.01 / (TRUTH[INSIDE] ** 2).mean())


def test_only_what_is_inside_counts() -> None:
    far = np.hypot(X, Y) > 1.25
    spoilt = np.where(far, 0.9, TRUTH)
    found = image_quality(spoilt, TRUTH, INSIDE)
    assert found["psnr"] == 100 and found["ssim"] > 0.999


def test_more_noise_is_worse_by_every_measure() -> None:
    noise = RNG.normal(size=TRUTH.shape)
    rows = [image_quality(TRUTH + level * noise, TRUTH, INSIDE) for level in (0.02, 0.06, 0.12, 0.3)]
    for name, (_, more_is_better) in QUALITIES.items():
        values = [row[name] for row in rows]
        assert values == sorted(values, reverse=more_is_better), name


def test_agrees_with_an_independent_ssim() -> None:
    """MONAI's SSIM map with the same window, averaged over the same pixels."""
    import torch
    from monai.metrics.regression import compute_ssim_and_cs

    noisy = TRUTH + 0.05 * np.random.default_rng(1).normal(size=TRUTH.shape)
    pair = [torch.from_numpy(x)[None, None] for x in (noisy, TRUTH)]
    similar, _ = compute_ssim_and_cs(*pair, 2, (11, 11), (1.5, 1.5))
    inner = INSIDE[5:-5, 5:-5]
    assert image_quality(noisy, TRUTH, INSIDE)["ssim"] == pytest.approx(
        float(similar[0, 0].numpy()[inner].mean()), abs=2e-3
    )


@pytest.mark.parametrize("shape", [(64, 63), (8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="one shape"):
        image_quality(np.zeros(shape), np.zeros((8, 8)), np.ones((8, 8), bool))


def test_the_frechet_distance_of_shifted_normals_is_the_squared_shift() -> None:
    a, b = RNG.normal(size=(20000, 3)), RNG.normal(size=(20000, 3)) + np.array([2, 0, 0])
    assert frechet_distance(a, b) == pytest.approx(4, rel=0.03)
    assert frechet_distance(a, 2 * a) == pytest.approx(3, rel=0.05)  # sum over axes of (2 - 1)²
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_the_kernel_distance_is_about_zero_for_equal_sets_however_small() -> None:
    same = [kernel_distance(RNG.normal(size=(20, 4)), RNG.normal(size=(20, 4))) for _ in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(200)
    assert kernel_distance(RNG.normal(size=(200, 4)), RNG.normal(size=(200, 4)) + 1) > 10 * np.std(same) / 10


def test_one_image_is_no_set() -> None:
    with pytest.raises(InputError, match="two images"):
        frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))


class TestMemorisation:
    training = RNG.normal(size=(300, 20))
    patients = tuple(f"p{i // 10}" for i in range(300))
    held_out = RNG.normal(size=(400, 20))

    def test_fresh_images_pass(self) -> None:
        found = check_memorisation(RNG.normal(size=(200, 20)), self.held_out, self.training, self.patients)
        assert found.passed and found.copies <= 6 and found.p > 0.05

    def test_copies_fail_and_are_named(self) -> None:
        made = RNG.normal(size=(200, 20))
        made[::10] = self.training[:20] + 0.05 * RNG.normal(size=(20, 20))
        found = check_memorisation(made, self.held_out, self.training, self.patients)
        assert not found.passed and found.copies >= 20 and found.by_chance <= 4
        assert set(found.worst) <= set(range(0, 200, 10))

    def test_a_blur_is_near_to_all_and_no_copy(self) -> None:
        made = 0.05 * RNG.normal(size=(200, 20))
        found = check_memorisation(made, self.held_out, self.training, self.patients)
        assert np.median(found.distances["made"]) < np.quantile(found.distances["held_out"], 0.2)
        assert found.passed

    def test_too_few_to_tell_are_refused(self) -> None:
        with pytest.raises(InputError, match="100 made"):
            check_memorisation(self.held_out[:12], self.held_out, self.training, self.patients)

    def test_one_patient_is_refused(self) -> None:
        with pytest.raises(InputError, match="two patients"):
            check_memorisation(self.held_out, self.held_out, self.training, ["p"] * 300)


def test_a_reader_who_guesses_and_one_who_knows() -> None:
    truth = ["real", "synthetic"] * 20
    knows = score_reader("a", [(t, t) for t in truth])
    assert (knows.accuracy, knows.sensitivity, knows.specificity) == (1, 1, 1)
    assert knows.p_guessing < 1e-6 and knows.interval[0] > 0.9
    says_real = score_reader("b", [(t, "real") for t in truth])
    assert (says_real.accuracy, says_real.sensitivity, says_real.specificity) == (0.5, 0, 1)
    assert says_real.interval[0] < 0.5 < says_real.interval[1]


def test_precision_and_recall_tell_a_missing_kind_from_a_wrong_one() -> None:
    rng = np.random.default_rng(1)
    two_kinds = np.vstack([rng.normal(size=(200, 8)), rng.normal(10, 1, (200, 8))])
    same = np.vstack([rng.normal(size=(200, 8)), rng.normal(10, 1, (200, 8))])
    floor = precision_recall(same, two_kinds)
    assert min(floor) > 0.6
    precision, recall = precision_recall(same[:200], two_kinds)
    assert precision > 0.6 and recall == pytest.approx(floor[1] / 2, abs=0.1)
    precision, recall = precision_recall(np.vstack([same[:200], same[200:] + 100]), two_kinds)
    assert precision == pytest.approx(floor[0] / 2, abs=0.1) and recall == pytest.approx(floor[1] / 2, abs=0.1)
    assert precision_recall(two_kinds, two_kinds) == (1, 1)


def test_precision_of_a_line_is_counted_by_hand() -> None:
    real = np.array([[0.0], [1], [3], [7]])  # with k = 1 covered: -1 to 2, 1 to 5, 3 to 11
    made = np.array([[-0.9], [2.5], [12.0], [-3]])  # covered: -3 to 1.2, -0.9 to 5.9, 2.5 to 21.5, -5.1 to -0.9
    assert precision_recall(made, real, neighbours=1) == (0.5, 1.0)
    with pytest.raises(InputError):
        precision_recall(made[:1], real, neighbours=1)
