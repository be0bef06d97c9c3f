"""Image, Case, Segmentation."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, LabelError
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence


def image(shape: tuple[int, ...] = (3, 4, 5), affine: np.ndarray | None = None) -> Image:
    return Image(np.zeros(shape, np.uint8), np.eye(4) if affine is None else affine)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5, 2), (0, 4, 5)])
def test_only_3d_volumes_are_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(GeometryError, match="one 3D volume"):
        image(shape)


@pytest.mark.parametrize("affine", [np.eye(3), np.zeros((4, 4)), np.diag([1, 1, np.nan, 1]), np.diag([1.0, 0, 1, 1])])
def test_only_invertible_affines(affine: np.ndarray) -> None:
    with pytest.raises(GeometryError, match="invertible"):
        image(affine=affine)


def test_the_message_names_the_file() -> None:
    with pytest.raises(GeometryError, match=r"scan\.nii"):
        Image(np.zeros((2, 2)), np.eye(4), source=Path("scan.nii"))


def test_spacing_volume_and_orientation_of_an_oblique_grid() -> None:
    turn = np.eye(4)
    angle = np.radians(20)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    oblique = image(affine=turn @ np.diag([-0.5, 2.0, 3.0, 1]))
    assert oblique.spacing == pytest.approx((0.5, 2.0, 3.0))
    assert oblique.voxel_ml == pytest.approx(0.003)
    assert oblique.orientation == "LAS"


def test_the_volume_of_a_sheared_voxel_is_its_determinant() -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 1.0
    assert image(affine=sheared).voxel_ml == pytest.approx(0.001)
    assert image(affine=sheared).spacing[1] == pytest.approx(np.sqrt(2))


def test_with_data_keeps_the_grid_and_refuses_another_shape() -> None:
    start = image(affine=np.diag([2.0, 2, 2, 1]))
    other = start.with_data(np.ones((3, 4, 5)))
    assert other.same_grid(start)
    with pytest.raises(GeometryError):
        start.with_data(np.ones((3, 4, 6)))


def test_same_grid_looks_at_every_corner() -> None:
    tilted = np.eye(4)
    tilted[0, 2] = 0.004  # 0.016 mm at the far corner of five slices
    shifted = np.eye(4)
    shifted[0, 3] = 0.005
    assert not image().same_grid(image(affine=tilted))
    assert image().same_grid(image(affine=shifted))
    assert not image().same_grid(image((3, 4, 6)))


def test_a_case_lists_its_sequences_in_order_and_loads_through_its_reader() -> None:
    asked: list[tuple[Sequence, ...]] = []

    def reader(case: Case, sequences: tuple[Sequence, ...]) -> Case:
        asked.append(sequences)
        return case

    images: dict[Sequence, Image | Path] = {Sequence.FLAIR: image(), Sequence.T1: image()}
    case = Case("a", "p", images, reader=reader)
    assert case.sequences == (Sequence.T1, Sequence.FLAIR)
    case.loaded()
    case.loaded([Sequence.T2, Sequence.FLAIR])
    assert asked == [(Sequence.T1, Sequence.FLAIR), (Sequence.FLAIR,)]
    assert Case("a", "p", images).loaded().id == "a"


def test_cases_travel_between_processes() -> None:
    from tumorscope.datasets.base import read_volumes

    case = Case("a", "p", {Sequence.T1: image()}, label=image(), scheme=BRATS, reader=read_volumes)
    assert pickle.loads(pickle.dumps(case)).scheme == BRATS


def test_a_segmentation_knows_its_values_and_its_grid() -> None:
    labels = image().with_data(np.full((3, 4, 5), 4, np.uint8))
    assert Segmentation(labels, BRATS).region("TC").all()
    assert not Segmentation(labels, BRATS).region("ED").any()
    with pytest.raises(LabelError):
        Segmentation(labels.with_data(np.full((3, 4, 5), 3, np.uint8)), BRATS)
    with pytest.raises(GeometryError, match="WT"):
        Segmentation(labels, BRATS, {"WT": image((3, 4, 6))})
