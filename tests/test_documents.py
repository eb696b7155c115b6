"""The documents say what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "models/*/*.md", "training_data/*.md")
    for path in ROOT.glob(pattern)
)


def text(document: Path) -> str:
    """Without blocks of code, in which "#" begins a comment."""
    return re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)", text(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    """Each relative link names a file of this tree, and its anchor a heading there."""
    for link in re.findall(r"\]\(([^)\s]+)\)", text(document)):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = document.parent / path if path else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_every_dependency_has_its_line():
    """ARCHITECTURE.md says of each package what it is there for."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = [
        *settings["build-system"]["requires"],
        *settings["project"]["dependencies"],
        *(one for some in settings["project"]["optional-dependencies"].values() for one in some),
        *settings["dependency-groups"]["dev"],
    ]
    table = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## Dependencies")[2]
    rows = " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("|"))
    for one in asked:
        name = re.split(r"[^\w-]", one)[0]
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", rows), name
