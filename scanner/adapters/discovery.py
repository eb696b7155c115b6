"""Finding the IMAP server of an address: the provider's own word, by HTTPS and by DNS.

Only the domain's own servers are asked, and only HTTPS, so nobody else learns the address.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Literal
from urllib.parse import quote

import dns.exception
import dns.resolver

from scanner.config import Seconds
from scanner.core import autoconfig, providers
from scanner.core.autoconfig import Server
from scanner.core.providers import Provider

_PATIENCE: Seconds = 5
_MOST = 64 * 1024
_PUBLISHED = (
    "https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={address}",
    "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={address}",
)
_SERVICES: tuple[tuple[str, Literal["implicit", "starttls"]], ...] = (
    ("_imaps._tcp", "implicit"),
    ("_imap._tcp", "starttls"),
)


@dataclass(frozen=True, slots=True)
class FoundServer:
    """The server of an address, and by what it was found.

    It is not `sure` where only the user can tell whether it is their provider's.
    """

    server: Server
    how: str
    sure: bool = True


def _system_resolver() -> dns.resolver.Resolver:
    try:
        return dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):  # there is no network at all
        return dns.resolver.Resolver(configure=False)


@dataclass(frozen=True)
class Directory:
    """Where to look things up; tests have one of their own."""

    resolver: dns.resolver.Resolver = field(default_factory=_system_resolver)
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def find(self, address: str) -> FoundServer | None:
        """Find the server of an address, the surest way first; None where nobody tells."""
        return next(self._ways(address), None)

    def _ways(self, address: str) -> Iterator[FoundServer]:
        domain = address.rpartition("@")[2]
        if provider := providers.by_address(address):
            yield FoundServer(Server.of(provider), "its domain")
        if server := self._published(address, domain):
            yield FoundServer(server, "its autoconfig file")
        if server := self._announced(domain):
            yield FoundServer(server, "DNS (SRV)", sure=_is_safe(server, domain))
        if provider := self._exchange(domain):
            yield FoundServer(Server.of(provider), "DNS (MX)")

    def _published(self, address: str, domain: str) -> Server | None:
        for template in _PUBLISHED:
            url = template.format(domain=domain, address=quote(address))
            document = self._fetched(url)
            if document and (server := autoconfig.server(document, address)):
                return server
        return None

    def _fetched(self, url: str) -> bytes | None:
        https = urllib.request.HTTPSHandler(context=self.trust)
        opener = urllib.request.build_opener(https, _OnlyHttps())
        try:
            with opener.open(url, timeout=_PATIENCE) as answer:
                document: bytes = answer.read(_MOST)
                return document
        except (OSError, ValueError, HTTPException):  # among them URLError, SSLError, IDNA's
            return None

    def _announced(self, domain: str) -> Server | None:
        """Ask for SRV records (RFC 6186 section 3.2, RFC 8314 section 5.1)."""
        for service, tls in _SERVICES:
            rows = sorted(
                self._records(f"{service}.{domain}", "SRV"),
                key=lambda row: (row.priority, -row.weight),
            )
            for row in rows:
                host = row.target.to_text(omit_final_dot=True)
                if autoconfig.is_host(host):  # "." says that there is no such service
                    return Server(host, row.port, tls)
        return None

    def _exchange(self, domain: str) -> Provider | None:
        rows = sorted(self._records(domain, "MX"), key=lambda row: row.preference)
        found = (providers.by_exchange(row.exchange.to_text()) for row in rows)
        return next((provider for provider in found if provider), None)

    def _records(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self.resolver.resolve(name, kind, lifetime=_PATIENCE))
        except (dns.exception.DNSException, OSError, ValueError):
            return []


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows a redirection that stays encrypted."""

    def redirect_request(self, *args: Any) -> urllib.request.Request | None:
        """Refuse to go on in the clear."""
        request = super().redirect_request(*args)
        return request if request and request.full_url.startswith("https://") else None


def _is_safe(server: Server, domain: str) -> bool:
    """Tell a server that may be named by anybody: who forged the answer has no certificate for it.

    Any other needs the user's word (RFC 6186 section 6).
    """
    host = server.host.lower()
    is_theirs = f".{host}".endswith(f".{domain.lower()}")
    return is_theirs or providers.by_host(host, server.port) is not None
