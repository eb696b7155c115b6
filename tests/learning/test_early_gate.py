"""The gate before sentences are cut: measured on the whole corpus, it decides as the model does."""

from __future__ import annotations

import numpy as np
from support.notes import CLEAN, FLUBBED

from scanner.core.classify import Policy
from scanner.core.draft import Draft
from scanner.core.judge import Judge
from scanner.core.report import Row, as_record
from scanner.core.segment import words
from scanner.learning import shelf
from scanner.learning import words as counted
from scanner.learning.corpus import Projected
from scanner.learning.words import message_text
from scanner.rows import Terms
from scanner.scanning import judge

ORDINARY = [
    b"From: a@example.org\r\nSubject: Pump 4\r\n\r\nIt stopped at noon. Parts come soon.\r\n",
    b"Subject: Lunch\r\nFrom: a@example.org\r\n\r\nSorry I was late for lunch today.\r\n",
    b"From: a@example.org\r\nSubject: Hallo\r\n\r\nDas ist ein Brief auf Deutsch, den niemand hier "
    b"lesen kann, und er ist lang genug, damit man das sicher sagen kann.\r\n",
    b"From: a@example.org\r\nSubject: x\r\n\r\n",
]


def test_the_words_of_the_whole_corpus_are_counted_as_the_model_counts_them(
    projected: list[Projected],
):
    """So a message passes the closer look at a glance just if it does when it is cut."""
    for one in projected:
        early = counted.bag(words(Draft(one.sentences.text, one.sentences.subject)))
        late = counted.bag(message_text(one.sentences))
        assert np.array_equal(early.columns, late.columns), one.example.id
        assert np.array_equal(early.counts, late.counts), one.example.id


def test_with_the_gate_a_scan_says_what_it_says_without():
    """Rows are the same, of notes and of what is turned away."""
    terms = Terms(shelf.shipped(), Policy("strict"))
    gated, messages = judge(terms), [FLUBBED, *ORDINARY, CLEAN]
    assert gated.gate
    plain = Judge(gated.classifier, gated.thresholds)

    def records(judging: Judge) -> list[object]:
        return [as_record(Row("a", "outgoing", v), with_text=True) for v in judging(messages)]

    assert records(gated) == records(plain)
