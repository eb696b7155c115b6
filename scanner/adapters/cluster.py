"""A Dask cluster as an executor: the workers of an archive too large for one machine."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import Any

from scanner.config import Seconds
from scanner.errors import ConfigurationError, UnreachableError

_CONNECT: Seconds = 10
_WORKERS: Seconds = 30


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """Connect to a scheduler; give the executor and how many threads its workers have now.

    The work of a worker that dies is done by another. Raises UnreachableError where nobody
    answers or works, and ConfigurationError where the package `distributed` is missing.
    """
    try:
        from distributed import KilledWorker
    except ImportError:
        raise ConfigurationError(
            "--dask needs more packages; install unflub with the extra `dask`"
        ) from None
    client = _connected(address)
    try:
        # Not pure: no mail is the same as some other, and to find that out takes time.
        yield client.get_executor(pure=False), sum(client.nthreads().values())
    except KilledWorker:
        raise UnreachableError(
            "one batch of mail ended several workers of the cluster, perhaps for want of memory; "
            "give them more, or scan without --dask"
        ) from None
    except CancelledError:
        raise _unreachable(address) from None
    finally:
        client.close()


def _connected(address: str) -> Any:
    import distributed

    connect: Any = distributed.Client  # without types
    # It would write about its connections between the rows, at the end of the process, too;
    # what matters is raised here.
    logging.disable()
    try:
        with warnings.catch_warnings(action="ignore"):
            client = connect(address, timeout=_CONNECT)
            client.wait_for_workers(1, timeout=_WORKERS)
    except (OSError, ValueError):
        raise _unreachable(address) from None
    return client


def _unreachable(address: str) -> UnreachableError:
    return UnreachableError(
        f"the Dask scheduler at {address}, or a worker of it, cannot be reached; start them, "
        "or check the address"
    )
