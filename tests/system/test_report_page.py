"""The HTML report in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from support.browser import (
    browser,
    check_paper,
    heading_levels,
    prefer,
    requests,
    violations,
    width_on,
)
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core.page import page
from scanner.core.report import Row, Tally
from scanner.errors import UnreadableError

HOSTILE = '<img src="http://example.org/x.png"><script src="http://example.org/x.js"></script>'


def report() -> str:
    flubbed = note(OPENING, f"That excuse was a flub. {HOSTILE}", STRENGTH, subject="First note")
    received = note(OPENING, "A plea was my flub. " + "x" * 300, STRENGTH, subject="Second note")
    (first, second) = JUDGE([flubbed, received])
    rows = [
        Row("sent.mbox#1", "outgoing", first, day="2025-03-04"),
        Row("Inbox/2.eml", "incoming", second, day="2025-04-05"),
        Row("x.eml", "outgoing", UnreadableError("broken: it is not text")),
    ]
    tally = Tally()
    for row in rows:
        tally.add(row)
    return page(rows, tally)


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Iterator[WebDriver]:
    folder: Path = tmp_path_factory.mktemp("page")
    path = folder / "report.html"
    path.write_text(report(), "utf-8")
    with browser(folder / "profile") as driver:
        driver.get(path.as_uri())
        yield driver


def test_the_page_asks_for_nothing(shown):
    """One file is all there is, even where a note holds links to pictures and scripts."""
    requests(shown)  # those of the browser's own first page
    shown.refresh()
    asked = requests(shown)
    assert set(asked) == {shown.current_url}
    assert shown.get_log("browser") == []
    assert shown.find_elements(By.CSS_SELECTOR, "script, img, link, iframe") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_used_by_everybody(shown, tmp_path, scheme):
    """Contrast, landmarks, headings and labels are as axe-core asks, in light and dark."""
    prefer(shown, scheme)
    assert violations(shown) == []
    picture = tmp_path / f"{scheme}.png"
    assert shown.save_screenshot(str(picture))
    paper = shown.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(27, 26, 24)") is (scheme == "dark")


def test_the_page_has_landmarks_and_an_outline(shown):
    """One main part, a list of the notes, and headings that go down by one."""
    for name in ("main", "nav", "h1"):
        assert len(shown.find_elements(By.TAG_NAME, name)) == 1
    levels = heading_levels(shown)
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_keyboard_is_enough(shown):
    """The first stop skips to the findings, the next ones are the notes."""
    shown.refresh()
    stops = []
    for _ in range(3):
        shown.switch_to.active_element.send_keys(Keys.TAB)
        stops.append(shown.switch_to.active_element.text)
    assert stops == ["Skip to the findings", "First note", "Second note"]
    shown.switch_to.active_element.send_keys(Keys.ENTER)
    assert shown.current_url.endswith("#note-2")


def test_nothing_is_cut_off_on_a_narrow_screen(shown):
    """Long words wrap: there is nothing to scroll sideways for."""
    assert width_on(shown, 340) <= 340


def test_the_page_prints(shown):
    """On paper it is dark on white, without what only a screen needs."""
    check_paper(shown)
