"""What a server's answer to a login means: one sentence with provider, cause and next step.

A server's own words are never repeated, since they may hold addresses; its response code is
(RFC 5530 section 3), so that the user can ask for help.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanner.core.providers import Provider


@dataclass(frozen=True, slots=True)
class Meaning:
    """Why a login was refused, as what the provider does, and what to do now.

    `passing` tells trouble that another try may not meet from one that the user must mend.
    """

    cause: str
    remedy: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer to be known by its words, of any provider or of some alone.

    In what it means, {where} stands for how to come by the provider's kind of password, {imap}
    for how to switch IMAP on, {oauth} for how to go without passwords, {put} for how to put "it"
    where the password is taken from, {renew} for how to put the right one there.
    """

    pattern: str
    cause: str
    remedy: str
    passing: bool = False
    of: tuple[str, ...] = ()
    of_passwords: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a password or token comes from: `name` says it, `put` how another, "{it}", gets there.

    "{login}" stands for the command that stores a password, "{account}" for the account's name.
    """

    name: str
    put: str
    is_token: bool = False


TOKEN_COMMAND = Source("a command (token_command)", "mend token_command", is_token=True)
OAUTH = Source("the system keyring, by OAuth2", "run `{login}` to allow it anew", is_token=True)
PASSWORD_ENV = Source(
    "an environment variable (password_env)",
    "set the variable that password_env names to {it}, and start unflub anew",
)
PASSWORD_FILE = Source(
    "a file (password_file)", "write {it} into the file that password_file names"
)
PASSWORD_COMMAND = Source("a command (password_command)", "have password_command print {it}")
SYSTEMD = Source("a systemd credential", "put {it} into the systemd credential unflub.{account}")
KEYRING = Source("the system keyring", "store {it} with `{login}`")
TYPED = Source("`unflub setup`", "give {it} to `unflub setup`")
"""One that is kept nowhere yet, of an account that `unflub login` may not know."""

_GOOGLE = ("Gmail", "Google Workspace")
_MICROSOFT = ("Outlook.com", "Microsoft 365")
_SHUT_OUT = r"authenticated but not connected"  # Exchange says so at the command after the login
_TOO_MUCH = (
    r"bandwidth limit|rate limit|throttl|"
    r"too many (bad |failed |invalid )?(login|auth|attempts|requests|commands)"
)
_EXPIRED = r"AccessTokenExpired|session expired|token (has |is )?expired"
_MOST = 1000  # characters; a hostile server may say a megabyte
# The first that fits counts.
_ANSWERS = (
    _Answer(
        r"application-specific password|app[- ]?(specific )?password",
        "wants an app password, not the one you log in with", "{where}, then {put}",
        of_passwords=True,
    ),
    _Answer(
        r"basic auth\w* is (disabled|blocked)|basicauthblocked",
        "takes no passwords any more (basic authentication is off)", "{oauth}", of_passwords=True,
    ),
    _Answer(
        _SHUT_OUT,
        "knows you, and does not connect you to the mailbox",
        "it is tried again later; if that goes on, {imap}, or log in as the right user: {renew}",
        passing=True,
    ),
    _Answer(
        r"(not enabled|yet to enable|disabled|turned off)[^.]*imap|"
        r"imap[^.]*(disabled|not enabled|off\b)",
        "keeps IMAP off for this account", "{imap}",
    ),
    _Answer(
        r"web login required|webalert|via (a|your) web browser|"
        r"please (log|sign) ?in (to|at|with) (your )?(web|browser)",
        "wants you to confirm that it is you",
        "log in in a web browser, follow what it asks there, and try again",
        passing=True,
    ),
    _Answer(
        r"too many (simultaneous )?connections|maximum number of connections|too many logins",
        "says that too many programs are connected at once",
        "close a mail program on another device; it is tried again later",
        passing=True,
    ),
    _Answer(
        rf"overquota|\[limit\]|{_TOO_MUCH}",
        "has seen too many requests of this account",
        "leave it alone for an hour; it is tried again later",
        passing=True,
    ),
    _Answer(
        r"account (is |has been )?(locked|suspended|blocked|disabled)",
        "has locked the account", "log in in a web browser and follow what it says there",
    ),
    _Answer(
        r"\[expired\]|password (has |is )?expired",
        "says that the password has expired", "choose another in a web browser, then {put}",
    ),
    _Answer(
        r"\[privacyrequired\]|plaintext auth\w* (disallowed|not allowed|disabled)",
        "takes passwords over TLS only",
        'set tls = "implicit" or "starttls" in the configuration',
    ),
    _Answer(
        r"\[authorizationfailed\]",
        "does not let this user use this mailbox", "check user and address in the configuration",
    ),
    _Answer(
        r"\[contactadmin\]",
        "has trouble that only its administrators can mend", "ask them; it is tried again later",
        passing=True,
    ),
    _Answer(
        r"\[(unavailable|inuse|serverbug)\]|temporar|try again later|lookup failed|"
        r"(server|system|internal) error|server unavailable",
        "lets nobody in now", "it is tried again later",
        passing=True,
    ),
    _Answer(
        r"no such user|user .* not found", "knows no such mailbox, or another password",
        "{where}, then {put}", of=("Proton Bridge",),
    ),
    _Answer(
        r"login failed|authenticate failed",
        "takes no passwords (basic authentication is off)", "{oauth}",
        of=_MICROSOFT, of_passwords=True,
    ),
    _Answer(
        r"invalid credentials",
        "refused the user name or password, and takes app passwords only",
        "{where}, then {put}", of=_GOOGLE, of_passwords=True,
    ),
    _Answer(
        r"\[alert\]",
        "has an alert for you",
        "log in with a mail client or in the browser to read it",
        passing=True,
    ),
)  # fmt: skip

_OAUTH = "set oauth_client_id in the configuration and run `{login}`, or set token_command"
_TOKEN = _Answer("", "refused the access token", "{renew}")


def advice(source: Source, account: str, it: str = "it") -> str:
    """Say how another password, `it`, takes the place of the one an account has."""
    return source.put.format(it=it, login=f"unflub login {account}", account=account)


def meaning(words: str, provider: Provider | None, account: str, source: Source) -> Meaning:
    """Tell what the answer to a login means; `account` is the name in the configuration."""
    name = provider.name if provider else ""
    known = (a for a in _ANSWERS if not (source.is_token and a.of_passwords))
    default = _TOKEN if source.is_token else _default(provider)
    found = next((a for a in known if _fits(a, words[:_MOST], name)), default)
    imap = "switch it on in the provider's settings in a web browser, or ask its administrators"
    remedy = found.remedy.format(
        where=provider.where if provider else "make one in the provider's settings",
        oauth=_OAUTH.format(login=f"unflub login {account}"),
        imap=(provider and provider.imap) or imap,
        put=advice(source, account),
        renew=advice(source, account, "the right password"),
    )
    return Meaning(found.cause, remedy, found.passing)


def is_expired(words: str) -> bool:
    """Tell whether a BYE says that the access token, or the session, has had its time."""
    return re.search(_EXPIRED, words, re.IGNORECASE) is not None


def is_too_much(words: str) -> bool:
    """Tell whether a command was refused since there were too many of them."""
    return re.search(_TOO_MUCH, words, re.IGNORECASE) is not None


def is_shut_out(words: str) -> bool:
    """Tell whether a command was refused to who is logged in, and yet not let in."""
    return re.search(_SHUT_OUT, words, re.IGNORECASE) is not None


def code(words: str) -> str:
    """Give the response code ("[AUTHENTICATIONFAILED]") of a server's answer, if any."""
    match = re.search(r"\[[A-Z-]{3,40}\]", words)
    return f" {match.group()}" if match else ""


def _fits(answer: _Answer, words: str, provider: str) -> bool:
    if answer.of and provider not in answer.of:
        return False
    return re.search(answer.pattern, words, re.IGNORECASE) is not None


def _default(provider: Provider | None) -> _Answer:
    """Explain a refusal that gives no reason: the likeliest is that another secret is wanted."""
    cause = "refused the user name or password"
    if provider is None or provider.secret == "oauth2":  # noqa: S105 - a kind of secret
        return _Answer("", cause, "check them, or {renew}")
    if provider.secret == "password":  # noqa: S105
        return _Answer("", cause, "{where}, then {put}; and {imap}")
    return _Answer("", f"{cause}, and takes {provider.secret}s only", "{where}, then {put}")
