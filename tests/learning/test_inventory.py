"""The data sheet of the shipped corpus."""

from __future__ import annotations

from scanner.learning import corpus, inventory


def test_the_data_sheet_counts_what_is_there(projected):
    """Its tables are those of the corpus; `make sheets` writes them anew."""
    sheet = (corpus.shipped() / "DATASHEET.md").read_text("utf-8")
    assert inventory.as_text(projected) in sheet


def test_every_file_of_the_corpus_is_described(everything):
    """The README has a row for each writer, with the number of his messages."""
    readme = (corpus.shipped() / "README.md").read_text("utf-8")
    for writer in {one.writer for one in everything}:
        count = sum(one.writer == writer for one in everything)
        assert f"| {writer}.jsonl | {count} |" in readme
