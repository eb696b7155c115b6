"""How an account fares is judged by what was really seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.core.health import Signs, as_record, as_text, exit_status, health

NOW = 1_800_000_000.0
WELL = Signs("home", running=True, connected=NOW - 5000, changed=NOW - 700, swept=NOW - 200,
             sweep_seconds=300, drafts=7, warnings=2)  # fmt: skip
REFUSED = replace(WELL, connected=0, error="refused; store it anew", failed=NOW - 60, exit_status=3)


@pytest.mark.parametrize(
    ("signs", "word", "status"),
    [
        (WELL, "watching", 0),
        (replace(WELL, running=False), "not running", 4),
        (replace(WELL, swept=NOW - 1000), "blind", 4),
        (replace(WELL, swept=0), "blind", 4),
        (replace(WELL, swept=0, connected=NOW - 9), "starting", 4),
        (Signs("home", running=True), "starting", 4),
        (REFUSED, "disconnected", 3),
        (replace(WELL, error="full; free some space", exit_status=4), "troubled", 4),
        (replace(WELL, error="full; free some space", swept=NOW - 1000), "blind", 4),
    ],
)
def test_only_a_recent_look_counts_as_sight(signs, word, status):
    """A daemon that runs, is connected and looks at nothing is called blind."""
    assert health(signs, NOW) == word
    assert exit_status(signs, NOW) == status
    assert as_record(signs, NOW)["health"] == word
    assert (word if status == 0 else word.upper()) in as_text(signs, NOW)


def test_the_text_says_what_to_do():
    """Trouble comes with its beginning and with advice."""
    assert "store it anew" in as_text(REFUSED, NOW)
    assert "restart" in as_text(replace(WELL, swept=NOW - 1000), NOW)
    assert "unflub watch" in as_text(replace(WELL, running=False), NOW)


def test_the_text_tells_counts_and_times():
    """The last change and sweep, drafts and open warnings."""
    text = as_text(WELL, NOW)
    assert "7 drafts, 2 open warnings" in text
    assert "never" not in text
    assert "never" in as_text(Signs("home", running=True), NOW)
