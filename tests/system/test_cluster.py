"""`unflub scan --dask`: the rows of a scan, made by workers of a cluster."""

from __future__ import annotations

import json
import subprocess

from support import cluster
from support.notes import CLEAN, FLUBBED
from support.ports import free_port

SEPARATOR = b"From a@example.org Mon Jan  1 00:00:00 2024\n"


def archive(program, count: int):
    path = program.home / "sent.mbox"
    pair = b"".join(SEPARATOR + raw.replace(b"\r\n", b"\n") + b"\n" for raw in (FLUBBED, CLEAN))
    path.write_bytes(pair * (count // 2))
    return path


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(program, tmp_path):
    """Every message has one row, in order, as without a cluster; another did its work."""
    path = archive(program, 600)
    here = program.run("scan", "--format", "jsonl", path)
    with cluster.running(tmp_path) as started:
        process = program.start(
            "scan", "--format", "jsonl", "--dask", started.address, path, stdout=subprocess.PIPE
        )
        first = process.stdout.readline()
        started.kill_one_at_work()
        rest, errors = process.stdout.read(), process.stderr.read()
        assert len(started.client.scheduler_info()["workers"]) == 1
    assert (process.wait(60), errors) == (1, b"")
    rows = (first + rest).decode().splitlines()
    assert [json.loads(row)["source"] for row in rows] == [f"{path}#{n}" for n in range(1, 601)]
    assert rows == here.stdout.splitlines()
    log = started.log.read_text()
    assert "budget" not in log
    assert "example.com" not in log


def test_a_cluster_nobody_can_reach_is_one_line(program):
    """It says what to do, and has the status of a server that does not answer."""
    done = program.run("scan", "--dask", f"tcp://127.0.0.1:{free_port()}", archive(program, 2))
    assert done.returncode == 4
    assert "cannot be reached" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_cluster_that_goes_away_ends_the_scan_with_what_was_found(program, tmp_path):
    """Rows so far are whole; the exit status says that there are not all of them."""
    path = archive(program, 2000)
    with cluster.running(tmp_path, workers=1) as started:
        process = program.start(
            "scan", "--format", "jsonl", "--dask", started.address, path, stdout=subprocess.PIPE
        )
        first = process.stdout.readline()
        started.scheduler.kill()
        rest, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(60) == 4
    assert errors.count(b"\n") == 1
    assert b"cannot be reached" in errors
    rows = [json.loads(line) for line in (first + rest).splitlines()]
    assert 0 < len(rows) < 2000
    assert [row["source"] for row in rows] == [f"{path}#{n + 1}" for n in range(len(rows))]


def test_work_is_for_processes_or_for_a_cluster(program):
    """Both at once has no meaning."""
    done = program.run("scan", "--dask", "tcp://127.0.0.1:1", "--jobs", "2", ".")
    assert done.returncode == 2
