"""A private Dovecot server in a folder of its own: any user, one password."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from support.ports import free_port, wait_until_up

PASSWORD = "correct-horse"
_PATIENCE = 20

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
ssl = {tls}
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login {mechanisms}
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
imap_capability = {capability}
imap_idle_notify_interval = 2 mins
mail_plugins = {plugins}
mail_max_userip_connections = 100
auth_failure_delay = 0
default_process_limit = 400
default_client_limit = 2000

plugin {{
  quota = maildir:User quota
  quota_rule = *:messages={most}
  quota_grace = 0
}}
{tokens}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
# Nobody guesses passwords here: of a few wrong ones every later login would have to wait.
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
# A process takes one login after another: to start one for each costs more than what it does.
service imap {{
  service_count = 1000
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox {drafts} {{
    auto = subscribe
    {special_use}
  }}
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
"""


_TOKENS = """
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {folder}/oauth2.conf
}}
"""
_OAUTH = """
introspection_mode = post
introspection_url = {url}
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
"""


@dataclass
class Dovecot:
    folder: Path
    port: int
    tls_port: int

    @property
    def authority(self) -> Path:
        """The PEM file of the certificate authority that signed the server's certificate."""
        return self.folder / "authority.pem"

    def start(self) -> None:
        """Start it, for the first time or again, with the mail that it has."""
        self._process = subprocess.Popen([_program(), "-F", "-c", self.folder / "dovecot.conf"])
        wait_until_up(self._process, self.port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE)


@contextmanager
def running(**options: Any) -> Iterator[Dovecot]:
    """Run a server with the options of `_prepared`, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="unflub-dovecot-") as folder:
        server = _prepared(Path(folder), **options)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _prepared(  # noqa: PLR0913 - each is one thing a server may be like
    folder: Path,
    *,
    capability: str = "",
    drafts: str = "Drafts",
    special_use: bool = True,
    password: str = PASSWORD,
    expired: bool = False,
    tls: bool = True,
    most: int = 0,
    introspection: str = "",
    mechanisms: str = "oauthbearer xoauth2",
) -> Dovecot:
    """Write its files; `capability` replaces what it says it can do, `most` are for a user.

    With an `introspection` address it takes access tokens, too, and asks there about them.
    """
    user, group = unprivileged()
    ports = free_port(), free_port()
    _write_certificates(folder, expired=expired)
    (folder / "mail").mkdir()
    (folder / "oauth2.conf").write_text(_OAUTH.format(url=introspection))
    (folder / "dovecot.conf").write_text(
        _CONFIG.format(
            folder=folder,
            tls="yes" if tls else "no",
            plugins="quota" if most else "",
            most=most,
            mechanisms=mechanisms if introspection else "",
            tokens=_TOKENS.format(folder=folder) if introspection else "",
            user=user,
            group=group,
            password=password,
            capability=capability,
            port=ports[0],
            tls_port=ports[1],
            drafts=drafts,
            special_use="special_use = \\Drafts" if special_use else "",
        )
    )
    hand_over(folder, [folder / "mail"], user, group)
    return Dovecot(folder, *ports)


def _program() -> str:
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert program, "Dovecot is missing: apt-get install dovecot-imapd"
    return program


def unprivileged() -> tuple[str, str]:
    """Dovecot refuses mail users with uid 0; without root there is only ourselves."""
    if os.getuid() == 0:
        return "nobody", grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    return pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


def _write_certificates(folder: Path, *, expired: bool) -> None:
    authority = trustme.CA()
    until = datetime.now(UTC) - timedelta(days=1) if expired else None
    certificate = authority.issue_cert("localhost", not_after=until)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "server.pem")


def hand_over(folder: Path, paths: Iterable[Path], user: str, group: str) -> None:
    """Give away what a server writes as another user, and let that one come there."""
    if os.getuid() != 0:
        return
    for path in paths:
        shutil.chown(path, user, group)
    for path in (folder, *folder.parents):
        if path.stat().st_uid == 0 and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o011)
