"""A private Cyrus server in a folder of its own: any user, any password."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.dovecot import hand_over, unprivileged
from support.ports import free_port, wait_until_up

_PATIENCE = 30
# Debian's Cyrus and Dovecot exclude each other, so `make .cyrus` only unpacks this one.
_UNPACKED = Path(__file__).parents[2] / ".cyrus"

_IMAPD = """
configdirectory: {folder}/lib
partition-default: {folder}/spool
defaultpartition: default
cyrus_user: {user}
cyrus_group: {group}
admins: admin
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
autocreate_post: yes
autocreate_quota: 0
autocreate_inbox_folders: Drafts | Sent | Trash
autocreate_subscribe_folders: Drafts
xlist-drafts: Drafts
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
idlesocket: {folder}/lib/socket/idle
syslog_prefix: unflub
imapidlepoll: 1
tls_session_timeout: 0
sievedir: {folder}/sieve
conversations: 0
"""

_CYRUS = """
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {folder}/imapd.conf -r"
  idled cmd="{bin}/idled -C {folder}/imapd.conf"
}}
# Without babysit, five children that die early under load would have the service closed for good
# (master(8)).
SERVICES {{
  imap cmd="{imapd}" listen="127.0.0.1:{port}" prefork=1 maxchild=60 babysit=1
}}
EVENTS {{
}}
"""


@dataclass(frozen=True)
class Cyrus:
    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def running() -> Iterator[Cyrus]:
    """Run a server, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="unflub-cyrus-") as folder:
        server = _started(Path(folder))
        try:
            wait_until_up(server.process, server.port)
            yield server
        finally:
            server.process.terminate()
            server.process.wait(_PATIENCE)


def _started(folder: Path) -> Cyrus:
    user, group = unprivileged()
    root = _UNPACKED if _UNPACKED.exists() else Path("/")
    programs, port = root / "usr/lib/cyrus/bin", free_port()
    assert programs.exists(), "Cyrus is missing: make .cyrus"
    for name in ("lib/socket", "lib/db", "lib/proc", "spool", "sieve"):
        (folder / name).mkdir(parents=True)
    imapd = f"{programs}/imapd -C {folder}/imapd.conf"
    values = {
        "imapd": imapd,
        "folder": folder,
        "user": user,
        "group": group,
        "bin": programs,
        "port": port,
    }
    (folder / "imapd.conf").write_text(_IMAPD.format(**values))
    (folder / "cyrus.conf").write_text(_CYRUS.format(**values))
    hand_over(folder, (folder, *folder.rglob("*")), user, group)
    process = subprocess.Popen(
        [root / "usr/sbin/cyrmaster", "-C", folder / "imapd.conf", "-M", folder / "cyrus.conf",
         "-p", folder / "lib/master.pid"],
        env=os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, root.glob("usr/lib/*-linux-gnu")))},
        # When it ends, its master signals its whole process group, in which are the other servers.
        start_new_session=True,
    )  # fmt: skip
    return Cyrus(port, process)
