"""Work shared with other processes: this one does its part, too."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from scanner import itself
from scanner.adapters import secrecy
from scanner.errors import UnreadableError

T = TypeVar("T")
R = TypeVar("R")

# What each process is given at a time: one piece to work on, and three that wait. Some take as long
# as several, and who gives may be busy with such a one: nobody need wait for it. As many may be
# done before their turn comes.
_GIVEN = 4


def in_order(
    executor: Executor, work: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[R]:
    """Let an executor work on items, of which so many are under way; answers keep their order."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(work, item))
            while waiting and (len(waiting) >= ahead or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise UnreadableError(
            "a process of the scan was ended, perhaps for want of memory; scan with fewer --jobs"
        ) from None
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def processes(jobs: int, module: str) -> Iterator[tuple[Executor, int]]:
    """Work in so many processes, of which this is one; Ctrl-C ends none but by ending this.

    The others start at once, and load the module that holds their work. With the executor comes
    how many workers it counts for: each process is given `_GIVEN` pieces at a time. Whoever uses
    it must let through no more than one Ctrl-C, as `printing` does.
    """
    itself.heed_in_workers()
    context = _context(module)
    heard = signal.getsignal(signal.SIGINT)
    others = _Processes(jobs - 1, context, initializer=_begin)
    try:
        beginning = [others.submit(_load, module) for _ in range(jobs - 1)]
        others.end_together()
        yield _Shared(others, beginning), jobs * _GIVEN
    except BaseException:  # nobody waits any more for what they have begun: that may take seconds
        others.kill()
        raise
    finally:
        # A Ctrl-C must not break off the end of the others, or they stay for ever. Where the one
        # that is let through comes right here, the inner `finally` still ends them. Not SIG_IGN:
        # Python would complain of one that it had just taken.
        try:
            # Asked for once more: one that comes on the way here leaves all this to the collector,
            # and by then somebody else may hear Ctrl-C.
            heard = signal.signal(signal.SIGINT, lambda *_: None)
        finally:
            others.shutdown(cancel_futures=True)
            signal.signal(signal.SIGINT, heard)


def _context(module: str) -> BaseContext:
    """Fork where that is safe: a copy of this process has all loaded that it needs.

    A lock that another thread holds would stay locked in the copy, so there may be none; what is
    loaded later starts some. Only Linux counts them, and has no system libraries that mind.
    """
    if sys.platform == "linux":
        import_module(module)
        with suppress(OSError):  # where there is no /proc
            if len(list(Path("/proc/self/task").iterdir())) == 1:
                return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


class _Shared(Executor):
    """Other processes and this one, which does what comes while they are busy, or only beginning.

    So nothing waits for a process that is still loading, and none has more than it needs.
    """

    def __init__(self, others: Executor, beginning: list[Future[None]]) -> None:
        self._others = others
        self._beginning = beginning
        self._given: list[Future[Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have work done by another process, or do it before coming back."""
        self._given = [future for future in self._given if not future.done()]
        if len(self._given) >= self._begun() * _GIVEN:
            return _done(work, *args, **kwargs)
        future = self._others.submit(work, *args, **kwargs)
        self._given.append(future)
        return future

    def _begun(self) -> int:
        """Count the processes that can work; raises what kept one from it."""
        return len([future.result() for future in self._beginning if future.done()])


def _done(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(work(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in its turn
        future.set_exception(error)
    return future


class _Processes(ProcessPoolExecutor):
    """Processes that begin, when there is work, deaf to Ctrl-C and SIGTERM.

    These reach all that run in a terminal, or by `timeout`, and until `_begin` is loaded they would
    end them, each with a traceback. Whoever ended one amid an answer would have the scan wait for
    the rest of that for ever.
    """

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have work done by a process, as ever; a Ctrl-C of this moment comes just after it."""
        if sys.platform == "win32":
            return super().submit(*args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            # Processes inherit what is blocked. Where a Ctrl-C of just before is raised here, it is
            # blocked already, and `finally` undoes that.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            return super().submit(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def kill(self) -> None:
        """End all at once; `shutdown` then finds them dead."""
        for one in list(vars(self)["_processes"].values()):
            one.kill()

    def end_together(self) -> None:
        """See to it that all end with the first one, which none does before its work is done.

        One may be killed, for want of memory, amid an answer. The pool would wait for the rest of
        it as long as any process could write that, this one included: so this one closes the end
        it could write at, and the one it could read work at (for Python before 3.11.5).
        """
        inside: dict[str, Any] = vars(self)
        processes = inside["_processes"]
        if len(processes) == inside["_max_workers"]:  # one that began later would want them
            inside["_result_queue"]._writer.close()  # noqa: SLF001 - nothing else gives it
            inside["_call_queue"]._reader.close()  # noqa: SLF001
        # It must not hold the pool, which the collector may have to end.
        threading.Thread(target=_end_all, args=[processes], daemon=True).start()


def _end_all(processes: dict[int, BaseProcess]) -> None:
    """Wait until one has ended, and end all; they are deaf to the SIGTERM of the pool."""
    wait([one.sentinel for one in processes.values()])
    for one in list(processes.values()):
        one.kill()


def _load(module: str) -> None:
    import_module(module)


def _begin() -> None:
    secrecy.no_words_of_libraries()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # What was made is sent; to take the rest apart piece by piece lasts as long as a batch or two.
    atexit.register(os._exit, 0)
    threading.Thread(target=_end_with, args=[multiprocessing.parent_process()], daemon=True).start()


def _end_with(parent: BaseProcess | None) -> None:
    """End when the scan does, however that ended: nothing tells a process that waits for work.

    Of several copies the last one does at once, and each of the others after it.
    """
    if parent:
        parent.join()
    os._exit(1)
