"""The app's other pages in a real browser: repairing, synthesis, DICOM, audit, comparison; accessibility of each."""

import io
import zipfile

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest

from dicom_series import PROTOCOLS, write_series
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import small_phantom
from tumorscope.formats import read_image

pytestmark = pytest.mark.browser
_NO_WEBGL = "This browser has no WebGL 2, which the 3D view needs. The other views work without it."


@pytest.fixture(scope="module")
def page(server, start_browser):
    """A user who looks at the phantom."""
    page = start_browser(server.address)
    page.open()
    page.enter_viewer()
    page.leave_viewer()
    return page


def to(page, name, title):
    page.leave_viewer()
    page.press(name, "[data-testid='stSidebarNav'] a")
    page.find("h1", title)


def test_3d_view_opens_and_is_accessible(page):
    page.enter_viewer()
    page.click(page.find("button[data-layout='space']"))
    page.wait(lambda d: d.find_elements("css selector", "[data-ready='yes']") or _refused(d))
    assert _refused(page.driver) in ("", _NO_WEBGL)
    assert page.violations() == {}
    page.shot("3d")
    page.view("slice")


def test_no_overlay_is_chosen_before_there_is_one(page):
    page.enter_viewer()
    page.view("planes")
    assert page.find("select[aria-label='Overlay']").get_attribute("value") == "none"
    page.view("slice")


def test_zoom_enlarges_about_the_pointer_and_reset_takes_it_back(page):
    page.enter_viewer()
    wheel = """
    const canvas = document.querySelector('.panel canvas'), box = canvas.getBoundingClientRect();
    const at = {clientX: box.left + 0.3 * box.width, clientY: box.top + box.height / 2};
    canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -1, ctrlKey: true, cancelable: true, ...at}));
    """
    bright = """
    const canvas = document.querySelector('.panel canvas');
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let i = 0; i < pixels.length; i += 4) n += pixels[i] > 30;
    return n / (pixels.length / 4);
    """
    before, slice_before = page.driver.execute_script(bright), page.text("#slice-label")
    for _ in range(3):
        page.redrawn(lambda: page.driver.execute_script(wheel))
    assert page.driver.execute_script(bright) > 1.3 * before
    assert page.text("#slice-label") == slice_before, "the wheel with Ctrl zooms and keeps the slice"
    page.shot("zoom")
    page.redrawn(lambda: page.press("reset"))
    assert page.driver.execute_script(bright) == pytest.approx(before, abs=0.01)


def test_a_denoised_scan_differs_and_can_be_taken(page):
    to(page, "Denoise, synthesise", "Denoise and synthesise")
    page.press("Denoise", "[data-testid='stSidebar'] button")
    page.enter_viewer("scan_difference")
    titles = [e.text for e in page.driver.find_elements("css selector", ".panel .title")]
    assert titles == ["original", "denoised", "difference"]
    page.shot("denoised")
    assert page.violations() == {}
    page.leave_viewer()
    assert "can remove a small lesion" in page.text("[data-testid='stMain']")
    assert page.violations() == {}
    found, scan = nibabel.load(page.download("denoised (NIfTI)", "_denoised.nii.gz")), _flair()
    assert np.allclose(found.affine, scan.affine) and found.header["aux_file"].item() == b"processed"
    before, after = scan.get_fdata(), found.get_fdata()
    assert np.array_equal(before == 0, after == 0)
    assert 1e-5 < np.abs(after - before).mean() / before.mean() < 0.2  # the phantom has hardly any noise to remove


def test_the_result_is_still_there_after_other_pages(page):
    to(page, "Segment", "Brain Tumor Segmentation")
    page.enter_viewer("scan_FLAIR")
    to(page, "Denoise, synthesise", "Denoise and synthesise")
    page.enter_viewer("scan_difference")


def test_synthetic_slices_are_marked_and_come_as_zip(page):
    page.leave_viewer()
    page.click(page.find("[data-testid='stSidebar'] [data-testid='stSelectbox'] input[aria-label*='What to do']"))
    page.press("Synthesise", "[role='option']")
    assert "support no clinical claim" in page.text("[data-testid='stAlert']")
    page.press("Synthesise", "[data-testid='stSidebar'] button")
    assert page.find("img[alt='Synthetic slices']").size["width"] > 600
    page.shot("synthetic")
    assert page.violations() == {}
    button = page.find("[data-testid='stDownloadButton'] button")
    with zipfile.ZipFile(page.download(button.text, ".zip")) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        assert len(names) == 16 and all("synthetic" in name.split("/")[-1] for name in names)
        assert b"synthetic: made by tumorscope" in archive.read(names[0])


def test_a_dicom_study_becomes_a_dicom_seg(page, tmp_path):
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, sequence in enumerate((Sequence.T1CE, Sequence.FLAIR), 1):
            image = read_image(small_phantom() / f"Phantom_000_{sequence.lower()}.nii.gz")
            for file in write_series(tmp_path / sequence, image, tags=PROTOCOLS[sequence], number=number):
                archive.write(file, f"{sequence}/{file.name}")
    to(page, "Segment", "Brain Tumor Segmentation")
    page.upload(path)
    page.wait(lambda d: "(yours)" in d.page_source)
    page.enter_viewer("scan_FLAIR")
    volumes = page.segment()
    page.press("Downloads", "[role='tab']")
    content = page.download("Label map (DICOM-SEG)", "segmentation.dcm").read_bytes()
    found = highdicom.seg.segread(io.BytesIO(content))
    assert {"Mustermann", "MRN-4711"} & set(str(pydicom.dcmread(io.BytesIO(content))).split("'")) == set()
    masks = found.pixel_array
    assert found.number_of_segments >= 3 and masks.any()
    assert 8 * np.count_nonzero(masks) / 1000 == pytest.approx(float(volumes["WT"].split()[0]), abs=0.01)


def test_the_audit_of_the_folder_is_run_and_reported(page):
    to(page, "Audit", "Audit of a data set")
    page.press("Audit", "[data-testid='stMain'] button")
    page.find("[data-testid='stDownloadButton'] button")
    page.shot("audit")
    assert len(page.driver.find_elements("css selector", "[data-testid='stAlert']")) >= 5
    assert page.violations() == {}
    html = page.download("Report (HTML)", "audit.html").read_text(encoding="utf-8")
    assert page.text("[data-testid='stHeading'] h3") in html


def test_evaluations_are_compared_in_a_table(page):
    to(page, "Runs", "Training runs")
    assert page.violations() == {}
    page.press("Comparison", "[role='tab']")
    for name in ("first", "second"):
        page.click(page.find("[data-testid='stMultiSelect'] input[aria-label*='Evaluations']"))
        page.press(name, "[role='option']")
    page.press("Compare")
    table = page.text("[data-testid='stTable']")
    page.shot("comparison")
    assert "first" in table and "second" in table and "Dice" in table and "0.857" in table
    assert page.violations() == {}


def test_every_page_opens_by_its_address(page):
    for path, title in (("about", "Responsible use"), ("generative", "Denoise and synthesise")):
        page.open(path)
        page.find("h1", title)
    page.open("about")
    page.find("h1", "Responsible use")
    page.shot("about")
    assert page.violations() == {}


def _refused(driver):
    """Return why the 3D view is not shown, if it says so."""
    notes = [note.text for note in driver.find_elements("css selector", ".note[role='status']")]
    return next((text for text in notes if "Loading" not in text), "")


def _flair():
    return nibabel.load(small_phantom() / "Phantom_000_flair.nii.gz")
