"""Time the app from outside, in Chromium: from choosing a case to its first picture, and from a key to the next slice.

    python benchmarks/app_speed.py [--data DIR] [--runs 7] [--slices 40]

The phantom and the first case of ``--data`` are chosen in turn, so that every choice reads the scans anew. The clock
starts when Enter is pressed in the list of cases, and stops when a canvas of the viewer shows that case; for a slice it
starts before the key is sent and stops when the viewer says that it has drawn. Both include the driver's own trips.
Beside the clock stand the processor seconds of the server and the viewer's own drawing time, which depend less on what
else the machine does. Writes ``benchmarks/results/app-speed.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tumorscope.app.launch import command
from tumorscope.app.settings import Settings
from tumorscope.core.files import write_text
from tumorscope.workflows.inputs import find_inputs

RESULTS = Path(__file__).parent / "results"
PHANTOM = "Phantom_000 (synthetic)"
#: Seconds after which something counts as broken, not slow.
_BROKEN = 600.0
_CHOICE = "[data-testid='stSidebar'] [data-testid='stSelectbox'] input[aria-label*='Case']"
#: Which case is drawn: its token, once a canvas has pixels that are not black; else nothing.
_DRAWN = """
const canvas = document.querySelector('.panel canvas');
if (!canvas || !canvas.width) return '';
const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
for (let i = 0; i < pixels.length; i += 4) if (pixels[i] > 60) return document.body.dataset.case || '';
return '';
"""


def until(condition: Callable[[], bool]) -> float:
    """Wait until it holds, asking every few ms, and return the clock's reading (s)."""
    end = time.perf_counter() + _BROKEN
    while time.perf_counter() < end:
        try:
            if condition():
                return time.perf_counter()
        except WebDriverException:  # the page is being drawn anew
            pass
        time.sleep(0.005)
    raise TimeoutError(f"nothing happened in {_BROKEN:g} s")


def open_browser(profile: str) -> webdriver.Chrome:
    """Return Chromium without a window, 1280 × 800."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for word in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,800"):
        options.add_argument(word)
    options.add_argument(f"--user-data-dir={profile}")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def drawn_case(driver: webdriver.Chrome) -> str:
    """Return the token of the case whose picture is on the screen; empty where there is none."""
    driver.switch_to.default_content()
    frames = driver.find_elements(By.CSS_SELECTOR, "iframe[title*='scan_viewer']")
    if not frames:
        return ""
    driver.switch_to.frame(frames[0])
    return str(driver.execute_script(_DRAWN))


def processor(process: int) -> float:
    """Return the processor seconds that a process of Linux has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def choose(driver: webdriver.Chrome, label: str, server: int) -> tuple[float, float]:
    """Choose a case in the list; return the seconds until its picture is there, and the server's processor seconds."""
    driver.switch_to.default_content()
    box = driver.find_element(By.CSS_SELECTOR, _CHOICE)
    box.click()
    box.send_keys(label)
    used, begun = processor(server), time.perf_counter()
    box.send_keys(Keys.ENTER)
    took = until(lambda: drawn_case(driver).endswith(f"-{label}")) - begun
    return took, processor(server) - used


def next_slice(driver: webdriver.Chrome, key: str) -> tuple[float, float]:
    """Send a key to the slice slider; return the seconds until the viewer has drawn, and those of the drawing alone."""
    slider = driver.find_element(By.ID, "slice")
    count = "return Number(document.body.dataset.drawn)"
    before = driver.execute_script(count)
    begun = time.perf_counter()
    slider.send_keys(key)
    took = until(lambda: driver.execute_script(count) > before) - begun
    return took, driver.execute_script("return Number(document.body.dataset.milliseconds)") / 1000


def entry(what: str, measured: list[tuple[float, float]], target: float, part: str) -> dict[str, Any]:
    """Return median and worst, beside what the design asks for; ``part``: what the second figures are."""
    seconds, parts = [m[0] for m in measured], [m[1] for m in measured]
    median, worst = statistics.median(seconds), max(seconds)
    found: dict[str, Any] = {"what": what, "median_seconds": round(median, 3), "worst_seconds": round(worst, 3)}
    found |= {f"{part}_median_seconds": round(statistics.median(parts), 3)}
    found |= {"runs": len(seconds), "target_seconds": target, "met": worst < target}
    print(found)
    return found


def measure(
    driver: webdriver.Chrome, address: str, server: int, real: str | None, runs: int, slices: int
) -> list[dict[str, Any]]:
    """Return one entry per case and kind of wait; the first opening, which loads libraries, counts for nothing."""
    driver.get(address)
    until(lambda: drawn_case(driver).endswith(PHANTOM))
    labels = [PHANTOM] if real is None else [real, PHANTOM]
    firsts: dict[str, list[tuple[float, float]]] = {label: [] for label in labels}
    changes: dict[str, list[tuple[float, float]]] = {label: [] for label in labels}
    for run in range(runs + 1):
        for label in labels:
            if label != PHANTOM or real is not None:
                firsts[label].append(choose(driver, label, server))
            if run == 0:
                continue
            until(lambda label=label: drawn_case(driver).endswith(f"-{label}"))
            keys = [Keys.ARROW_RIGHT if n % 8 < 4 else Keys.ARROW_LEFT for n in range(-(-slices // runs))]
            changes[label] += [next_slice(driver, key) for key in keys]
    table = []
    for label in labels:
        name = "the phantom" if label == PHANTOM else "a BraTS case"
        if firsts[label]:
            table.append(entry(f"first picture of {name}", firsts[label][1:], 3.0, "server_processor"))
        table.append(entry(f"next slice of {name}", changes[label], 0.15, "drawing"))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--slices", type=int, default=40)
    options = parser.parse_args()
    found = [] if options.data is None else [one for one in find_inputs(options.data, any_grid=True) if one.case]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        words = command(Settings(options.data), port, 50, browser=False)
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": scratch})
        try:
            until(lambda: _answers(port))
            driver = open_browser(scratch)
            try:
                real = found[0].id if found else None
                table = measure(driver, f"http://127.0.0.1:{port}", server.pid, real, options.runs, options.slices)
            finally:
                driver.quit()
        finally:
            server.terminate()
            server.wait()
    facts = {"cores": os.cpu_count(), "load_before": round(load, 1), "figures": table}
    write_text(RESULTS / "app-speed.json", json.dumps(facts, indent=1) + "\n")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
