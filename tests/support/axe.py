"""axe-core, which finds what is wrong with a page for who sees or types otherwise."""

from __future__ import annotations

from importlib.resources import files


def source() -> str:
    """The script, to be run in the page."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
