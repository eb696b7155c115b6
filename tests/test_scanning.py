"""Messages to rows, here or by an executor."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from support.notes import CLEAN, FLUBBED

from scanner.adapters.single import Message
from scanner.core.classify import Policy
from scanner.core.report import as_record
from scanner.errors import UnreadableError
from scanner.learning import shelf
from scanner.rows import Terms
from scanner.scanning import in_order, processes, rows

TERMS = Terms(shelf.shipped(), Policy())
LARGE = b"X-Fill: " + b"x" * 200_000 + b"\r\n"


def test_an_executor_gives_the_same_rows_in_the_same_order():
    """What is spread over workers comes back as if it had been done here."""
    raws = [FLUBBED, CLEAN, b"\0" * 100] * 15
    messages = [Message(f"{n}", LARGE + raw) for n, raw in enumerate(raws)]
    messages.insert(3, Message("gone", error=UnreadableError("broken: gone")))
    with ThreadPoolExecutor(2) as executor:
        spread = [as_record(r, with_text=True) for r in rows(messages, TERMS, executor, 2)]
    assert spread == [as_record(r, with_text=True) for r in rows(messages, TERMS)]
    assert [record["source"] for record in spread] == [m.source for m in messages]


def test_only_so_many_items_are_under_way():
    """The source is read as the answers are taken, so memory stays small."""
    taken = []

    def source():
        for number in range(100):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(1) as executor:
        answers = in_order(executor, str, source(), ahead=4)
        for number in range(50):
            assert next(answers) == str(number)
            assert len(taken) <= number + 4


def test_a_worker_that_dies_is_one_clear_error():
    """The user learns what to do now."""

    class Dying(ThreadPoolExecutor):
        def submit(self, *_):
            future = Future()
            future.set_exception(BrokenProcessPool())
            return future

    with Dying(1) as executor, pytest.raises(UnreadableError, match="fewer --jobs"):
        list(in_order(executor, str, range(3), ahead=2))


@pytest.mark.skipif(sys.platform == "win32", reason="there it takes effect a little later")
def test_ctrl_c_ends_no_process_that_is_only_beginning():
    """It reaches all that run in a terminal, and is for the one that the others work for."""
    with processes(2) as (executor, _):
        answers = [executor.submit(pow, 2, number) for number in range(2)]
        for child in multiprocessing.active_children():
            os.kill(child.pid, signal.SIGINT)
        assert [answer.result() for answer in answers] == [1, 2]


@pytest.mark.parametrize(
    ("terms", "passages"),
    [
        (Terms(TERMS.model, TERMS.policy, categories=frozenset({"pretext"})), 0),
        (Terms(TERMS.model, TERMS.policy, least=1.0), 0),
        (TERMS, 1),
    ],
    ids=["category", "confidence", "all"],
)
def test_only_the_passages_asked_for_count(terms, passages):
    """Without one, a note is as good as clean: no severity, and no share."""
    (row,) = rows([Message("a", FLUBBED)], terms)
    record = as_record(row)
    assert len(record["passages"]) == passages
    assert (record["severity"] == "none") is (record["share"] == 0) is (passages == 0)
    assert record["kind"] == "thank_you"
