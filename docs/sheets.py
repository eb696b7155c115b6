"""`make sheets`: put the counts into the data sheet, and what was measured into the model card."""

from __future__ import annotations

import re

from scanner.learning import card, corpus, inventory, shelf

COUNTS = re.compile(r"(<!-- counts: .*? -->\n).*?(<!-- /counts -->)", re.DOTALL)


def main() -> None:
    """Rewrite both files; the model itself stays as it is."""
    folder = corpus.shipped()
    sheet = folder / "DATASHEET.md"
    counts = inventory.as_text([corpus.project(one) for one in corpus.read([folder])])
    text = COUNTS.sub(lambda found: f"{found[1]}{counts}\n{found[2]}", sheet.read_text("utf-8"))
    sheet.write_text(text, "utf-8")
    card.renew(shelf.shipped())


if __name__ == "__main__":
    main()
