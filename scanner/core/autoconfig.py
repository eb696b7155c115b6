"""What a provider publishes about its IMAP server, in the format of Mozilla's autoconfig.

https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/config-file-format.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from scanner.core.providers import Provider

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_TLS: dict[str, Literal["implicit", "starttls"]] = {"SSL": "implicit", "STARTTLS": "starttls"}
_PORT = re.compile(r"[0-9]{1,5}")  # of more than 4300 digits Python makes no number
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Server:
    """Where and as whom to log in; an empty `user` is the address."""

    host: str
    port: int = 993
    tls: Literal["implicit", "starttls"] = "implicit"
    user: str = ""

    @classmethod
    def of(cls, provider: Provider) -> Server:
        """Give the server that a known provider would have programs use."""
        return cls(provider.hosts[0], provider.port, provider.tls)


def server(document: bytes, address: str) -> Server | None:
    """Give the first IMAP server with TLS that the document names, if there is one."""
    from lxml import etree

    # Whoever publishes it may write anything: no entities, no files, no network.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    found = (_read(node, address) for node in root.iterfind(".//incomingServer[@type='imap']"))
    return next((one for one in found if one), None)


def _read(node: Any, address: str) -> Server | None:
    host, port, tls = (_text(node, name) for name in ("hostname", "port", "socketType"))
    if not (is_host(host) and tls in _TLS and _PORT.fullmatch(port) and int(port) in _PORTS):
        return None
    user = _filled(_text(node, "username"), address)
    return Server(host, int(port), _TLS[tls], "" if user == address else user)


def is_host(name: str) -> bool:
    """Tell whether this may be the name of a host, or its address."""
    return _HOST.fullmatch(name) is not None


def _text(node: Any, name: str) -> str:
    return (node.findtext(name) or "").strip()


def _filled(user: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    for mark, value in (
        ("%EMAILADDRESS%", address),
        ("%EMAILLOCALPART%", local),
        ("%EMAILDOMAIN%", domain),
    ):
        user = user.replace(mark, value)
    return user if user.isprintable() and "%" not in user else ""
