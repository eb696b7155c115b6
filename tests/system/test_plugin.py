"""`unflub plugin`: what it writes, where, and takes away again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.notes import CLEAN


def written(program) -> set[Path]:
    return {path for path in program.home.rglob("*") if path.is_file()}


def test_installed_asked_about_and_taken_away(program):
    """Three files come and go, in folders of the user alone; what stood there before stays."""
    other = program.home / ".mozilla" / "native-messaging-hosts" / "other.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    assert program.run("plugin", "status", "thunderbird").returncode == 4
    done = program.run("plugin", "install", "thunderbird")
    assert done.returncode == 0
    manifest = other.with_name("io.github.unflub.json")
    launcher = Path(json.loads(manifest.read_text())["path"])
    package = program.home / "data" / "unflub" / "unflub-thunderbird.xpi"
    assert written(program) == {other, manifest, launcher, package}
    assert launcher.stat().st_mode & 0o777 == 0o700
    assert str(package) in done.stdout
    assert str(package) in program.run("plugin", "status", "thunderbird").stdout
    assert program.run("plugin", "uninstall", "thunderbird").stdout == "removed\n"
    assert written(program) == {other}
    assert "nothing was changed" in program.run("plugin", "uninstall", "thunderbird").stdout


@pytest.mark.parametrize("stale", ["native-host", "unflub-thunderbird.xpi"])
def test_what_another_unflub_installed_is_out_of_date(program, stale):
    """As it is after an update, or where the program has moved; installed anew, it is not."""
    program.run("plugin", "install", "thunderbird")
    (program.home / "data" / "unflub" / stale).write_text("of old\n")
    told = program.run("plugin", "status", "thunderbird")
    assert told.returncode == 4
    assert told.stdout.startswith("out of date: run `unflub plugin install thunderbird`")
    program.run("plugin", "install", "thunderbird")
    assert program.run("plugin", "status", "thunderbird").returncode == 0


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (".var/app/org.mozilla.Thunderbird", "from Flatpak"),
        (".var/app/org.mozilla.thunderbird_esr", "from Flatpak"),  # as Flathub calls it now
        ("snap/thunderbird", "from Snap"),
    ],
)
def test_who_has_a_confined_thunderbird_is_told_what_to_do(program, folder, words):
    """That one may not start programs of the system; the watcher works with every client."""
    (program.home / folder).mkdir(parents=True)
    done = program.run("plugin", "install", "thunderbird")
    assert words in done.stdout
    assert "unflub service install" in done.stdout


def test_the_same_package_is_made_each_time(program):
    """By `pack` as by `install`."""
    program.run("plugin", "install", "thunderbird")
    program.run("plugin", "pack", "thunderbird", "one.xpi")
    installed = program.home / "data" / "unflub" / "unflub-thunderbird.xpi"
    assert (program.home / "one.xpi").read_bytes() == installed.read_bytes()


def test_no_package_is_written_over_mail(program):
    """But over a package as often as one likes."""
    box = program.home / "sent.mbox"
    box.write_bytes(raw := b"From ines@example.org Tue Mar  4 10:12:00 2025\n" + CLEAN)
    done = program.run("plugin", "pack", "thunderbird", box)
    assert (done.returncode, box.read_bytes()) == (2, raw)
    for _ in range(2):
        assert program.run("plugin", "pack", "thunderbird", "one.xpi").returncode == 0


def test_a_full_or_closed_disk_is_told(program):
    """One line, and what to do."""
    (program.home / ".mozilla").write_text("a file, and no folder")
    done = program.run("plugin", "install", "thunderbird")
    assert done.returncode == 5
    assert "make its folder writable" in done.stderr
    assert done.stderr.count("\n") == 1
