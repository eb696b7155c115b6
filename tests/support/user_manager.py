"""systemd's user manager, for real, with a /run of its own in a mount namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from support.waiting import until

PATIENCE = 60
# systemd only runs where /run says that it was booted.
_SCRIPT = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system || exit 9
mkdir -m 700 /run/manager || exit 9
exec systemd --user
"""
_PROGRAM = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")


@dataclass(frozen=True)
class UserManager:
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the manager can be asked."""
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", *command],
            env=self.environment, capture_output=True, text=True, timeout=PATIENCE * 3, check=False,
        )  # fmt: skip


@contextmanager
def user_manager(environment: Mapping[str, str]) -> Iterator[UserManager | None]:
    """Run a user manager; None where namespaces or cgroups do not let one run."""
    program = next((path for path in _PROGRAM if os.path.exists(path)), None)  # noqa: PTH110
    if os.getuid() or not program or not shutil.which("nsenter"):
        yield None
        return
    environment = {**environment, "XDG_RUNTIME_DIR": "/run/manager"}
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _SCRIPT.replace("systemd --user", f"{program} --user")],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        manager = UserManager(process, environment)
        yield manager if _comes_up(manager) else None
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _comes_up(manager: UserManager) -> bool:
    def answers() -> bool:
        return manager.run("systemctl", "--user", "show", "--property=Version").returncode == 0

    until(lambda: manager.process.poll() is not None or answers())
    return manager.process.poll() is None
