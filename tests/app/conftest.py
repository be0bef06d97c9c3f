"""A server of the app, and a Chromium that looks at it."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tumorscope.app.launch import command
from tumorscope.app.settings import Settings
from tumorscope.cli.main import main
from tumorscope.core.image import Image
from tumorscope.datasets.phantom import small_phantom
from tumorscope.formats import write_nifti

SOURCE = Path(__file__).parents[2] / "src"
#: Generous: a busy machine may be ten times slower than a free one.
PATIENCE = 300


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def chromium():
    """Paths of Chromium and its driver; skips where one is absent."""
    found = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
    if None in found:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    pytest.importorskip("selenium", reason="selenium is not installed: pip install 'tumorscope[dev]'")
    return found


@pytest.fixture(scope="session")
def cases(tmp_path_factory):
    """A folder with one case in the BraTS layout beside the small phantom."""
    folder = tmp_path_factory.mktemp("cases")
    target = folder / "Folder_001"
    target.mkdir()
    for path in small_phantom().glob("*.nii.gz"):
        shutil.copy(path, target / path.name.replace("Phantom_000", "Folder_001"))
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder with a training log and two stored evaluations."""
    folder = tmp_path_factory.mktemp("runs") / "keras"
    folder.mkdir()
    shutil.copy(SOURCE / "tumorscope" / "figures" / "samples" / "training.log", folder / "training.log")
    place = tmp_path_factory.mktemp("evaluated")
    for shift, name in ((0, "reference"), (1, "first"), (3, "second")):
        (place / name).mkdir()
        for number in range(3):
            labels = np.zeros((16, 16, 4), dtype=np.uint8)
            labels[2 + shift : 9 + shift, 2 : 9 + number], labels[4:7, 4:7] = 2, 4
            write_nifti(Image(labels, np.diag([-1.0, -1.0, 1.0, 1.0])), place / name / f"Case_{number}.nii.gz")
        if shift:
            words = ["evaluate", "--pred", str(place / name), "--ref", str(place / "reference")]
            assert main([*words, "--json", str(folder.parent / f"{name}.json")]) == 0
    return folder.parent


class Server:
    """A running server: its address and where its sessions keep their files."""

    def __init__(self, address, temporary):
        self.address, self.temporary = address, temporary

    def folders(self):
        return sorted(self.temporary.glob("tumorscope-app-*"))


@pytest.fixture(scope="session")
def server(chromium, tmp_path_factory, cases, runs):
    port, temporary = _free_port(), tmp_path_factory.mktemp("server")
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCE)}
    words = command(Settings(cases, runs, forget_after=2), port, 50, browser=False)
    log = (temporary / "log").open("wb")
    process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process, temporary / "log")
        yield Server(address, temporary)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        log.close()


def _wait_for(address, process, log):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not answer in {PATIENCE} s: {log.read_text()}")


@pytest.fixture(scope="session")
def start_browser(chromium, tmp_path_factory):
    """Returns a function that opens another browser (another user)."""
    from app_page import Page
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException

    opened = []

    def start(address):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium[0]
        profile, downloads = tmp_path_factory.mktemp("profile"), tmp_path_factory.mktemp("downloads")
        for word in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1280,800",
        ):
            options.add_argument(word)
        options.add_argument(f"--user-data-dir={profile}")
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromium[1]))
        driver.set_page_load_timeout(PATIENCE)
        driver.set_script_timeout(PATIENCE)
        behaviour = {"behavior": "allow", "downloadPath": str(downloads)}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
        opened.append(driver)
        return Page(driver, address, downloads, PATIENCE)

    yield start
    for driver in opened:
        with contextlib.suppress(WebDriverException):  # one that left already
            driver.quit()
