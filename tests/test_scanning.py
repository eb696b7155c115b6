"""Messages to rows, here or by an executor."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import repeat

import pytest
from support.notes import CLEAN, FLUBBED, OPENING, note
from support.phrases import JUDGE

from scanner.adapters.single import Message
from scanner.core.classify import Policy
from scanner.core.report import as_record
from scanner.errors import UnreadableError
from scanner.learning import shelf
from scanner.rows import Terms, judged
from scanner.scanning import rows
from scanner.sharing import in_order, processes

TERMS = Terms(shelf.shipped(), Policy())
LUNCH = b"From: a@example.org\r\nMessage-ID: <1@x>\r\nSubject: Lunch\r\n\r\nIt is at one.\r\n"
LARGE = b"X-Fill: " + b"x" * 200_000 + b"\r\n"


def test_an_executor_gives_the_same_rows_in_the_same_order():
    """What is spread over workers comes back as if it had been done here."""
    raws = [FLUBBED, CLEAN, LUNCH, b"\0" * 100] * 15
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


def test_who_breaks_off_waits_for_nobody():
    """What others have begun, and what waits for them, would take a while."""

    def scan():
        with processes(2, "math") as (executor, _):
            while executor.submit(os.getpid).result() == os.getpid():
                pass
            for _ in range(3):
                executor.submit(time.sleep, 600)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan()


@pytest.mark.skipif(sys.platform == "win32", reason="there nothing is killed like this")
def test_where_a_process_was_killed_the_others_end(tmp_path):
    """The user learns of it at once: nothing waits for one that is busy still."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def scan():
        with processes(3, "math") as (executor, _):
            killed = workers(executor, 3)[1]
            for _ in range(2):
                executor.submit(pipe.read_bytes)
            os.kill(killed, signal.SIGKILL)
            list(in_order(executor, abs, repeat(1), ahead=6))

    with pytest.raises(UnreadableError, match="fewer --jobs"):
        scan()
    assert multiprocessing.active_children() == []


HALF_SENT = """
import multiprocessing, os, signal
from itertools import repeat
from multiprocessing.connection import Connection
from scanner.errors import UnreadableError
from scanner.sharing import in_order, processes

SCAN = os.getpid()

def send_half(self, content):
    os.write(self.fileno(), bytes(content)[: len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

def work(piece):
    if os.getpid() != SCAN:
        Connection._send = send_half

if __name__ == "__main__":
    try:
        with processes(3, "math") as (executor, ahead):
            list(in_order(executor, work, repeat(None), ahead))
    except UnreadableError as error:
        print(error, multiprocessing.active_children())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there nothing is killed like this")
def test_a_process_that_was_killed_amid_its_answer_is_missed_as_well(tmp_path):
    """Nobody waits for the other half, which the kernel does not let it send."""
    (tmp_path / "half_sent.py").write_text(HALF_SENT)
    done = subprocess.run(
        [sys.executable, "half_sent.py"], cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("fewer --jobs []\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there it takes effect a little later")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_no_process_that_is_only_beginning(number):
    """It reaches all that run in a terminal, and is for the one that the others work for."""
    with processes(2, "math") as (executor, _):
        for child in multiprocessing.active_children():
            os.kill(child.pid, number)
        assert len(workers(executor, 2)) == 2


def workers(executor: Executor, number: int) -> list[int]:
    """Have it work until so many processes did, in the order in which they were seen."""
    seen: list[int] = []
    while len(seen) < number:
        pid = executor.submit(os.getpid).result()
        seen += [pid] if pid not in seen else []
    return seen


def test_whoever_shares_work_does_it_until_others_have_begun():
    """The first rows come as soon as those of one process alone, and nobody is idle later."""
    with processes(3, "math") as (executor, _):
        first, *others = workers(executor, 3)
        assert first == os.getpid()
        assert set(others) == {child.pid for child in multiprocessing.active_children()}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no named pipes like these")
def test_no_process_is_given_more_than_the_next_pieces_of_work(tmp_path):
    """While it is busy with one, and three wait, the rest stays with who can do it."""
    pipes = [tmp_path / str(number) for number in range(4)]
    with processes(2, "math") as (executor, _):
        workers(executor, 2)
        for pipe in pipes:
            os.mkfifo(pipe)
        busy = [executor.submit(pipe.read_bytes) for pipe in pipes]
        assert workers(executor, 1) == [os.getpid()]
        for pipe in pipes:
            pipe.write_bytes(b"done")
        assert [future.result() for future in busy] == [b"done"] * 4


INTERRUPTED = """
import multiprocessing, os, signal, sys, time
from itertools import repeat
from pathlib import Path
from scanner.core.report import Row, Tally
from scanner.errors import UnreadableError
from scanner.printing import Printing
from scanner.sharing import processes

PIPE = Path("pipe")

def interrupt(pid):
    PIPE.read_bytes()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        os.kill(pid, signal.SIGINT)

def rows(number):
    with processes(2, "math") as (executor, _):
        while executor.submit(os.getpid).result() == os.getpid():
            pass
        os.mkfifo(PIPE)
        executor.submit(interrupt, os.getpid())
        PIPE.write_bytes(b"now")
        yield from repeat(Row("a.eml", "outgoing", UnreadableError("broken")), number)

if __name__ == "__main__":
    before = signal.getsignal(signal.SIGINT)
    try:
        Printing("jsonl", Path("rows"), quiet=True).print(rows(int(sys.argv[1])), Tally())
    except KeyboardInterrupt:
        pass
    print(multiprocessing.active_children(), signal.getsignal(signal.SIGINT) is before)
"""


def interrupted(folder, number, **others) -> int:
    """Print so many rows amid many Ctrl-C, to an orderly end; give how many are there."""
    (folder / "interrupted.py").write_text(INTERRUPTED)
    command = [sys.executable, "interrupted.py", str(number)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, **others
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] True\n", "")
    return len([json.loads(line) for line in (folder / "rows").read_text().splitlines()])


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody is interrupted by a process")
@pytest.mark.parametrize("number", [0, 10**9], ids=["at the end", "amid rows"])
def test_ctrl_c_does_not_keep_the_others_from_their_end(tmp_path, number):
    """Who is in a hurry presses it more than once; it means afterwards what it did before."""
    assert interrupted(tmp_path, number) in range(number + 1)


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody is interrupted by a process")
def test_where_ctrl_c_is_ignored_the_scan_goes_on(tmp_path):
    """Also one that others work for, and so it is afterwards."""
    ignoring = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    assert interrupted(tmp_path, 9999, preexec_fn=ignoring) == 9999


ORPHANED = """
import os, sys
from scanner.sharing import processes

if __name__ == "__main__":
    with processes(2, "math") as (executor, _):
        while (other := executor.submit(os.getpid).result()) == os.getpid():
            pass
        print(other, flush=True)
        sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such end")
def test_no_process_outlives_the_scan_that_it_worked_for(tmp_path):
    """Whatever ended that: nobody would ever tell it."""
    (tmp_path / "orphaned.py").write_text(ORPHANED)
    scan = subprocess.Popen(
        [sys.executable, "orphaned.py"], cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert scan.stdout
    assert scan.stdout.readline().strip().isdigit()
    scan.kill()
    assert scan.stdout.read() == b""  # at its end nobody holds the pipe any more
    scan.communicate()


def test_what_keeps_a_process_from_beginning_is_raised():
    """It would keep all of them."""
    with pytest.raises(ImportError), processes(2, "no_such_module") as (executor, _):
        workers(executor, 2)


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


@pytest.mark.parametrize(
    ("category", "least", "passages"),
    [("excuse", 0.9, 1), ("plea", 0.9, 1), ("pretext", 0.9, 0), ("plea", 0.91, 0)],
)
def test_a_passage_is_found_by_any_category_of_its_sentences(category, least, passages):
    """The one that it is named by hides none of the others."""
    terms = Terms(None, Policy(), categories=frozenset({category}), least=least)
    raw = note(OPENING, "An excuse, a flub. Another excuse, a flub. A plea was my flub.")
    (row,) = judged([Message("a", raw)], terms, JUDGE)
    assert len(row.passages) == passages
