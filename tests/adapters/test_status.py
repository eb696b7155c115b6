"""What the daemon said of an account, read from a file that may hold anything."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from scanner.adapters import status
from scanner.core.health import Signs

SAID = Signs("home", running=True, connected=5, swept=7, drafts=2)


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_what_was_said_is_reported():
    """But for what only holds while somebody has the lock."""
    status.write(SAID)
    assert status.report("home") == replace(SAID, running=False, connected=0)


@pytest.mark.parametrize(
    ("key", "number"),
    [("drafts", "1e999"), ("drafts", "NaN"), ("swept", "1e999"), ("swept", "1e300"),
     ("failed", "-1e300"), ("failed", "[]")],
)  # fmt: skip
def test_a_number_that_nobody_can_write_down_counts_as_nothing_said(key, number):
    """Neither as a count nor as a time does it end `unflub status`."""
    status.write(SAID)
    said = json.dumps({**asdict(SAID), key: "?"}).replace('"?"', number)
    status.path_of("home").write_text(said)
    assert status.report("home") == Signs("home", running=False)
