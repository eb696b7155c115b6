"""The report of a training in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from support.browser import (
    browser,
    check_paper,
    heading_levels,
    prefer,
    requests,
    violations,
    width_on,
)
from support.trials import GROWTH, made_up

from scanner.learning import report


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Iterator[WebDriver]:
    folder = tmp_path_factory.mktemp("trial")
    path = report.write(made_up(), folder, GROWTH)
    with browser(folder / "profile") as driver:
        driver.get(path.as_uri())
        yield driver


def test_the_page_asks_for_nothing(shown):
    """One file is all there is; sentences that hold links and scripts are only shown."""
    requests(shown)  # those of the browser's own first page
    shown.refresh()
    asked = requests(shown)
    assert {address for address in asked if not address.startswith("data:")} == {shown.current_url}
    assert shown.get_log("browser") == []
    assert shown.find_elements(By.CSS_SELECTOR, "script, link, iframe") == []


def sources(driver: WebDriver) -> set[str]:
    """Which pictures are shown."""
    return {one.get_property("currentSrc") for one in driver.find_elements(By.TAG_NAME, "img")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_used_by_everybody(shown, scheme):
    """Contrast, landmarks, headings and texts of pictures are as axe-core asks."""
    prefer(shown, scheme)
    assert violations(shown) == []


def test_the_pictures_are_there_in_both_inks(shown):
    """Every picture is loaded, has a text, and is another one in the dark."""
    seen = []
    for scheme in ("light", "dark"):
        prefer(shown, scheme)
        pictures = shown.find_elements(By.TAG_NAME, "img")
        assert all(one.get_property("naturalWidth") > 0 for one in pictures)
        assert all(len(one.get_attribute("alt")) > 20 for one in pictures)
        seen.append(sources(shown))
    assert len(seen[0]) == len(seen[1]) == 4
    assert not seen[0] & seen[1]


def test_the_headings_go_down_by_one(shown):
    """One title, and an outline without gaps."""
    levels = heading_levels(shown)
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_is_cut_off_on_a_narrow_screen(shown):
    """Tables scroll by themselves; the page does not."""
    assert width_on(shown, 340) <= 340


def test_the_page_prints(shown):
    """On paper it is dark on white, with the light pictures."""
    prefer(shown, "light")
    light = sources(shown)
    prefer(shown, "dark", "print")
    assert sources(shown) == light
    check_paper(shown)
