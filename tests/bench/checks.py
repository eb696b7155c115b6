"""`make bench`: what a check before Send costs, with a daemon and without, beside `python -c pass`.

Machines differ and are noisy, so the ratios are what to compare: of the best runs of each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from pathlib import Path

from support.notes import FLUBBED, OPENING, STRENGTH, note

from scanner import checking, errands
from scanner.adapters import answering
from scanner.core import pipe
from scanner.core.classify import Policy
from scanner.judging import JudgingProcess

TIMES = 25
MESSAGES = {
    "a flub note": FLUBBED,
    "a clean note": note(OPENING, STRENGTH),
    "ordinary mail": note(
        "The minutes of the meeting are attached.", "Please send me corrections.", subject="Minutes"
    ),
    "ordinary, 1 MiB": note("The pump of line 4 stopped.", "Parts are late. " * 65_000),
}
CONFIG = '[accounts.home]\naddress = "me@example.org"\nhost = "imap.example.org"\n'
UNFLUB = str(Path(sys.executable).with_name("unflub"))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="unflub-bench-") as name:
        config = Path(name, "unflub", "config.toml")
        config.parent.mkdir()
        config.write_text(CONFIG)
        os.environ.update(XDG_STATE_HOME=name, XDG_CONFIG_HOME=name, UNFLUB_CONFIG="")
        # Whoever has installed the program has it compiled as well.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        with daemon():
            _round_trips()
        _commands()


@contextmanager
def daemon():
    judge = JudgingProcess(None, Policy())
    judge.start()
    with answering.answering(lambda question: errands.answer(judge, question)):
        checking.verdicts(list(MESSAGES.values()), Policy(), None)  # the encoder is loaded by now
        yield
    judge.close()


def _round_trips() -> None:
    print(f"one check by a daemon that has the model loaded: best and median of {4 * TIMES}")
    for name, raw in MESSAGES.items():
        best, usual = _timed(lambda raw=raw: checking.verdicts([raw], Policy(), None), 4 * TIMES)
        print(f"  over the socket, {name:16} {best:8.1f} {usual:8.1f} ms")
    with _native_host() as asked:
        for name, raw in MESSAGES.items():
            body = raw.partition(b"\r\n\r\n")[2].decode()
            best, usual = _timed(lambda body=body: asked(body), 4 * TIMES)
            print(f"  by the native host, {name:13} {best:8.1f} {usual:8.1f} ms")


@contextmanager
def _native_host():
    process = subprocess.Popen(
        [UNFLUB, "native-host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    def asked(body: str) -> bytes | None:
        question = {
            "protocol": 1, "id": 1, "ask": "check", "subject": "Thank you", "body": body,
            "html": False, "preset": "", "without": [],
        }  # fmt: skip
        process.stdin.write(pipe.framed(question))
        process.stdin.flush()
        return pipe.read(process.stdout.read)

    with process:
        asked("")
        yield asked
        process.stdin.close()


def _commands() -> None:
    print(f"the whole command: best and median of {TIMES}, and the best by that of python -c pass")
    for place, around in (("with a daemon", daemon), ("without", nullcontext)):
        with around():
            bare, usual = _run([sys.executable, "-c", "pass"], b"")
            print(f"  {place}: python -c pass      {bare:8.1f} {usual:8.1f} ms")
            for name, raw in MESSAGES.items():
                for command in (["check"], ["sendmail", "--unasked", "send", "--", "true"]):
                    best, usual = _run([UNFLUB, *command], raw)
                    print(
                        f"    {command[0]:8} {name:20}  {best:8.1f} {usual:8.1f} ms"
                        f"   {best / bare:5.1f}"
                    )


def _run(command: list[str], raw: bytes) -> tuple[float, float]:
    def once() -> None:
        subprocess.run(command, input=raw, stdout=subprocess.DEVNULL, check=False)

    once()  # whatever is compiled once
    return _timed(once, TIMES)


def _timed(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Give the shortest time and the median, in milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    return took[0], took[len(took) // 2]


if __name__ == "__main__":
    main()
