"""The app in a real browser: the main flows, two users, a broken file, accessibility."""

import os

import nibabel
import numpy as np
import pytest

from tumorscope.datasets.phantom import small_phantom
from tumorscope.formats import write_png
from tumorscope.workflows.predict import predict_inputs

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def segmented(server, start_browser):
    """The page of a user who segmented the phantom, and the volumes it showed."""
    page = start_browser(server.address)
    page.open()
    page.enter_viewer()
    before = page.coloured()
    return page, page.segment(), before


@pytest.fixture(scope="module")
def other(server, start_browser):
    """A second user."""
    page = start_browser(server.address)
    page.open()
    page.enter_viewer()
    return page


def test_title_and_notice_stand_on_the_page(segmented):
    page = segmented[0]
    page.leave_viewer()
    assert page.text("h1") == "Brain Tumor Segmentation"
    assert "Research use only" in page.text("[role='note']") and "Patients stay private" in page.text("[role='note']")


def test_volumes_are_those_of_the_command_line(segmented, tmp_path):
    row = predict_inputs([small_phantom()], tmp_path / "out").cases[0]
    assert row.status == "ok"
    assert segmented[1] == {name: f"{size['ml']:.2f} ml" for name, size in row.volumes.items()}
    segmented[0].shot("volumes")
    assert float(segmented[1]["WT"].split()[0]) > 50


def test_overlay_and_probabilities_lie_on_the_scan(segmented):
    page, _, before = segmented
    assert [label.split(",")[0] for label in before] == ["FLAIR", "T1CE"]
    assert max(before.values()) < 0.01
    page.enter_viewer("labels")
    shown = {label.split(",")[0]: share for label, share in page.coloured().items()}
    assert list(shown) == ["FLAIR", "T1CE", "segmentation", "p(WT)", "p(TC)", "p(ET)"]
    page.shot("slice")
    assert shown["segmentation"] > 0.02 and shown["p(WT)"] > shown["p(ET)"] > 0.001
    page.click(page.find("#controls .check input"))  # WT hidden: only the core stays in colour
    page.wait(
        lambda _: {k.split(",")[0]: v for k, v in page.coloured().items()}["segmentation"] < shown["segmentation"]
    )
    page.click(page.find("#controls .check input"))


def test_slices_change_in_the_browser_within_150_ms(segmented):
    from selenium.webdriver.common.keys import Keys

    page = segmented[0]
    page.enter_viewer("labels")
    first = page.text("#slice-label")
    slider = page.find("#slice")
    times = [page.redrawn(lambda: slider.send_keys(Keys.ARROW_RIGHT)) for _ in range(5)]
    assert page.text("#slice-label") != first
    assert min(times) < 150


def test_three_planes_are_linked(segmented):
    page = segmented[0]
    page.enter_viewer("labels")
    page.view("planes")
    sliders = [page.find(f"input[aria-label='{plane} slice']") for plane in ("axial", "coronal", "sagittal")]
    before = [int(s.get_attribute("value")) for s in sliders]
    page.redrawn(lambda: page.click(page.find(".panel canvas")))  # the middle of the axial plane
    after = [int(s.get_attribute("value")) for s in sliders]
    assert after[0] == before[0] and after[1] != before[1] and after[2] != before[2]
    page.shot("planes")
    assert "mm" in page.text("#readout")


def test_reference_is_compared_slice_by_slice(segmented):
    page = segmented[0]
    page.enter_viewer("labels")
    page.view("compare")
    assert set(page.text("#extra").split()) >= {"found", "missed", "invented", "WT", "TC", "ET"}
    page.shot("compare")
    assert all(share > 0 for share in page.coloured().values())


def test_head_and_tumour_are_shown_in_3d(segmented):
    page = segmented[0]
    page.enter_viewer("labels")
    page.click(page.find("button[data-layout='space']"))
    note = ".note[role='status']"
    page.wait(lambda d: d.find_elements("css selector", "[data-ready='yes']") or "WebGL 2" in page.text(note))
    page.shot("3d-segmented")
    page.view("slice")


def test_views_survive_a_change_of_page(segmented):
    page, volumes, _ = segmented
    page.enter_viewer("labels")
    page.view("sequences")
    page.shot("sequences")
    page.leave_viewer()
    page.press("Responsible use", "[data-testid='stSidebarNav'] a")
    page.find("h1", "Responsible use")
    page.press("Segment", "[data-testid='stSidebarNav'] a")
    assert page.volumes() == volumes
    page.enter_viewer("labels")
    assert page.find("button[data-layout='sequences']").get_attribute("aria-pressed") == "true"


def test_the_label_map_can_be_downloaded(segmented):
    page = segmented[0]
    page.leave_viewer()
    page.shot("case")
    for tab in ("Tumour type", "Against reference", "Model and notes", "Measurements"):
        page.press(tab, "[role='tab']")
        page.wait(lambda _, tab=tab: page.find("[role='tab'][aria-selected='true']").text == tab)
        page.driver.execute_script("document.querySelector('[role=tab]').scrollIntoView()")
        page.shot(tab)
    page.press("Downloads", "[role='tab']")
    path = page.download("Label map (NIfTI)", "segmentation.nii.gz")
    page.shot("downloads")
    found = nibabel.load(path)
    scan = nibabel.load(small_phantom() / "Phantom_000_flair.nii.gz")
    assert found.shape == scan.shape and np.allclose(found.affine, scan.affine)
    voxels = np.count_nonzero(np.asarray(found.dataobj))
    assert f"{voxels * 8 / 1000:.2f} ml" == segmented[1]["WT"]


def test_no_serious_accessibility_violation(segmented):
    page = segmented[0]
    page.leave_viewer()
    assert page.violations() == {}
    page.enter_viewer("labels")
    for view in ("slice", "planes", "compare"):
        page.view(view)
        assert page.violations() == {}


def test_everything_comes_from_this_server(segmented, server):
    page = segmented[0]
    for enter in (page.leave_viewer, page.enter_viewer):
        enter()
        names = page.driver.execute_script("return performance.getEntriesByType('resource').map((r) => r.name)")
        assert [n for n in names if not n.startswith((server.address, "data:", "blob:"))] == []


def test_another_user_sees_nothing_of_it(segmented, other, server):
    other.leave_viewer()
    assert not other.has("table[aria-label='Volumes']")
    assert other.find("[data-testid='stSidebar'] button", "Segment").is_enabled()
    folders = server.folders()
    assert len(folders) == 2
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in folders)


def test_a_broken_file_is_refused_in_words(other, tmp_path):
    path = tmp_path / "broken_flair.nii.gz"
    path.write_bytes(b"this is no scan")
    other.upload(path)
    message = other.text("[data-testid='stAlert']")
    assert "Expected" in message and "What to do" in message
    other.shot("broken")
    assert "Traceback" not in other.driver.page_source


def test_a_picture_is_opened_for_what_it_is(other, tmp_path):
    path = write_png(np.random.default_rng(0).integers(0, 255, (40, 32), dtype=np.uint8), tmp_path / "slice_flair.png")
    other.open()
    other.upload(path)
    other.wait(lambda _: "slice_flair (yours)" in other.driver.page_source)
    other.enter_viewer()
    # one slice of unknown spacing: no planes, no 3D
    other.wait(lambda d: [b.text for b in d.find_elements("css selector", "#layouts button")] == ["Slice"])
    other.shot("picture")


def test_work_can_be_stopped_and_a_folder_offers_its_cases(other):
    other.open()
    other.leave_viewer()
    other.press("Segment", "[data-testid='stSidebar'] button")
    other.press("Cancel", "[data-testid='stSidebar'] button")
    other.find("[data-testid='stSidebar'] button", "Segment")
    assert not other.has("table[aria-label='Volumes']")
    other.find("[data-testid='stSidebar'] [data-testid='stSelectbox'] input").click()
    names = [e.text for e in other.wait(lambda d: d.find_elements("css selector", "[role='option']"))]
    assert names[0] == "Phantom_000 (synthetic)" and "Folder_001" in names


def test_files_vanish_when_the_user_leaves(segmented, other, server):
    assert len(server.folders()) >= 2
    other.driver.quit()
    segmented[0].wait(lambda _: len(server.folders()) == 1)  # the first user's stay


def test_curves_of_a_run(segmented):
    page = segmented[0]
    page.leave_viewer()
    page.press("Runs", "[data-testid='stSidebarNav'] a")
    page.find("h1", "Training runs")
    page.find("[data-testid='stMultiSelect'] input").click()
    page.press("keras", "[role='option']")
    page.press("Draw curves")
    page.shot("curves")
    assert "best epoch" in page.text("[data-testid='stCode']")
    assert page.find("[data-testid='stImage'] img").size["width"] > 200


def test_the_server_is_for_this_machine_only(server):
    import socket
    import urllib.parse

    port = urllib.parse.urlparse(server.address).port
    others = {i[4][0] for i in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
        "127.0.0.1",
        "127.0.1.1",
    }
    if not others:
        pytest.skip("this machine has no other address")
    with socket.socket() as probe:
        probe.settimeout(5)
        assert probe.connect_ex((sorted(others)[0], port)) != 0
    assert os.access(server.temporary, os.R_OK)
