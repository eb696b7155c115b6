"""What the program keeps is written whole, or one line says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.adapters import dismissals, plugin, service, settings, state
from scanner.errors import UnreadableError

WRITERS = {
    "memory": lambda home: state.save(home / "a" / "home.json", state.Saved()),
    "dismissals": lambda _: dismissals.add(["0123456789abcdef"]),
    "configuration": lambda home: settings.write(home / "a" / "config.toml", "x"),
    "service": lambda _: service.install(service.manager("darwin"), Path("config.toml")),
    "add-on": lambda _: plugin.install(plugin.places("linux")),
    "package": lambda home: plugin.write_package(home / "a" / "b.xpi"),
}


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home in which everything that would be a folder is a file."""
    for name in ("a", "state", "data", "Library", ".mozilla"):
        (tmp_path / name).write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_who_cannot_write_says_what_and_what_to_do(home, write):
    """In one line with the file's name, and no traceback."""
    with pytest.raises(UnreadableError, match=r"^[^\n]*/[^\n]*; [^\n]*folder writable[^\n]*$"):
        write(home)
