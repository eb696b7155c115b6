"""`make bench`: how fast a scan is beside the parsers alone. `make bench-scale`: and how big.

MBOX names archives, as many as you like; without one there is the labelled corpus. What is
compared runs alternating, on a machine that may be busy: look at the ratios. A scan is timed as a
whole, with its start; how fast it is once it has begun is told of little mail by the same ten times
over, with altered ids. For the second table the first archive is repeated up to SCALE messages.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path

from support.corpus_mbox import corpus_mbox
from support.processes import peak_memory

from scanner.adapters.sources import walk

ROUNDS = 3
TIMES = 10
LITTLE = 10_000  # messages: of more the start is next to nothing
_COMPARED = (" alone", ", whole program")
_BEGUN = "{}, once begun"
SCALE = "1000 10000 100000"
_SCAN = ("-m", "scanner", "scan", "--format", "jsonl")
# As an installed program is: compiled once, and printing more than a line at a time.
_SURROUNDINGS = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
}
_ID = re.compile(rb"^(Message-ID:[ \t]*<)", re.IGNORECASE | re.MULTILINE)

# Each in a process of its own, on one core, without the time to start.
_PARSING = """
import email, os, sys, time, mailparser
from scanner.adapters.sources import walk
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
parse = {"compat32": email.message_from_bytes, "mail-parser": mailparser.parse_from_bytes}
raws = [message.raw for message in walk(sys.argv[2:])]
start = time.perf_counter()
for raw in raws:
    try:
        parse[sys.argv[1]](raw)
    except AttributeError:  # known of mail-parser on hard messages
        pass
print(time.perf_counter() - start)
"""

# The same as a whole program, which is timed from outside, as a scan is.
_PROGRAM = """
import os, sys, mailparser
from scanner.adapters.sources import walk
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for message in walk(sys.argv[1:]):
    try:
        mailparser.parse_from_bytes(message.raw)
    except AttributeError:
        pass
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="unflub-bench-") as name:
        folder = Path(name)
        named = [Path(path) for path in os.environ.get("MBOX", "").split()]
        boxes = named or [corpus_mbox(folder)]
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if sys.argv[1:] == ["scale"]:
            _scale(boxes[0], folder)
        else:
            for some in [[box] for box in boxes] + ([boxes] if len(boxes) > 1 else []):
                _speed(some, folder)


def _speed(boxes: Sequence[Path], folder: Path) -> None:
    messages = sum(1 for _ in walk(map(str, boxes)))
    print(f"\n{messages} messages of {', '.join(box.name for box in boxes)}")
    scans: dict[str, list[str]] = {"unflub scan": [], "unflub scan --jobs 2": ["--jobs", "2"]}
    tried: dict[str, Callable[[], float]] = {
        "compat32 alone": lambda: _parsing("compat32", boxes),
        "mail-parser alone": lambda: _parsing("mail-parser", boxes),
        "mail-parser, whole program": lambda: _seconds("-c", _PROGRAM, *map(str, boxes)),
        **{name: partial(_scanning, boxes, *options) for name, options in scans.items()},
    }
    if messages < LITTLE:
        long = [_long(box, folder) for box in boxes]
        for name, options in scans.items():
            tried[_BEGUN.format(name)] = partial(_scanning, long, *options)
    times: dict[str, list[float]] = {name: [] for name in tried}
    for _ in range(ROUNDS):
        for name, measure in tried.items():
            times[name].append(measure())
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name in scans:
        if (begun := _BEGUN.format(name)) in medians:
            medians[begun] = (medians[begun] - medians[name]) / (TIMES - 1)
    for name, seconds in medians.items():
        alone, whole = (medians[f"mail-parser{how}"] / seconds for how in _COMPARED)
        print(
            f"  {name:31} {messages / seconds:8.0f} messages/s   "
            f"{alone:5.2f} of mail-parser alone, {whole:5.2f} of its whole program"
        )


def _long(box: Path, folder: Path) -> Path:
    path = folder / f"{TIMES} times {box.name}"
    if not path.exists():
        with path.open("wb") as file:
            file.writelines(_repeated(box, TIMES * sum(1 for _ in walk([str(box)]))))
    return path


def _parsing(parser: str, boxes: Sequence[Path]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _PARSING, parser, *map(str, boxes)],
        capture_output=True, text=True, check=True, env=_SURROUNDINGS,
    )  # fmt: skip
    return float(done.stdout)


def _scanning(boxes: Sequence[Path], *options: str) -> float:
    """Time the whole command, its start and the loading of the model included."""
    return _seconds(*_SCAN, *options, *map(str, boxes))


def _seconds(*arguments: str) -> float:
    """Time a whole program from outside; only where it fails has it anything to say."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        env=_SURROUNDINGS,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.stderr:
        sys.exit(done.stderr)
    return seconds


def _scale(box: Path, folder: Path) -> None:
    print(f"\n{box.name} repeated with altered ids")
    each = _parsing("mail-parser", [box]) / sum(1 for _ in walk([str(box)]))
    for count in map(int, os.environ.get("SCALE", SCALE).split()):
        path = folder / "repeated.mbox"
        with path.open("wb") as file:
            file.writelines(_repeated(box, count))
        for jobs in ("1", "2"):
            start = time.perf_counter()
            command = [sys.executable, *_SCAN, "--jobs", jobs, str(path)]
            peak = peak_memory(command, _SURROUNDINGS)
            seconds = time.perf_counter() - start
            print(
                f"  {count:8} messages, {jobs} at a time {seconds:8.1f} s "
                f"{count / seconds:8.0f} messages/s {peak:6.0f} MiB at most   "
                f"{each * count / seconds:5.2f} of mail-parser"
            )


def _repeated(box: Path, count: int) -> Iterator[bytes]:
    """Write so many messages, each of which is another to whoever looks at ids."""
    rounds = (enumerate(walk([str(box)])) for _ in cycle([None]))
    for number, (_, message) in enumerate(islice(chain.from_iterable(rounds), count)):
        raw = _ID.sub(rb"\g<1>%d." % number, message.raw.replace(b"\r\n", b"\n"), count=1)
        escaped = re.sub(rb"^(>*From )", rb">\1", raw, flags=re.MULTILINE)
        yield b"From a@example.org Mon Jan  1 00:00:00 2024\n" + escaped + b"\n\n"


if __name__ == "__main__":
    main()
