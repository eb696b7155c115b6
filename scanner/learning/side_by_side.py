"""Long computations side by side, each in a process of its own, with one bar for all of them."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from typing import TypeVar

from scanner import itself

_EVERY = 0.5  # seconds

Given = TypeVar("Given")
Made = TypeVar("Made")
Tell = Callable[[float], None]
"""Hears how much is done, from 0 to 1."""


def side_by_side(
    work: Callable[[Given, Tell], Made], given: Sequence[Given], at_once: int, tell: Tell
) -> list[Made]:
    """Do the work for each of what is given, so many at once; give the results in order.

    The work, what it is given and what it makes go from process to process and have to be
    picklable. Once interrupted, or where one of them failed, the others end when they next tell
    how far they are.
    """
    # Not fork: torch has threads, and what drives an accelerator cannot be shared.
    context = multiprocessing.get_context("spawn")
    itself.heed_in_workers()
    shares, ended = context.Array("d", len(given)), context.Event()
    with ProcessPoolExecutor(at_once, context, _begin, (shares, ended)) as pool:
        futures = [pool.submit(_work, work, one, place) for place, one in enumerate(given)]
        try:
            pending = set(futures)
            while pending:
                done, pending = wait(pending, _EVERY)
                tell(sum(shares[:]) / len(given))
                for future in done:
                    future.result()  # raises what went wrong, without waiting for the others
            return [future.result() for future in futures]
        finally:
            ended.set()


_shares: SynchronizedArray[float]
_ended: Event


def _begin(shares: SynchronizedArray[float], ended: Event) -> None:
    """Remember, in a process that has just started, what all of them share."""
    global _shares, _ended
    _shares, _ended = shares, ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it


def _work(work: Callable[[Given, Tell], Made], given: Given, place: int) -> Made:
    def tell(share: float) -> None:
        _shares[place] = share
        if _ended.is_set():
            raise CancelledError

    tell(0)
    return work(given, tell)
