"""A headless Chromium, Debian's, in a fresh profile."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from support import axe
from support.waiting import until

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=800,1200",
)  # fmt: skip
_RUN = (
    "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations));"
)

# Pictures follow a while after the medium does (HTML Standard, "update the image data").
_HAS_CHOSEN = """
    return [...document.images].every(image => {
        const sources = [...image.parentElement.querySelectorAll(":scope > source")];
        const chosen = sources.find(one => matchMedia(one.media).matches);
        return image.complete && image.currentSrc === (chosen ? chosen.srcset : image.src);
    });
"""


@contextmanager
def browser(profile: Path) -> Iterator[WebDriver]:
    """Start it; it logs what it asks the network for, and what it complains of."""
    options = Options()
    options.binary_location = shutil.which("chromium")
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def requests(driver: WebDriver) -> list[str]:
    """The addresses that were asked for since the last time."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def prefer(driver: WebDriver, scheme: str, media: str = "screen") -> None:
    """Show the page as to who likes it light or dark, on a screen or printed."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    until(lambda: driver.execute_script(_HAS_CHOSEN), said=lambda: "a picture is still another one")


def heading_levels(driver: WebDriver) -> list[int]:
    """The levels of the headings, in order."""
    return [int(h.tag_name[1]) for h in driver.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]


def width_on(driver: WebDriver, pixels: int) -> int:
    """How wide the page is on a small screen of so many pixels; more is to be scrolled for."""
    metrics = {"width": pixels, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    width = driver.execute_script("return document.documentElement.scrollWidth")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return width


def check_paper(driver: WebDriver) -> None:
    """Print the page for who likes it dark: dark on white, without what only a screen needs."""
    prefer(driver, "dark", "print")
    assert not driver.find_element(By.TAG_NAME, "nav").is_displayed()
    colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    assert base64.b64decode(driver.print_page()).startswith(b"%PDF")
    prefer(driver, "light")


def violations(driver: WebDriver) -> list[tuple[str, list[Any]]]:
    """What axe-core finds wrong with how the page can be used by everybody."""
    driver.execute_script(axe.source())
    return [(v["id"], [n["target"] for n in v["nodes"]]) for v in driver.execute_async_script(_RUN)]
