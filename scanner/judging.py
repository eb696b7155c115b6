"""Reading and judging mail in a process of its own, which is let go when there is nothing to do.

Hostile mail can cost that process its time or its memory, never the daemon: what it cannot
read within bounds is answered as not checked. When it ends, the system has all of its memory
back: some 200 MiB for the model.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scanner import itself
from scanner.adapters import secrecy
from scanner.config import Seconds
from scanner.core.classify import Policy
from scanner.core.judge import Judge
from scanner.core.verdict import Check, Verdict, Verdicts
from scanner.errors import ModelError, UnflubError, UnreadableError
from scanner.learning import shelf

if sys.platform != "win32":
    import resource

_START: Seconds = 120  # on a machine that is busy with something else
_BATCH: Seconds = 60  # for twenty drafts; a fair one takes less than a tenth of a second
_ONE: Seconds = 20
_BUSY: Seconds = 5  # a user waits no longer than this for others to be done
_MEMORY = 4 * 2**30
_SHARED = "__import__('socket').fromshare(sys.stdin.buffer.read()).detach()"


class JudgingProcess:
    """A judge that lives in another process; fit to be called from many threads."""

    def __init__(
        self,
        model: Path | None,
        policy: Policy,
        idle: Seconds = 300,
        hidden: AbstractSet[str] = frozenset(),
    ) -> None:
        """`model` is a folder, or None for the one in use; `idle` how long it is kept unused.

        `hidden` are names of environment variables that it is not given, since what judges mail
        needs no password. The model that was in use at first is kept to, until somebody asks for
        another judge.
        """
        self._notice = shelf.Notice() if model is None else None
        self._model, self._policy, self._idle = model, policy, idle
        self._hidden = hidden
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._used: Seconds = 0
        self._closed = False

    def start(self) -> None:
        """Load the model, to know that it can be. Raises ModelError."""
        with self._lock:
            self._begin()

    def __call__(self, messages: Sequence[bytes]) -> Verdicts:
        """Judge messages; what takes too long or too much memory is answered as not checked."""
        if not messages:
            return []
        with self._lock:
            verdicts = self._ask(messages, _BATCH)
            if verdicts is None:  # one of them is to blame: which?
                verdicts = [self._alone(message) for message in messages]
        return verdicts

    def check(self, asked: Check) -> Verdicts | None:
        """Answer somebody else's question, as `loading.judge` does when it sifts.

        None where the process holds another model, or others keep it busy. Raises UnflubError.
        """
        if not self._lock.acquire(timeout=_BUSY):
            return None
        try:
            return self._ask(asked, _ONE)
        finally:
            self._lock.release()

    def is_outdated(self) -> bool:
        """Tell, once, when another model was put in use."""
        return self._notice is not None and self._notice.changed()

    def rest(self) -> None:
        """Let the process go, if nobody needed it for a while."""
        if (
            self._process
            and time.monotonic() - self._used > self._idle
            and self._lock.acquire(blocking=False)
        ):
            try:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process now, whatever it is doing, for good."""
        self._closed = True
        if process := self._process:
            process.kill()

    def _alone(self, message: bytes) -> Verdict | UnreadableError:
        verdicts = self._ask([message], _ONE)
        if verdicts is None:
            return UnreadableError(
                "broken: reading it took too much time or memory; read it once more yourself."
            )
        return verdicts[0]

    def _ask(self, asked: Sequence[bytes] | Check, seconds: Seconds) -> Verdicts | None:
        """Get an answer, or None where there is none, and the process died or had to be ended."""
        connection = self._connection or self._begin()
        try:
            connection.send(asked)
            if not connection.poll(seconds):
                raise TimeoutError
            answer = connection.recv()
        except (OSError, EOFError):
            self._end()
            return None
        finally:
            self._used = time.monotonic()
        if isinstance(answer, ModelError):
            self._end()
            raise answer
        verdicts: Verdicts | None = answer
        return verdicts

    def _begin(self) -> Connection:
        if self._closed:
            raise UnflubError("unflub is stopping; start it again")
        if self._model is None:
            self._model = shelf.installed()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _started(theirs, self._hidden)
        self._connection = connection = Connection(ours.detach())
        try:
            connection.send((self._model, self._policy))
            if connection.poll(_START):
                trouble = connection.recv()
            else:
                trouble = ModelError(
                    "the model does not load in time; try again on an idle machine"
                )
        except (EOFError, OSError):  # it ended before it had read or said anything
            trouble = ModelError("the model cannot be loaded; install unflub anew")
        if trouble:
            self._end()
            raise trouble
        self._used = time.monotonic()
        return connection

    def _end(self) -> None:
        connection, process = self._connection, self._process
        self._connection = self._process = None
        if connection:
            connection.close()
        if process:
            process.kill()
            process.wait()


def _started(line: socket.socket, hidden: AbstractSet[str]) -> subprocess.Popen[bytes]:
    """Start the other process and give it its end of the line, in the system's own way."""
    secrecy.no_core_file()  # the other has this limit from its first moment on
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    if sys.platform == "win32":
        process = subprocess.Popen(  # noqa: S603 - this very Python, here as there
            _command(_SHARED), stdin=subprocess.PIPE, env=environment
        )
        assert process.stdin  # noqa: S101 - it was asked for
        with process.stdin as pipe:
            pipe.write(line.share(process.pid))
        return process
    return subprocess.Popen(  # noqa: S603 - likewise
        _command(str(line.fileno())), pass_fds=[line.fileno()], stdin=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip


def _command(handle: str) -> Sequence[str]:
    return itself.calling("scanner.judging", "serve", handle)


def serve(handle: int) -> None:
    """Be the other process: judge what comes, until the daemon is gone."""
    secrecy.no_core_file()
    secrecy.no_words_of_libraries()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal means the daemon
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with Connection(handle) as connection, suppress(EOFError, OSError):
        bench = _made(connection)
        while bench:
            connection.send(_answer(bench, connection.recv()))
    os._exit(0)  # nothing is left to be tidied up


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the other process judges by: the model's folder, and the daemon's own judge."""

    folder: Path
    judge: Judge

    def answer(self, asked: Sequence[bytes] | Check) -> Verdicts | None:
        from scanner.learning import loading

        if not isinstance(asked, Check):
            return self.judge(asked)
        if shelf.installed(asked.model).resolve() != self.folder.resolve():
            return None
        return loading.judge(self.folder, asked.policy, sift=True)(asked.messages)


def _made(connection: Connection) -> _Bench | None:
    from scanner.learning import loading

    try:
        folder, policy = connection.recv()
        bench = _Bench(folder, loading.judge(folder, policy, sift=False))
        bench.judge.classifier.predict([])
    except UnflubError as error:
        connection.send(error)
        return None
    connection.send(None)
    return bench


def _answer(bench: _Bench, asked: Sequence[bytes] | Check) -> Any:
    try:
        return bench.answer(asked)
    except ModelError as error:
        return error
    except Exception:  # noqa: BLE001 - MemoryError and slips: one message must not blind us
        return None
