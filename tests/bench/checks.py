"""`make bench`: what a check before Send costs, with a daemon and without, beside `python -c pass`.

Machines differ and are noisy, so the ratios are what to compare.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext

from support.notes import FLUBBED, OPENING, STRENGTH, note

from scanner import checking
from scanner.adapters import answering
from scanner.core.classify import Policy
from scanner.judging import JudgingProcess

TIMES = 15
MESSAGES = {
    "a flub note": FLUBBED,
    "a clean note": note(OPENING, STRENGTH),
    "ordinary mail": note("The pump of line 4 stopped at noon.", "Parts come on Friday."),
    "ordinary, 1 MiB": note("The pump of line 4 stopped.", "Parts are late. " * 65_000),
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="unflub-bench-") as name:
        os.environ.update(XDG_STATE_HOME=name, XDG_CONFIG_HOME=name, UNFLUB_CONFIG="")
        with daemon():
            _round_trips()
        _commands()


@contextmanager
def daemon():
    judge = JudgingProcess(None, Policy())
    judge.start()
    with answering.answering(lambda question: checking.answer(judge, question)):
        checking.verdicts(list(MESSAGES.values()))  # the encoder is loaded by now
        yield
    judge.close()


def _round_trips() -> None:
    print(f"one check by a daemon that has the model loaded, median of {4 * TIMES}")
    for name, raw in MESSAGES.items():
        print(f"  {name:24} {_median(lambda raw=raw: checking.verdicts([raw])):8.1f} ms")


def _commands() -> None:
    unflub = [sys.executable, "-m", "scanner"]
    print(f"the whole command, median of {TIMES}, and times python -c pass")
    for place, around in (("with a daemon", daemon), ("without", nullcontext)):
        with around():
            bare = _run([sys.executable, "-c", "pass"], b"")
            print(f"  {place}: python -c pass      {bare:8.1f} ms")
            for name, raw in MESSAGES.items():
                took = _run([*unflub, "check"], raw)
                print(f"    check, {name:20} {took:8.1f} ms   {took / bare:5.1f}")
            took = _run([*unflub, "sendmail", "--", "true"], MESSAGES["ordinary mail"])
            print(f"    sendmail, ordinary mail     {took:8.1f} ms   {took / bare:5.1f}")


def _run(command: list[str], raw: bytes) -> float:
    def once() -> None:
        subprocess.run(command, input=raw, stdout=subprocess.DEVNULL, check=False)

    return _median(once, TIMES)


def _median(work: Callable[[], object], times: int = 4 * TIMES) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
