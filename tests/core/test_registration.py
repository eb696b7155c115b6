"""How the mail client finds the program, and the package it is given."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from scanner import __version__, native_host
from scanner.adapters import plugin
from scanner.core import registration

ADD_ON = Path(__file__).parents[2] / "plugins" / "thunderbird"
COMMAND = ("/home/me/odd 'place'/python", "-P", "-m", "scanner", "native-host")


def test_the_native_manifest_lets_in_our_add_on_alone():
    """It names the program, an absolute path, and one add-on."""
    table = json.loads(registration.manifest(PurePosixPath("/home/me/native-host")))
    assert table == {
        "name": "io.github.unflub",
        "description": "Warns before a thank-you note explains a flub",
        "path": "/home/me/native-host",
        "type": "stdio",
        "allowed_extensions": ["unflub@unflub.github.io"],
    }
    windows = registration.manifest(PureWindowsPath(r"C:\Users\me\native-host.bat"))
    assert json.loads(windows)["path"] == r"C:\Users\me\native-host.bat"


def test_the_launchers_quote_what_is_odd():
    """A shell and cmd.exe each start the program with the words it was given."""
    assert registration.shell_launcher(COMMAND) == (
        "#!/bin/sh\nexec '/home/me/odd '\"'\"'place'\"'\"'/python' -P -m scanner native-host\n"
    )
    assert registration.batch_launcher((r"C:\Users\me & you\100%\python.exe", "-P")) == (
        '@echo off\r\nchcp 65001 >nul\r\n"C:\\Users\\me & you\\100%%\\python.exe" -P\r\n'
    )


@pytest.mark.parametrize(
    ("platform", "manifest"),
    [
        ("linux", ".mozilla/native-messaging-hosts/io.github.unflub.json"),
        ("darwin", "Library/Mozilla/NativeMessagingHosts/io.github.unflub.json"),
    ],
)
def test_the_manifest_lies_where_thunderbird_looks(monkeypatch, tmp_path, platform, manifest):
    """On macOS that is not where Firefox looks."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plugin.places(platform).manifest == tmp_path / manifest


def test_on_windows_the_registry_tells():
    """The key is the user's own, and its value is where the manifest lies."""
    where = plugin.places("win32")
    assert where.tell[:3] == (
        "reg", "add", r"HKCU\Software\Mozilla\NativeMessagingHosts\io.github.unflub",
    )  # fmt: skip
    assert str(where.manifest) in where.tell
    assert where.launcher.suffix == ".bat"


def test_the_package_is_the_same_whatever_the_order():
    """Neither order nor time, owner or mode of the files show in it."""
    files = {"b.js": b"2", "a.js": b"1", "_locales/en/x": b"3"}
    made = registration.package(files)
    assert made == registration.package(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == ["_locales/en/x", "a.js", "b.js"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_add_on_asks_for_hardly_anything():
    """Notes, the program, notifications, its own settings; no site, and nothing is collected."""
    manifest = json.loads((ADD_ON / "manifest.json").read_text())
    assert manifest["permissions"] == [
        "compose", "nativeMessaging", "notifications", "scripting", "storage",
    ]  # fmt: skip
    assert not {"host_permissions", "optional_permissions", "content_scripts"} & manifest.keys()
    gecko = manifest["browser_specific_settings"]["gecko"]
    assert gecko["data_collection_permissions"] == {"required": ["none"]}
    assert gecko["id"] == registration.ADD_ON


def test_the_add_on_and_the_program_are_of_one_version():
    """Both say the same version and the same number of the protocol."""
    assert json.loads((ADD_ON / "manifest.json").read_text())["version"] == __version__
    engine = (ADD_ON / "engine.js").read_text()
    assert re.search(r"const PROTOCOL = (\d+);", engine)[1] == str(native_host.PROTOCOL)
    assert re.search(r'const HOST = "(.+)";', engine)[1] == registration.HOST


def test_every_word_the_add_on_says_is_in_its_messages():
    """And every message is said somewhere."""
    messages = json.loads((ADD_ON / "_locales/en/messages.json").read_text())
    sources = "".join(
        path.read_text() for path in ADD_ON.iterdir() if path.suffix in {".js", ".html", ".json"}
    )
    assert all(f'"{name}"' in sources or f"__MSG_{name}__" in sources for name in messages)
    used = re.findall(r'data-say="(\w+)"|__MSG_(\w+)__|\bsay\("(\w+)"', sources)
    assert {name for names in used for name in names if name} <= set(messages)


@pytest.mark.skipif(not shutil.which("sh"), reason="there is no shell")
def test_the_launcher_starts_the_program(tmp_path):
    """As a mail client starts it: by its path, with the manifest and the add-on's name."""
    launcher = tmp_path / "native-host"
    launcher.write_text(registration.shell_launcher(("printf", "%s|", "it's", "$HOME")))
    launcher.chmod(0o700)
    done = subprocess.run([launcher, "manifest", "add-on"], capture_output=True, check=True)
    assert done.stdout == b"it's|$HOME|"
