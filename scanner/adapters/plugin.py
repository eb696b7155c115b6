"""Making the add-on's package, and telling Thunderbird how to start `unflub native-host`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from scanner import itself
from scanner.adapters import whole
from scanner.core import registration
from scanner.core.registration import HOST
from scanner.errors import ConfigurationError

_KEY = rf"HKCU\Software\Mozilla\NativeMessagingHosts\{HOST}"
_PATIENCE = 60  # seconds for a command of the system


@dataclass(frozen=True, slots=True)
class Places:
    """Where things go on one system, and the commands that tell of them or take that back."""

    manifest: Path
    launcher: Path
    text: Callable[[Sequence[str]], str]
    tell: Sequence[str] = ()
    untell: Sequence[str] = ()


def places(platform: str = sys.platform) -> Places:
    """Say where Thunderbird looks on this system, for this user."""
    folder, home = platformdirs.user_data_path("unflub"), Path.home()
    name = f"{HOST}.json"
    if platform == "win32":
        manifest = folder / name
        return Places(
            manifest, folder / "native-host.bat", registration.batch_launcher,
            tell=("reg", "add", _KEY, "/ve", "/t", "REG_SZ", "/d", str(manifest), "/f"),
            untell=("reg", "delete", _KEY, "/f"),
        )  # fmt: skip
    # Thunderbird's is not Firefox's folder on macOS, ~/Library/Application Support/Mozilla.
    hosts = (
        home / "Library" / "Mozilla" / "NativeMessagingHosts"
        if platform == "darwin"
        else home / ".mozilla" / "native-messaging-hosts"
    )
    return Places(hosts / name, folder / "native-host", registration.shell_launcher)


def install(where: Places) -> Path:
    """Write launcher, manifest and the add-on's package; give where the package is.

    Raises UnreadableError where the disk refuses, ConfigurationError where the system does.
    """
    for file, content in _contents(where).items():
        whole.written(file, content)
    where.launcher.chmod(0o700)
    if where.tell and not _ran(where.tell):
        raise ConfigurationError(f"Windows refused `{subprocess.list2cmdline(where.tell)}`")
    return package_path()


def is_current(where: Places) -> bool:
    """Tell whether what is installed is just what this copy of unflub would install."""
    return all(
        file.is_file() and file.read_bytes() == content
        for file, content in _contents(where).items()
    )


def _contents(where: Places) -> dict[Path, bytes]:
    return {
        where.launcher: where.text(itself.command("native-host")).encode(),
        where.manifest: registration.manifest(where.launcher).encode(),
        package_path(): package(),
    }


def uninstall(where: Places) -> bool:
    """Take all of that away; tell whether there was any."""
    files = [where.manifest, where.launcher, package_path()]
    there = [file for file in files if file.exists()]
    for file in there:
        file.unlink()
    if there and where.untell:
        _ran(where.untell)
    return bool(there)


def write_package(file: Path) -> None:
    """Write the add-on's package alone. Raises UnreadableError."""
    whole.written(file, package())


def package_path() -> Path:
    """Where the add-on's package is put."""
    return platformdirs.user_data_path("unflub") / "unflub-thunderbird.xpi"


def package() -> bytes:
    """Pack the add-on that comes with unflub."""
    folder = _sources()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return registration.package(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    )


def confined() -> list[str]:
    """Name the kinds of Thunderbird on this machine that may not start programs of the system."""
    home = Path.home()
    flatpak = any((home / ".var" / "app").glob("*.[Tt]hunderbird*"))
    snap = (home / "snap" / "thunderbird").is_dir()
    return ["Flatpak"] * flatpak + ["Snap"] * snap


def _sources() -> Path:
    library = Path(__file__).resolve().parent.parent
    for plugins in (library.parent / "plugins", library / "plugins"):
        if (plugins / "thunderbird" / "manifest.json").is_file():
            return plugins / "thunderbird"
    raise ConfigurationError("no add-on comes with this copy of unflub; install it anew")


def _ran(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - commands of this module
            command, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
