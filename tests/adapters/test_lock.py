"""Locks, where several programs look at one account."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from scanner.adapters import lock
from scanner.errors import ConfigurationError


def test_who_only_asks_whether_it_is_held_keeps_nobody_from_it(tmp_path, monkeypatch):
    """`unflub status` has it for a moment; a daemon that starts just then waits for that."""
    path = tmp_path / "home.lock"
    with ExitStack() as asking:
        assert asking.enter_context(lock.tried(path))
        monkeypatch.setattr(lock.time, "sleep", lambda _: asking.close())
        with lock.held(path, "home"):
            assert lock.is_held(path)


def test_who_holds_it_keeps_all_others_from_it(tmp_path, monkeypatch):
    """They are told so, and by what they find out more."""
    path = tmp_path / "home.lock"
    monkeypatch.setattr(lock, "_GLANCE", 0)
    with (
        lock.held(path, "home"),
        pytest.raises(ConfigurationError, match="another unflub is watching it"),
        lock.held(path, "home"),
    ):
        pass
