"""The app as a user sees it: what the tests do in a browser, in words."""

import json
import os
import time
from pathlib import Path

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

AXE = Path(__file__).parent / "axe" / "axe.min.js"
#: Share of coloured pixels of every picture in the viewer.
_COLOURED = """
return [...document.querySelectorAll('.panel canvas')].map((canvas) => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let coloured = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b] = [pixels[i], pixels[i + 1], pixels[i + 2]];
    if (Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured += 1;
  }
  return [canvas.getAttribute('aria-label'), coloured / (pixels.length / 4)];
});
"""


class Page:
    """One browser on the app."""

    def __init__(self, driver, address, downloads, patience):
        self.driver, self.address, self.downloads, self.patience = driver, address, downloads, patience

    def shot(self, name):
        """Keep a picture of the window where ``TUMORSCOPE_SCREENSHOTS`` names a folder, for looking at it by eye."""
        folder = os.environ.get("TUMORSCOPE_SCREENSHOTS")
        if folder:
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))

    def wait(self, condition):
        """Wait until ``condition(driver)`` gives something; pages redraw, so stale elements count as nothing yet."""
        missing = [StaleElementReferenceException, IndexError, StopIteration]
        try:
            return WebDriverWait(self.driver, self.patience, 0.2, missing).until(condition)
        except TimeoutException:
            self.shot("failed")
            raise

    def open(self, path=""):
        self.driver.get(f"{self.address}/{path}")

    def find(self, css, text=None):
        """Return the first element shown that matches, when it is there."""

        def found(driver):
            shown = [e for e in driver.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()]
            return next(e for e in shown if text is None or e.text.strip() == text) if shown else None

        return self.wait(found)

    def has(self, css):
        return bool(self.driver.find_elements(By.CSS_SELECTOR, css))

    def press(self, text, css="button"):
        self.click(self.find(css, text))

    def click(self, element):
        """Click where nothing lies over it: in the middle of the window."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def text(self, css):
        return self.wait(lambda _: self.find(css).text)

    def enter_viewer(self, layer="scan_FLAIR"):
        """Go into the viewer's frame when it shows a case with ``layer``."""
        self.leave_viewer()
        self.driver.switch_to.frame(self.find("iframe[title*='scan_viewer']"))
        self.wait(lambda d: layer in (d.find_element(By.TAG_NAME, "body").get_attribute("data-layers") or "").split())

    def leave_viewer(self):
        self.driver.switch_to.default_content()

    def drawn(self):
        """Return how often the viewer drew, and how long the last time took in ms."""
        body = self.driver.find_element(By.TAG_NAME, "body")
        return int(body.get_attribute("data-drawn")), float(body.get_attribute("data-milliseconds"))

    def redrawn(self, action):
        """Do something in the viewer and return the milliseconds of the redraw."""
        before = self.drawn()[0]
        action()
        self.wait(lambda _: self.drawn()[0] > before)
        return self.drawn()[1]

    def view(self, name):
        self.redrawn(lambda: self.click(self.find(f"button[data-layout='{name}']")))

    def coloured(self):
        """Return picture → share of its pixels that is in colour."""
        return dict(self.driver.execute_script(_COLOURED))

    def segment(self):
        """Press the button and wait for the volumes; return region → text."""
        self.leave_viewer()
        self.press("Segment", "[data-testid='stSidebar'] button")
        return self.volumes()

    def volumes(self):
        self.leave_viewer()
        self.find("table[aria-label='Volumes']")
        rows = self.wait(lambda d: d.find_elements(By.CSS_SELECTOR, "tr[data-region]"))
        return {row.get_attribute("data-region"): row.find_element(By.TAG_NAME, "b").text for row in rows}

    def unfold(self, title):
        """Open an expander; a click is lost where the page is drawn anew just then, so it is repeated."""

        def opened(driver):
            boxes = driver.find_elements(By.CSS_SELECTOR, "[data-testid='stExpander'] details")
            box = next(b for b in boxes if title in b.text)
            if box.get_attribute("open") is not None:
                return True
            self.click(box.find_element(By.TAG_NAME, "summary"))
            time.sleep(0.5)
            return box.get_attribute("open") is not None

        self.wait(opened)

    def upload(self, *paths):
        """Hand files in through the form."""
        self.leave_viewer()
        self.unfold("Open your own scans")
        box = self.wait(lambda d: d.find_element(By.CSS_SELECTOR, "[data-testid='stSidebar'] input[type='file']"))
        box.send_keys("\n".join(map(str, paths)))
        for path in paths:
            self.wait(
                lambda d, name=path.name: name in d.find_element(By.CSS_SELECTOR, "[data-testid='stSidebar']").text
            )
        self.press("Open", "[data-testid='stSidebar'] button")

    def download(self, label, ending):
        """Press a download button and return the file when it is whole."""
        self.press(label)
        return self.wait(lambda _: next((p for p in self.downloads.glob(f"*{ending}") if p.stat().st_size), None))

    def violations(self):
        """Return what axe-core finds in the current document that is serious or critical."""
        self.driver.execute_script(AXE.read_text(encoding="utf-8"))
        run = "axe.run(document, {iframes: false}).then((r) => arguments[0](JSON.stringify(r.violations)))"
        found = json.loads(self.driver.execute_async_script(run))
        bad = [v for v in found if v["impact"] in ("serious", "critical")]
        return {v["id"]: [node["html"][:200] for node in v["nodes"]][:3] for v in bad}
