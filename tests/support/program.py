"""The real `unflub` command, with a home of its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from support.waiting import until

PATIENCE = 60


@dataclass(frozen=True)
class Daemon:
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, words: str, times: int = 1) -> None:
        """Wait until these words stood in the log so many times."""

        def is_said() -> bool:
            has_ended = self.process.poll() is not None
            found = self.log.read_text().count(words) >= times
            assert found or not has_ended, self.log.read_text()
            return found

        until(is_said, said=self.log.read_text)

    def passes(self) -> int:
        return self.log.read_text().count(" drafts read; ")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@dataclass(frozen=True)
class Program:
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    interpreter: str | Path = sys.executable

    def configure(self, text: str) -> None:
        """Write a configuration, and name it by the environment from now on."""
        (self.home / "config.toml").write_text(text)
        self.environment["UNFLUB_CONFIG"] = str(self.home / "config.toml")

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return self.finished([str(self.interpreter), "-m", "scanner", *map(str, arguments)], stdin)

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a few lines of Python where the command would run."""
        return self.finished([str(self.interpreter), "-c", code])

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line in which the command is `unflub`'s arguments."""
        script = f"set -o pipefail; {shlex.quote(sys.executable)} -m scanner {line}"
        return self.finished(["bash", "-c", script])

    def finished(self, command: list[str], stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run any command to its end, where unflub would run."""
        return subprocess.run(
            command,
            input=stdin.decode("utf-8", "surrogateescape"),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=self.surroundings(),
            cwd=self.home,
            timeout=PATIENCE * 2,
            check=False,
        )

    def start(self, *arguments: str | Path, **pipes: int) -> subprocess.Popen[bytes]:
        """Start the command and leave it running; standard error goes to a pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "scanner", *map(str, arguments)],
            env=self.surroundings(),
            cwd=self.home,
            **{"stderr": subprocess.PIPE, **pipes},
        )

    def converse(self, *arguments: str | Path) -> pexpect.spawn:
        """Start the command on a pseudo-terminal of its own, to talk with it."""
        return pexpect.spawn(
            str(self.interpreter),
            ["-m", "scanner", *map(str, arguments)],
            env=self.surroundings(),
            cwd=str(self.home),
            timeout=PATIENCE,
            encoding="utf-8",
            dimensions=(50, 200),
        )

    @contextmanager
    def watching(self, *arguments: str, wait: bool = True) -> Iterator[Daemon]:
        """Run the daemon, by default once its first pass is made."""
        log = self.home / "watch.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [str(self.interpreter), "-m", "scanner", "watch", *arguments],
                stdout=sink,
                stderr=sink,
                env=self.surroundings(),
                cwd=self.home,
            )
        daemon = Daemon(process, log)
        try:
            if wait:
                daemon.wait_for(" drafts read; ")
            yield daemon
        finally:
            process.kill()
            process.wait(PATIENCE)

    def surroundings(self) -> dict[str, str]:
        """The environment of the command: a home of its own, and nothing of who runs the tests."""
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        given = {
            **kept,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **self.environment,
        }
        return {key: value for key, value in given.items() if value}
