"""A Dask cluster of separate processes on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Client

from support.ports import free_port
from support.waiting import until

_PATIENCE = 60


@dataclass(frozen=True)
class Cluster:
    """Its scheduler, a client that looks on, and the workers' processes by their address."""

    address: str
    scheduler: subprocess.Popen[bytes]
    client: Client
    workers: dict[str, int]
    log: Path

    def kill_one_at_work(self) -> None:
        """Kill a worker that has something to do; nothing is tidied up."""
        busy = until(lambda: [one for one, tasks in self.client.processing().items() if tasks])
        os.kill(self.workers[busy[0]], signal.SIGKILL)


@contextmanager
def running(
    folder: Path, workers: int = 2, surroundings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Start a scheduler and workers, each a process, and end them."""
    address = f"tcp://127.0.0.1:{free_port()}"
    log = folder / "cluster.log"
    with log.open("wb") as sink:
        processes = [_start("dask_scheduler", "--host", address, sink=sink, env=surroundings)]
        try:
            for _ in range(workers):
                options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
                processes.append(
                    _start("dask_worker", address, *options, sink=sink, env=surroundings)
                )
            with Client(address, timeout=_PATIENCE) as client:
                client.wait_for_workers(workers, timeout=_PATIENCE)
                yield Cluster(address, processes[0], client, client.run(os.getpid), log)
        finally:
            for process in reversed(processes):
                process.kill()
                process.wait(_PATIENCE)


def _start(
    program: str, *arguments: str, sink: object, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", *arguments],
        stdout=sink,
        stderr=sink,
        env=env,
    )
