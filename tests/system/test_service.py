"""`unflub service`: on a real user manager of systemd, and the commands for the other systems."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import dovecot
from support.client import one_warning
from support.household import Household, household_on
from support.notes import FLUBBED
from support.program import Program
from support.user_manager import UserManager, user_manager

from scanner.adapters import service
from scanner.errors import ConfigurationError


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that PrivateTmp does not hide."""
    folder = Path(tempfile.mkdtemp(prefix=".unflub-test-", dir=Path.home()))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def settled(server, home) -> Household:
    """A user whose password lies in a file."""
    household = household_on(server, Program(home))
    (home / "secret").write_text(dovecot.PASSWORD)
    (home / "secret").chmod(0o600)
    household.configure(password_env="", password_file=f'"{home / "secret"}"')
    return household


@pytest.fixture
def manager(settled, home, request) -> Iterator[UserManager]:
    surroundings, folder = settled.program.surroundings(), home / "config"
    if getattr(request, "param", "") == "of a login":
        places = ("UNFLUB_", "XDG_")
        surroundings = {k: v for k, v in surroundings.items() if not k.startswith(places)}
        folder = home / ".config"
    # A container may not let parts of /proc be covered, and where the program itself lies below
    # /tmp the unit could not see it; all else is as it is installed.
    hidden = any(Path(sys.prefix).is_relative_to(path) for path in ("/tmp", "/var/tmp"))
    drop_in = folder / "systemd" / "user" / "unflub.service.d" / "container.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(
        "[Service]\nProtectKernelTunables=no\nProtectKernelLogs=no\n" + "PrivateTmp=no\n" * hidden
    )
    with user_manager(surroundings) as running:
        if running is None:
            pytest.skip("no user manager of systemd can be run here")
        yield replace(running, environment=running.environment | settled.program.surroundings())


def asked(manager: UserManager, *arguments: str) -> tuple[int, str]:
    done = manager.run(sys.executable, "-m", "scanner", "service", *arguments)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("manager", ["of this shell", "of a login"], indirect=True)
def test_the_service_runs_and_writes_a_warning(settled, manager):
    """Installed it watches, with its rights taken away; uninstalled nothing of it is left.

    So it is where the manager knows nothing of what the user's shell says of places.
    """
    assert asked(manager, "status") == (4, "not installed; `unflub service install` does it\n")
    assert list(settled.program.home.rglob("unflub.service")) == []
    status, said = asked(manager, "install")
    assert status == 0, said
    assert asked(manager, "status")[0] == 0
    settled.client.save(FLUBBED)
    settled.client.wait_until(one_warning)
    shown = manager.run("systemctl", "--user", "show", "unflub.service", "--property=MainPID")
    pid = shown.stdout.strip().removeprefix("MainPID=")
    assert "NoNewPrivs:\t1" in (Path("/proc") / pid / "status").read_text()
    assert settled.program.run("status").returncode == 0
    said = settled.program.python("from scanner import checking; print(checking.presence())")
    assert "the daemon answers" in said.stdout  # with its rights taken away, it has its socket
    assert asked(manager, "uninstall") == (0, "stopped and removed\n")
    assert not os.path.exists(f"/proc/{pid}")  # noqa: PTH110
    assert list(settled.program.home.rglob("unflub.service")) == []
    assert asked(manager, "uninstall") == (0, "it was not installed; nothing was changed\n")


def test_a_configuration_that_is_wrong_is_not_installed(settled, manager):
    """The service would end at once; one line says why instead."""
    settled.program.configure("preset = 'sloppy'")
    status, said = asked(manager, "install")
    assert status == 2
    assert "preset must be one of" in said
    assert list(settled.program.home.rglob("unflub.service")) == []


def test_a_password_that_a_service_cannot_see_is_refused(settled, manager):
    """It would run, and never log in; one line says where else to put the password."""
    settled.configure()
    status, said = asked(manager, "install")
    assert status == 2
    assert "does not see the variable that password_env names; take that away and run" in said
    assert list(settled.program.home.rglob("unflub.service")) == []


def test_a_program_that_the_shell_finds_the_service_finds_too(settled, manager, home):
    """Such as one in ~/.local/bin, which the manager's own path lacks."""
    tool = home / ".local" / "bin" / "my-pass"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"#!/bin/sh\nexec cat {home / 'secret'}\n")
    tool.chmod(0o755)
    settled.configure(password_env="", password_command='["my-pass"]')
    path = f"{tool.parent}:{manager.environment['PATH']}"
    shell = replace(manager, environment={**manager.environment, "PATH": path})
    status, said = asked(shell, "install")
    assert status == 0, said
    settled.client.save(FLUBBED)
    settled.client.wait_until(one_warning)
    assert asked(shell, "uninstall")[0] == 0


@pytest.mark.parametrize("command", ["status", "logs"])
def test_what_is_not_installed_is_said_to_be_so(program, command):
    """No empty log is shown of a service that there is not."""
    done = program.run("service", command)
    assert done.returncode == 4
    assert done.stdout == "not installed; `unflub service install` does it\n"


def test_without_systemd_the_advice_is_one_line(settled):
    """No manager answers: the user is told what to do instead."""
    done = settled.program.run("service", "install")
    assert done.returncode == 2
    assert done.stderr.startswith("unflub: systemd ")
    assert len(done.stderr.splitlines()) == 1
    assert list(settled.program.home.rglob("unflub.service")) == []


CONFIG = Path("/home/me/config.toml")
SAYS = {"launchctl": "\tstate = running", "schtasks": "", "powershell": "Running"}
"""What the programs of other systems print of a service that runs."""


@pytest.fixture
def recorded(tmp_path, monkeypatch) -> Path:
    """Programs named like those of other systems, which write down what they are asked."""
    record = tmp_path / "record"
    record.touch()
    for name, says in SAYS.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho {name} $* >> {record}\necho '{says}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return record


@pytest.mark.parametrize(
    ("platform", "begin", "end"),
    [
        ("darwin", ["launchctl bootstrap gui/{uid} {file}"], ["launchctl bootout gui/{uid}/{id}"]),
        (
            "win32",
            ["schtasks /Create /TN {id} /XML {file} /F", "schtasks /Run /TN {id}"],
            ["schtasks /End /TN {id}", "schtasks /Delete /TN {id} /F"],
        ),
    ],
)
def test_other_systems_are_asked_in_their_own_way(recorded, platform, begin, end):
    """The unit is written before, and gone after; asking for the status changes nothing."""
    manager = service.manager(platform)
    facts = {"uid": os.getuid(), "file": manager.file, "id": "io.github.unflub.watch"}
    service.install(manager, CONFIG)
    assert recorded.read_text().splitlines() == [line.format(**facts) for line in begin]
    assert manager.file.read_text(encoding=manager.encoding) == manager.text(service.job(CONFIG))
    before = manager.file.read_bytes()
    assert service.is_running(manager)
    assert not service.is_running(replace(manager, show=("true",)))
    assert manager.file.read_bytes() == before
    recorded.write_text("")
    assert service.uninstall(manager)
    assert recorded.read_text().splitlines() == [line.format(**facts) for line in end]
    assert not manager.file.exists()
    assert not service.uninstall(manager)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_installed_again_it_is_started_anew(recorded, platform):
    """What runs is stopped first, or the new configuration would not count."""
    manager = service.manager(platform)
    service.install(manager, CONFIG)
    first = recorded.read_text()
    recorded.write_text("")
    service.install(manager, CONFIG)
    again = recorded.read_text()
    assert again.endswith(first)
    assert len(again.splitlines()) == len(manager.stop) + len(manager.start)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_what_the_system_refuses_to_start_is_not_installed(recorded, platform):
    """Nothing is left half, and `status` says so; what was there before stays for another try."""
    manager = service.manager(platform)
    refusing = replace(manager, start=(*manager.start, ("false",)))
    with pytest.raises(ConfigurationError, match="refused `false`"):
        service.install(refusing, CONFIG)
    assert not manager.file.exists()
    assert len(recorded.read_text().splitlines()) == len(manager.start) + len(manager.stop)
    service.install(manager, CONFIG)
    with pytest.raises(ConfigurationError, match="refused `false`"):
        service.install(refusing, CONFIG)
    assert manager.file.exists()


def test_a_system_without_such_a_manager_is_left_as_it_was(recorded):
    """Neither what starts nor what stops is there; nothing is written."""
    manager = replace(service.manager("win32"), start=[["not-there"]], stop=[["not-there"]])
    with pytest.raises(ConfigurationError, match="no not-there"):
        service.install(manager, CONFIG)
    assert not manager.file.exists()
    assert recorded.read_text() == ""


@pytest.mark.usefixtures("recorded")
def test_windows_is_told_whose_logon_is_meant(monkeypatch):
    """A task for that of anybody is refused to ordinary users."""
    monkeypatch.setenv("USERDOMAIN", "LAPTOP")
    monkeypatch.setenv("USERNAME", "me")
    manager = service.manager("win32")
    service.install(manager, CONFIG)
    assert manager.file.read_text("utf-16").count("<UserId>LAPTOP\\me</UserId>") == 2


@pytest.mark.usefixtures("recorded")
def test_the_log_is_what_the_system_shows():
    """Whatever prints it, or the end of the file that the service writes."""
    manager = service.manager("darwin")
    assert service.log(manager) == ""
    file = service.job(CONFIG).log
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"line {n}\n" for n in range(200)))
    assert service.log(manager).splitlines() == [f"line {n}" for n in range(100, 200)]
    assert service.log(replace(manager, log=("echo", "a line"))) == "a line\n"
