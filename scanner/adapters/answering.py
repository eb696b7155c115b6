"""The daemon's end of the private local socket: it answers its own user's programs, in threads."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.adapters import local, lock
from scanner.config import Seconds
from scanner.errors import UnreadableError, slip

if TYPE_CHECKING:
    from scanner.adapters.local import Values

log = logging.getLogger("unflub")

_QUESTION: Seconds = 10  # for a question to come in, and for its answer to be taken
_AT_ONCE = 8  # a ninth is turned away, and checks by itself
_PAUSE: Seconds = 0.1  # after an accept that failed: too many files may be open


@contextmanager
def answering(answer: Callable[[Values], Values]) -> Iterator[None]:
    """Answer questions until the end of the context, unless another daemon does.

    What goes wrong is logged and does no harm: a program that gets no answer checks by itself.
    """
    with ExitStack() as stack:
        listener = _listener(stack, local.path())
        if listener:
            stack.enter_context(_Server(listener, answer).serving())
        yield


def _listener(stack: ExitStack, place: Path) -> socket.socket | None:
    """Bind the socket for this user alone; one that a dead daemon left behind is replaced."""
    if sys.platform == "win32":  # Python knows no such sockets there
        return None
    try:
        if not stack.enter_context(lock.tried(place.with_name("check.guard"))):
            return None
        place.parent.chmod(0o700)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        place.unlink(missing_ok=True)
        listener.bind(str(place))
        stack.callback(place.unlink, missing_ok=True)
        place.chmod(0o600)
        listener.listen()
    except (OSError, UnreadableError) as error:
        reason = getattr(error, "strerror", None) or "its path is too long, or not ours to write"
        log.warning("checks before Send do without the daemon: no socket %s (%s)", place, reason)
        return None
    return listener


@dataclass(frozen=True, slots=True)
class _Server:
    """Takes questions in, each in a thread of its own."""

    listener: socket.socket
    answer: Callable[[Values], Values]
    places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_ONCE))
    closed: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve in a thread of its own."""
        thread = threading.Thread(target=self._serve, name="answering", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closed.set()
            with suppress(OSError):  # it wakes the thread; macOS says that it is not connected
                self.listener.shutdown(socket.SHUT_RDWR)
            thread.join(2 * _PAUSE)

    def _serve(self) -> None:
        while not self.closed.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                self.closed.wait(_PAUSE)
                continue
            if not self.places.acquire(blocking=False):
                sock.close()
                continue
            try:
                threading.Thread(target=self._attend, args=(sock,), daemon=True).start()
            except RuntimeError:  # the system lets us have no more threads
                self.places.release()
                sock.close()

    def _attend(self, sock: socket.socket) -> None:
        """Answer one question; whatever is wrong with who asks ends here."""
        try:
            with sock, suppress(OSError, ValueError):
                if local.is_ours(sock):
                    question = local.received(sock, time.monotonic() + _QUESTION)
                    answer = local.line(self.answer(question))
                    sock.settimeout(_QUESTION)
                    sock.sendall(answer)
        except Exception as error:  # noqa: BLE001 - a slip
            log.error("a check was not answered: %s", slip(error))  # noqa: TRY400
        finally:
            self.places.release()
