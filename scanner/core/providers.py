"""The common mail providers: their IMAP servers, and what they want of who logs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Secret = Literal["password", "app password", "Bridge password", "oauth2"]


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where a provider gives out tokens (RFC 8414), and for what scope.

    An empty `device` says that it knows no device flow; `extra` is what its page needs beside.
    """

    authorize: str
    token: str
    device: str
    scope: str
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A mail provider.

    `hosts` are its IMAP servers, the first the one to use, `domains` those of its addresses;
    `secret` is what it takes from a program, `where` how to come by that, in plain words; `imap`
    and `drafts` are how to switch on IMAP, and drafts in it, where they may be off.
    """

    name: str
    hosts: tuple[str, ...]
    domains: tuple[str, ...]
    secret: Secret
    where: str
    imap: str = ""
    drafts: str = ""
    port: int = 993
    tls: Literal["implicit", "starttls"] = "implicit"
    oauth: OAuth | None = None


_GOOGLE_APP = (
    "switch on 2-Step Verification, then make an app password at "
    "https://myaccount.google.com/apppasswords"
)
_GOOGLE_IMAP = (
    "ask your domain's administrator to allow it; an account of your own at Gmail always has it"
)
_GOOGLE_DRAFTS = "in Gmail's settings under Labels, tick “Show in IMAP” for Drafts"
_GMX_LOGIN = (
    "use the password of the mailbox; with two-factor login, an app password from its settings"
)
_GMX_IMAP = "in GMX's settings under “POP3 & IMAP”, allow access by IMAP"
_ENTRA = "it takes no passwords but OAuth2: a client id of an app that is registered with Microsoft"

_GOOGLE_OAUTH = OAuth(
    authorize="https://accounts.google.com/o/oauth2/v2/auth",
    token="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    device="",  # it has one, but not for mail
    scope="https://mail.google.com/",
    extra=(("access_type", "offline"), ("prompt", "consent")),
)
_MICROSOFT = "https://login.microsoftonline.com/common/oauth2/v2.0"
_MICROSOFT_OAUTH = OAuth(
    authorize=f"{_MICROSOFT}/authorize",
    token=f"{_MICROSOFT}/token",
    device=f"{_MICROSOFT}/devicecode",
    scope="https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
)

PROVIDERS = (
    Provider(
        "Gmail", ("imap.gmail.com", "imap.googlemail.com"), ("gmail.com", "googlemail.com"),
        "app password", _GOOGLE_APP, _GOOGLE_IMAP, _GOOGLE_DRAFTS, oauth=_GOOGLE_OAUTH,
    ),
    # It has the same servers, for addresses of other domains.
    Provider(
        "Google Workspace", ("imap.gmail.com",), (), "app password",
        f"{_GOOGLE_APP} (an administrator may have to allow it)", _GOOGLE_IMAP,
        _GOOGLE_DRAFTS, oauth=_GOOGLE_OAUTH,
    ),
    Provider(
        "Outlook.com", ("imap-mail.outlook.com",),
        ("outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "outlook.fr",
         "hotmail.co.uk", "hotmail.de", "hotmail.fr", "live.co.uk"),
        "oauth2", _ENTRA,
        "at https://outlook.live.com under Settings, Mail, “Forwarding and IMAP”, let devices use "
        "IMAP",
        oauth=_MICROSOFT_OAUTH,
    ),
    Provider(
        "Microsoft 365", ("outlook.office365.com",), (), "oauth2",
        f"{_ENTRA}; an administrator may have to allow it",
        "ask the administrator to allow IMAP for the mailbox",
        oauth=_MICROSOFT_OAUTH,
    ),
    Provider(
        "iCloud", ("imap.mail.me.com",), ("icloud.com", "me.com", "mac.com"), "app password",
        "make an app-specific password at https://account.apple.com, under Sign-In and Security; "
        "the user name is your iCloud address, also for an address of your own domain",
    ),
    Provider(
        "Yahoo", ("imap.mail.yahoo.com",),
        ("yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr",
         "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.in", "yahoo.se", "yahoo.co.nz", "yahoo.com.au",
         "yahoo.com.ar", "yahoo.com.br", "yahoo.com.mx", "myyahoo.com"),
        "app password",
        "make an app password at https://login.yahoo.com/account/security",
    ),
    Provider(
        "AOL", ("imap.aol.com",), ("aol.com", "aim.com"), "app password",
        "make an app password at https://login.aol.com/account/security",
    ),
    Provider(
        "Fastmail", ("imap.fastmail.com",), ("fastmail.com", "fastmail.fm"), "app password",
        "make an app password for mail in Fastmail's settings, under Privacy & Security",
    ),
    Provider(
        "GMX", ("imap.gmx.net",),
        ("gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.org", "gmx.eu", "gmx.info", "gmx.biz"),
        "password", _GMX_LOGIN, _GMX_IMAP,
    ),
    Provider(
        "GMX", ("imap.gmx.com",), ("gmx.com", "gmx.us", "gmx.co.uk"), "password",
        _GMX_LOGIN, _GMX_IMAP,
    ),
    Provider(
        "Zoho",
        ("imap.zoho.com", "imappro.zoho.com", "imap.zoho.eu", "imappro.zoho.eu", "imap.zoho.in",
         "imappro.zoho.in", "imap.zoho.com.au", "imappro.zoho.com.au"),
        ("zoho.com", "zohomail.com"), "password",
        "use the password of the account; with two-factor login, an application-specific password "
        "from https://accounts.zoho.com, under Security",
        "in Zoho Mail's settings under Mail Accounts, IMAP, allow IMAP access",
    ),
    Provider(
        "Proton Bridge", ("127.0.0.1",), ("proton.me", "protonmail.com", "pm.me", "protonmail.ch"),
        "Bridge password",
        "start Proton Mail Bridge on this computer, and take the password that it shows for the "
        "mailbox (not that of your Proton account); export its TLS certificate there, too, and "
        "name that file as ca_file",
        port=1143, tls="starttls",
    ),
)  # fmt: skip


def by_address(address: str) -> Provider | None:
    """Find who gives out addresses such as this one."""
    domain = _domain(address)
    return next((provider for provider in PROVIDERS if domain in provider.domains), None)


def by_host(host: str, port: int = 993, address: str = "") -> Provider | None:
    """Find whose IMAP server this is; on this machine the port tells Proton Bridge.

    Of two that share it, the `address` tells whose it is for the user; without one, the first.
    """
    host, domain = host.casefold().rstrip("."), _domain(address)
    found = (p for p in PROVIDERS if host in p.hosts and p.port == port)
    return min(
        found, key=lambda p: bool(domain and p.domains) and domain not in p.domains, default=None
    )


def by_exchange(exchange: str) -> Provider | None:
    """Find whose mail exchange this is (the host of a domain's MX record, RFC 5321 section 5)."""
    exchange = f".{exchange.casefold().rstrip('.')}"
    return next((by_name(name) for end, name in _EXCHANGES if exchange.endswith(end)), None)


def by_name(name: str) -> Provider | None:
    """Find a provider by its name, however it is spelled."""
    asked = _plain(name)
    return next((provider for provider in PROVIDERS if _plain(provider.name) == asked), None)


_EXCHANGES = (
    (".google.com", "Google Workspace"),
    (".googlemail.com", "Google Workspace"),
    (".mail.protection.outlook.com", "Microsoft 365"),
    (".mx.microsoft", "Microsoft 365"),  # with DNSSEC
    (".olc.protection.outlook.com", "Outlook.com"),
    (".mail.icloud.com", "iCloud"),
    (".messagingengine.com", "Fastmail"),
    (".zoho.com", "Zoho"),
    (".protonmail.ch", "Proton Bridge"),
)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
