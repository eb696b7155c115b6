"""Having the system run the daemon at login: installed, removed, asked, and its log shown."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from scanner import itself
from scanner.adapters import local, state, whole
from scanner.core import autostart
from scanner.core.autostart import LABEL, Job
from scanner.errors import ConfigurationError

NAME = "unflub"
_PATIENCE = 120  # seconds; systemd waits until the daemon says that it is ready
_LOG_LINES = 100


@dataclass(frozen=True, slots=True)
class Manager:
    """How one system is told: the file it reads, and the commands that follow.

    `start` and `stop` are commands in a row, `after` follows when the file is gone; the service
    runs if `show` prints the line `running`; `log` prints the log, or is its file.
    """

    name: str
    file: Path
    text: Callable[[Job], str]
    start: Sequence[Sequence[str]]
    stop: Sequence[Sequence[str]]
    show: Sequence[str]
    running: str
    log: Sequence[str] | Path
    after: Sequence[Sequence[str]] = ()
    encoding: str = "utf-8"


def manager(platform: str = sys.platform) -> Manager:
    """Give what runs services for the user on this system."""
    if platform == "darwin":
        return _launchd()
    if platform == "win32":
        return _task_scheduler()
    return _systemd()


def install(manager: Manager, config_path: Path) -> None:
    """Write the unit and start the service, now and at every login.

    Raises ConfigurationError where the system refuses, which leaves nothing that was not there
    before, and UnreadableError where the disk does.
    """
    text = manager.text(job(config_path))
    runs = manager.file.exists()
    with whole.refusals(state.folder()):
        state.folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    whole.written(manager.file, text.encode(manager.encoding))
    for command in manager.stop if runs else ():
        _ran(manager, command)  # else the new configuration would not count
    try:
        for command in manager.start:
            _done(manager, command)
    except ConfigurationError:
        if not runs:
            _withdraw(manager)
        raise


def _withdraw(manager: Manager) -> None:
    """Take back what was installed in part; the file alone counts as installed."""
    with suppress(ConfigurationError):  # nobody is there to be asked
        uninstall(manager)
    manager.file.unlink(missing_ok=True)


def uninstall(manager: Manager) -> bool:
    """Stop the service and take its unit away; tell whether there was one."""
    if not manager.file.exists():
        return False
    for command in manager.stop:
        _ran(manager, command)  # what does not run cannot be stopped
    manager.file.unlink()
    for command in manager.after:
        _ran(manager, command)
    return True


def is_running(manager: Manager) -> bool:
    """Ask whether the service runs; changes nothing."""
    if not manager.file.exists():
        return False
    lines = _ran(manager, manager.show).stdout.splitlines()
    return manager.running in (line.strip() for line in lines)


def log(manager: Manager) -> str:
    """Give the last lines of the service's log. Raises ConfigurationError."""
    if not isinstance(manager.log, Path):
        return _done(manager, manager.log)
    try:
        lines = manager.log.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ""
    return "".join(f"{line}\n" for line in lines[-_LOG_LINES:])


def job(config_path: Path) -> Job:
    """Say what is to be run: this very program, with its files where they are for who asks.

    A service sees none of the variables of the shell it is installed from; by PATH it finds what
    password_command names in ~/.local/bin, say, or in Homebrew's folder.
    """
    command = itself.command("watch", "--config", str(config_path.absolute()))
    seen = {"PATH": os.environ.get("PATH"), **local.surroundings()}
    seen = {key: value for key, value in seen.items() if value and key != "HOME"}
    return Job(command, state.folder(), _log_file(), seen, _user())


def _user() -> str:
    r"""Give DOMAIN\NAME, as Windows tells both; elsewhere nothing asks for it."""
    return "\\".join(os.environ.get(name, "") for name in ("USERDOMAIN", "USERNAME"))


def _log_file() -> Path:
    """Where the log lies on a system that keeps none for its services."""
    return state.folder() / "watch.log"


def _done(manager: Manager, command: Sequence[str]) -> str:
    done = _ran(manager, command)
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())
        raise ConfigurationError(
            f"{manager.name} refused `{' '.join(command)}`: {words or 'it did not say why'}; "
            "run `unflub doctor`, or let `unflub watch` run in a terminal instead"
        )
    return done.stdout


def _ran(manager: Manager, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - commands of this module
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False,
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"{manager.name} does not answer; try again later") from None
    except OSError:
        raise ConfigurationError(
            f"{manager.name} is not there (no {command[0]}); "
            "have your system run `unflub watch` at login in its own way"
        ) from None


def _systemd() -> Manager:
    unit, user = f"{NAME}.service", ("systemctl", "--user")
    path = platformdirs.user_config_path() / "systemd" / "user" / unit
    return Manager(
        "systemd", path, autostart.systemd,
        # By its path, for the manager may not look where the shell's variable points.
        start=((*user, "daemon-reload"), (*user, "enable", "--now", str(path))),
        stop=((*user, "disable", "--now", unit),),
        after=((*user, "daemon-reload"),),
        show=(*user, "is-active", unit),
        running="active",
        log=("journalctl", "--user", "--unit", unit, "--lines", str(_LOG_LINES), "--no-pager"),
    )  # fmt: skip


def _launchd() -> Manager:
    path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    domain = f"gui/{Path.home().stat().st_uid}"
    return Manager(
        "launchd", path, autostart.launchd,
        start=(("launchctl", "bootstrap", domain, str(path)),),
        stop=(("launchctl", "bootout", f"{domain}/{LABEL}"),),
        show=("launchctl", "print", f"{domain}/{LABEL}"),
        running="state = running",
        log=_log_file(),
    )  # fmt: skip


def _task_scheduler() -> Manager:
    path = state.folder() / "watch.xml"
    return Manager(
        "the Task Scheduler", path, autostart.task,
        start=(
            ("schtasks", "/Create", "/TN", LABEL, "/XML", str(path), "/F"),
            ("schtasks", "/Run", "/TN", LABEL),
        ),
        stop=(("schtasks", "/End", "/TN", LABEL), ("schtasks", "/Delete", "/TN", LABEL, "/F")),
        # What schtasks prints is in the user's language.
        show=("powershell", "-NoProfile", "-Command", f"(Get-ScheduledTask '{LABEL}').State"),
        running="Running",
        log=_log_file(),
        encoding="utf-16",
    )  # fmt: skip
