"""The texts by which a mail client finds `unflub native-host`, and the add-on's package."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from subprocess import list2cmdline

HOST = "io.github.unflub"
"""How the add-on calls the program."""
ADD_ON = "unflub@unflub.github.io"
"""The add-on's name for the mail client, as its manifest gives it."""

_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time, in a ZIP file


def manifest(launcher: PurePath) -> str:
    """Write the native manifest (MDN, "Native manifests"): this add-on alone may start it."""
    table = {
        "name": HOST,
        "description": "Warns before a thank-you note explains a flub",
        "path": str(launcher),
        "type": "stdio",
        "allowed_extensions": [ADD_ON],
    }
    return json.dumps(table, indent=2) + "\n"


def shell_launcher(command: Sequence[str]) -> str:
    """Write what is started on Linux and macOS: a manifest names a program, not its arguments.

    What the client passes, the manifest and the add-on's name, is left away.
    """
    return f"#!/bin/sh\nexec {shlex.join(command)}\n"


def batch_launcher(command: Sequence[str]) -> str:
    """Write what is started on Windows.

    cmd.exe reads it line by line in the console's code page, so it is told of UTF-8 (65001) first.
    """
    line = list2cmdline(command).replace("%", "%%")
    return f"@echo off\r\nchcp 65001 >nul\r\n{line}\r\n"


def package(files: Mapping[str, bytes]) -> bytes:
    """Pack files into an add-on (.xpi): the same files give the same bytes, anywhere."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix
            archive.writestr(entry, files[name])
    return packed.getvalue()
