"""What this program made or changed is known again by its own readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Pillow

from tumorscope.audit import CHECKS
from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Severity
from tumorscope.audit.scan import scan_case
from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.formats import mark_of, read_image, write_nifti, write_png
from tumorscope.workflows.inspect import inspect_path

NOTE = "synthetic: made by tumorscope 1, " + "bundle x " * 20


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".png"])
def test_a_mark_is_read_back_whole(tmp_path: Path, ending: str) -> None:
    data = np.random.default_rng(0).integers(0, 200, (9, 8, 1)).astype(np.uint8)
    marked, plain = tmp_path / f"a_flair{ending}", tmp_path / f"b_flair{ending}"
    if ending == ".png":
        write_png(data[:, :, 0], marked, note=NOTE)
        Pillow.fromarray(data[:, :, 0]).save(plain)
    else:
        write_nifti(Image(data, np.eye(4)), marked, note=NOTE)
        write_nifti(Image(data, np.eye(4)), plain)
    assert mark_of(marked) == NOTE and mark_of(plain) == ""
    assert f"No original scan: {NOTE}." in inspect_path(marked)["files"][0]["problems"]
    assert mark_of(plain.rename(tmp_path / f"synthetic_0001_FLAIR{ending}")) == "synthetic, by its name"
    assert mark_of(marked.rename(tmp_path / f"synthetic_T1{ending}")) == NOTE


def test_a_program_that_drops_comments_leaves_the_mark(tmp_path: Path) -> None:
    write_nifti(Image(np.ones((4, 4, 4), np.int16), np.eye(4)), tmp_path / "a.nii.gz", note=NOTE)
    sitk.WriteImage(sitk.ReadImage(tmp_path / "a.nii.gz"), tmp_path / "b.nii.gz")
    assert mark_of(tmp_path / "b.nii.gz").startswith("synthetic: made by tumorscope 1, bundle x")
    write_nifti(Image(np.ones((4, 4, 4), np.int16), np.eye(4)), tmp_path / "synthetic_T1.nii.gz")
    assert mark_of(tmp_path / "synthetic_T1.nii.gz") == "", "so synthetic MRI (SyMRI) is called too"


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    for name in ("x.nii", "x.nii.gz", "x.png", "x.txt"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        assert mark_of(tmp_path / name) == ""
    assert mark_of(tmp_path / "missing.nii.gz") == ""


@pytest.mark.parametrize(("part", "severity"), [("train", Severity.REMARK), ("test", Severity.DEFECT)])
def test_an_audit_tells_made_images(tmp_path: Path, part: str, severity: Severity) -> None:
    path = write_nifti(Image(np.arange(512, dtype=np.int16).reshape(8, 8, 8), np.eye(4)), tmp_path / "a.nii", note=NOTE)
    scans = [scan_case(Case(name, name, {Sequence.FLAIR: read_image(path)})) for name in ("a", "b")]
    audited = Audited("x", "x", scans, parts={"a": part, "b": "train"})  # type: ignore[dict-item]
    (finding,) = CHECKS.load("made-images")(audited)
    assert finding.severity is severity and finding.numbers["cases with made images"] == 2
