"""What runs on Windows does without what only Unix has; Windows itself is not at hand.

`mypy --platform win32` sees what is named; here the parts of the daemon are loaded and used after
those names were taken away. Handing a socket to the judging process is not tried.
"""

from __future__ import annotations

TAKEN_AWAY = """
import os, select, selectors, signal, sys
import scanner.daemon, scanner.doctor, scanner.judging, scanner.adapters.service  # and libraries

for name in [name for name in sys.modules if name.split(".")[0] == "scanner"]:
    del sys.modules[name]
for module, names in (
    (signal, "SIGHUP"), (select, "poll"), (selectors, "PollSelector"),
    (os, "getuid geteuid O_CLOEXEC fork"),
):
    for name in names.split():
        delattr(module, name)
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
sys.platform = "win32"
"""


def without_unix(program, code: str) -> str:
    """Run a few lines where Unix's own names are gone."""
    done = program.python(TAKEN_AWAY + code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_daemon_watches_for_signals_and_its_lock_holds(program):
    """Where there is no SIGHUP none is waited for; a second process does not get the lock."""
    code = """
import threading
from pathlib import Path
from scanner import daemon, judging
from scanner.adapters import lock, secrecy, systemd
from scanner.watcher import Bell

daemon._catch_signals(Bell(), threading.Event())
secrecy.no_core_file()
systemd.notify("READY=1")
path = Path("home.lock")
with lock.held(path, "home"):
    print(lock.is_held(path))
print(lock.is_held(path))
"""
    assert without_unix(program, code) == "True\nFalse"


def test_a_bell_is_heard(program):
    """By the selector that the system has."""
    code = """
from scanner.watcher import Bell

bell = Bell()
print(bell.wait(0))
bell.ring()
print(bell.wait(60))
"""
    assert without_unix(program, code) == "False\nTrue"


def test_a_file_s_mode_is_not_asked_for(program):
    """It would always say that all may read it."""
    code = """
from pathlib import Path
from scanner.adapters import credentials
from scanner.config import Account

Path("secret").write_text("hunter2\\n")
Path("secret").chmod(0o666)
print(credentials.password(Account("home", "me@example.org", "a.b", password_file="secret")))
"""
    assert without_unix(program, code) == "hunter2"


def test_the_task_scheduler_is_what_runs_services(program):
    """A task that needs no window, with its log in a file."""
    code = """
from pathlib import Path
from scanner.adapters import service

job = service.job(Path("config.toml"))
print(service.manager().name, service.manager().text(job).count("--log"))
"""
    assert without_unix(program, code) == "the Task Scheduler 1"
