"""Which shipped bundle a case gets, by its sequences and by what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from predict_cases import brats, nifti, picture, quick_overlay  # noqa: F401
from tiny_bundles import BINARY, head, image, manifest, save_tiny
from tumorscope.bundles import bundle as library
from tumorscope.bundles.manifest import Manifest, Postprocess
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.formats import read_image
from tumorscope.workflows.choose import choose_bundle, is_flat
from tumorscope.workflows.predict import predict_inputs

pytestmark = pytest.mark.usefixtures("quick_overlay")
ALL = tuple(Sequence)


@pytest.fixture(scope="module")
def library_of_four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles as they are shipped: for slices and for volumes of any sequences, for two sequences, for pictures."""
    folder = tmp_path_factory.mktemp("four")
    volumes = manifest("brats-3d", sequences=ALL, optional=ALL, patch=(16, 16, 16), fit="crop", context=0)
    volumes = volumes.model_copy(
        update={
            "postprocess": Postprocess(min_voxels={"WT": 2}),
            "network": "segresnet",
            "network_args": {"filters": [8, 16], "blocks": [1, 1], "guided": 1},
        }
    )
    made: list[Manifest] = [
        volumes,
        manifest("brats-fast", sequences=ALL, optional=ALL),
        manifest("brats-2d"),
        manifest(
            "lgg-flair", sequences=ALL[:2] + ALL[3:], optional=ALL[:2], outputs=BINARY, scheme="binary", dataset="lgg"
        ),
    ]
    for one in made:
        save_tiny(folder / one.name, one)
    return folder


@pytest.fixture(autouse=True)
def _shipped(library_of_four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "SHIPPED", library_of_four)


def volume(*names: str) -> Case:
    """Return a case of small heads; none of its images comes from a file."""
    shown: dict[Sequence, Image | Path] = {Sequence(n): image(head(), source=Path(f"{n}.nii.gz")) for n in names}
    return Case("c", "c", shown)


@pytest.mark.parametrize(
    ("names", "best", "fast"),
    [
        (("T1", "T1CE", "T2", "FLAIR"), "brats-3d", "brats-fast"),
        (("T1", "T1CE", "T2"), "brats-3d", "brats-fast"),
        (("T1CE", "FLAIR"), "brats-3d", "brats-2d"),
        (("FLAIR",), "brats-3d", "brats-fast"),
        (("T2",), "brats-3d", "brats-fast"),
    ],
)
def test_volumes_get_the_3d_bundle_and_fast_one_for_slices(names: tuple[str, ...], best: str, fast: str) -> None:
    for quick, wanted in ((False, best), (True, fast)):
        chosen, reason = choose_bundle(volume(*names), fast=quick)
        assert chosen.name == wanted
        assert f"{wanted} was chosen{' (--fast)' * quick}: it takes {' and '.join(names)}" in reason
        assert reason.endswith("and was trained on volumes.")


def test_pictures_and_single_slices_get_no_3d_bundle(tmp_path: Path) -> None:
    path = picture(tmp_path / "p_flair.png")
    assert choose_bundle(Case("p", "p", {Sequence.FLAIR: path}))[0].name == "lgg-flair"
    flat = image(head((24, 28, 1)), source=Path("a.nii.gz"))
    unknown = image(head(), source=Path("a.nii.gz"), spacing_known=False)
    for one in (flat, unknown):
        assert choose_bundle(Case("p", "p", {Sequence.T2: one}))[0].name == "brats-fast"
    written = nifti(tmp_path / "one_flair.nii.gz", head((24, 28, 1)))
    assert is_flat(Case("p", "p", {Sequence.FLAIR: written}))
    assert not is_flat(Case("p", "p", {Sequence.FLAIR: nifti(tmp_path / "all_flair.nii.gz")}))
    (tmp_path / "bad_flair.nii.gz").write_bytes(b"nothing")
    assert not is_flat(Case("p", "p", {Sequence.FLAIR: tmp_path / "bad_flair.nii.gz"}))


def test_no_known_sequence_fits_nothing() -> None:
    with pytest.raises(InputError, match="no known sequence"):
        choose_bundle(Case("c", "c", {}))


def test_a_case_folder_of_brats(tmp_path: Path) -> None:
    folder = brats(tmp_path / "Brats18_X_1", sequences=("t1", "t2"))
    paths = {Sequence.T1: folder / "Brats18_X_1_t1.nii.gz", Sequence.T2: folder / "Brats18_X_1_t2.nii.gz"}
    assert read_image(paths[Sequence.T1]).spacing_known
    assert choose_bundle(Case("c", "c", dict(paths)))[0].name == "brats-3d"


def test_predict_takes_fast_and_leaves_rules_out(tmp_path: Path, library_of_four: Path) -> None:
    case = brats(tmp_path / "Brats18_X_1", sequences=("t1ce", "flair"))
    said: dict[bool, dict[str, object]] = {}
    for fast in (True, False):
        out = tmp_path / f"out{fast}"
        summary = predict_inputs(
            [case], out, runtime="torch", device="cpu", fast=fast, postprocess=not fast, preprocess=False, types=False
        )
        assert summary.exit_code == 0, summary.cases[0].error
        said[fast] = json.loads((out / "Brats18_X_1" / "measurements.json").read_text())
    assert [summary["bundle"]["name"] for summary in said.values()] == ["brats-2d", "brats-3d"]  # type: ignore[index]
    assert "No post-processing." in str(said[True]["steps"])
    assert '"min_voxels": {"WT": 2}' in str(said[False]["steps"])
