"""`make sheets`: put the counts into the data sheet, and what was measured into the model card.

`make card` measures the shipped model anew before.
"""

from __future__ import annotations

import re
from typing import Any

import click

from scanner import terminal, training
from scanner.learning import card, corpus, inventory, shelf

COUNTS = re.compile(r"(<!-- counts: .*? -->\n).*?(<!-- /counts -->)", re.DOTALL)


@click.command()
@click.option("--measure", is_flag=True, help="Measure anew: an hour or two.")
@click.option("--groups", type=int, help="Hold out so many groups of writers: quicker.")
@click.option("--background", multiple=True, help="The mail that the shipped model was made with.")
@click.option("--ordinary", multiple=True, help="Mail without notes to count false alarms in.")
def main(
    *, measure: bool, groups: int | None, background: tuple[str, ...], ordinary: tuple[str, ...]
) -> None:
    """Rewrite both files; the model itself stays as it is."""
    found: dict[str, Any] | None = None
    if measure:
        material = training.Material(background=background, ordinary=ordinary)
        with terminal.progress("measuring") as progress:
            found = training.remeasured(material, groups, progress)
    folder = corpus.shipped()
    sheet = folder / "DATASHEET.md"
    counts = inventory.as_text([corpus.project(one) for one in corpus.read([folder])])
    text = COUNTS.sub(lambda found: f"{found[1]}{counts}\n{found[2]}", sheet.read_text("utf-8"))
    sheet.write_text(text, "utf-8")
    card.renew(shelf.shipped(), found)


if __name__ == "__main__":
    main()
