"""The mail server of an address, as its domain tells by HTTPS and DNS."""

from __future__ import annotations

import dns.resolver
import pytest
from support.directory import dns_server, web_server

from scanner.adapters.discovery import Directory
from scanner.core.autoconfig import Server

WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
DOCUMENT = b"""<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="localhost">
  <incomingServer type="pop3"><hostname>pop.localhost</hostname><port>995</port>
    <socketType>SSL</socketType><username>%EMAILADDRESS%</username></incomingServer>
  <incomingServer type="imap"><hostname>imap.localhost</hostname><port>1993</port>
    <socketType>SSL</socketType><username>%EMAILLOCALPART%</username>
    <authentication>password-cleartext</authentication></incomingServer>
</emailProvider></clientConfig>"""


def found(records: tuple[str, ...] = (), address: str = "me@example.org") -> object:
    with dns_server(*records) as resolver:
        return Directory(resolver).find(address)


def test_srv_records_name_the_server():
    """The one with TLS from the start comes first, then the lowest priority (RFC 6186)."""
    records = (
        "_imap._tcp.example.org. SRV 0 1 143 plain.example.org.",
        "_imaps._tcp.example.org. SRV 20 1 993 second.example.org.",
        "_imaps._tcp.example.org. SRV 10 1 1993 first.example.org.",
    )
    assert found(records).server == Server("first.example.org", 1993)
    assert found(records[:1]).server == Server("plain.example.org", 143, "starttls")


@pytest.mark.parametrize(
    ("host", "sure"),
    [
        ("example.org", True),
        ("Imap.Example.org", True),
        ("imap.gmail.com", True),
        ("imap.elsewhere.example", False),
        ("imap.notexample.org", False),
        ("example.org.elsewhere.example", False),
    ],
)
def test_a_server_elsewhere_that_dns_alone_names_is_not_sure(host, sure):
    """Whoever forges an answer can have a certificate for their own host (RFC 6186 section 6)."""
    assert found((f"_imaps._tcp.example.org. SRV 0 1 993 {host}.",)).sure is sure


def test_a_root_as_target_says_that_there_is_no_service():
    """RFC 6186 section 3.4; the next kind is asked for."""
    records = (
        "_imaps._tcp.example.org. SRV 0 0 0 .",
        "_imap._tcp.example.org. SRV 0 1 143 plain.example.org.",
    )
    assert found(records).server.host == "plain.example.org"
    assert found(records[:1]) is None


def test_a_domain_of_one_s_own_is_known_by_its_mail_exchange():
    """Google Workspace and Microsoft 365 are found though they publish nothing."""
    google = found(("example.org. MX 10 aspmx.l.google.com.",))
    assert google.server == Server("imap.gmail.com")
    outlook = found(("example.org. MX 0 example-org.mail.protection.outlook.com.",))
    assert outlook.server == Server("outlook.office365.com")


def test_a_common_provider_is_known_without_asking():
    """No look-up tells anybody of the address."""
    nobody = dns.resolver.Resolver(configure=False)
    assert Directory(nobody).find("me@gmail.com").server == Server("imap.gmail.com")


@pytest.mark.parametrize("address", ["me@example.org", "me@nowhere.invalid", "me@a..b", "me@-"])
def test_where_nobody_tells_there_is_nothing(address):
    """It is no error, whatever the address looks like."""
    assert found(address=address) is None


@pytest.fixture
def published():
    """Look an address up whose domain serves these pages."""

    def look(pages: dict[str, bytes]) -> object:
        with web_server(pages) as (port, trust):
            nobody = dns.resolver.Resolver(configure=False)
            return Directory(nobody, trust).find(f"me@localhost:{port}")

    return look


def test_the_autoconfig_file_names_server_and_user(published):
    """The first IMAP server with TLS, and how the user is called there."""
    assert published({WELL_KNOWN: DOCUMENT}).server == Server("imap.localhost", 1993, user="me")


def test_a_redirection_is_followed_as_long_as_it_is_encrypted(published):
    """In the clear anybody on the way could name their own server."""
    assert published({WELL_KNOWN: b"->/moved", "/moved": DOCUMENT}).server.port == 1993
    assert published({WELL_KNOWN: b"->http://127.0.0.1:1/moved", "/moved": DOCUMENT}) is None


def test_a_certificate_that_is_not_to_be_trusted_is_not():
    """Whoever answers in the domain's place is not believed."""
    with web_server({WELL_KNOWN: DOCUMENT}) as (port, _):
        assert (
            Directory(dns.resolver.Resolver(configure=False)).find(f"me@localhost:{port}") is None
        )


@pytest.mark.parametrize(
    "document",
    [
        b"", b"no XML", b"<clientConfig/>",
        DOCUMENT.replace(b"<socketType>SSL", b"<socketType>plain"),
        DOCUMENT.replace(b"imap.localhost", b"imap.local host"),
        DOCUMENT.replace(b"<port>1993", b"<port>199399"),
        DOCUMENT.replace(b"<port>1993", b"<port>" + b"9" * 5000),
        DOCUMENT.replace(b'<?xml version="1.0"?>', b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>')
        .replace(b"imap.localhost", b"&e;"),
    ],
    ids=["empty", "text", "nothing", "no TLS", "no host", "no port", "digits", "entity"],
)  # fmt: skip
def test_a_file_that_is_not_to_be_used_is_passed_over(published, document):
    """A provider's file is hostile until it is understood."""
    assert published({WELL_KNOWN: document}) is None
