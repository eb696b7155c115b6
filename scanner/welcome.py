"""`unflub setup`: the questions, and what is said in between."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from scanner import common, config
from scanner.config import Account
from scanner.core import providers
from scanner.core.autoconfig import Server, is_host
from scanner.errors import (
    ConfigurationError,
    CredentialsError,
    UnflubError,
    UnreachableError,
    UntrustedError,
)
from scanner.laptop import allow

_TRIES = 3
_File = click.Path(resolve_path=True)  # the service has another working folder
_TIMEOUT = 30
_SOURCES = ("token_command", "password_command", "password_file", "password_env")
_OAUTH = ("oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope")
_WISHES = ("port", "tls", "user", "ca_file", "drafts", *_OAUTH)


@dataclass(frozen=True, slots=True)
class _Asker:
    """Asks, or takes what was given by options; a silent one never asks."""

    silent: bool

    def text(
        self, question: str, option: str, given: str | None, default: str,
        problem: Callable[[str], str],
    ) -> str:  # fmt: skip
        """Give an answer in which there is no problem. Raises UsageError where it may not ask."""
        if given is None and not self.silent:
            while trouble := problem(answer := self._prompted(question, default)):
                click.echo(f"{trouble}.")
            return answer
        answer = given or default
        if trouble := problem(answer):
            raise click.UsageError(f"{option}{'' if given else ' is needed'}: {trouble}")
        return answer

    @staticmethod
    def _prompted(question: str, default: str) -> str:
        """Ask once; spaces around it, which nobody sees, come of pasting."""
        return str(click.prompt(question, default=default or None)).strip()

    def agrees(self, question: str, given: bool | None = None) -> bool:  # noqa: FBT001
        """Ask whether to do something; a silent one does what options say alone."""
        if given is not None or self.silent:
            return bool(given)
        return click.confirm(question, default=True)


@click.command()
@click.option("--address", help="Your mail address.")
@click.option("--account", "name", metavar="NAME", help="What to call the account.")
@click.option("--provider", metavar="NAME", help="The mail provider, where the address hides it.")
@click.option("--host", help="The IMAP server, where it is not found by the address.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port.")
@click.option("--tls", type=click.Choice(["implicit", "starttls", "none"]), help="How to encrypt.")
@click.option("--user", help="The user name, where it is not the address.")
@click.option("--ca-file", type=_File, help="Certificate authority to trust, if not public.")
@click.option("--drafts", help="The Drafts mailbox, where it is not found.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--password-command", help="A command that prints the password.")
@click.option("--password-file", type=_File, help="A file of mode 0600 that holds the password.")
@click.option("--password-env", help="An environment variable that holds the password.")
@click.option("--token-command", help="A command that prints an access token (OAuth2).")
@click.option("--oauth-client-id", help="OAuth2: the client id of an app of yours.")
@click.option("--oauth-client-secret", help="OAuth2: its secret, where it has one.")
@click.option("--oauth-issuer", help="OAuth2: who gives out tokens, where that is not known.")
@click.option("--oauth-scope", help="OAuth2: the scope for IMAP there.")
@click.option("--device", is_flag=True, help="OAuth2: by a code typed in on any device.")
@click.option("--dry-run/--no-dry-run", default=None, help="Look once what would be done.")
@click.option("--service/--no-service", default=None, help="Run it at login from now on.")
@click.option("--no-questions", is_flag=True, help="Ask nothing; the options say all.")
@common.config
@click.pass_context
def setup(
    context: click.Context, /, *, config_path: Path | None, no_questions: bool, **given: Any
) -> None:
    """Set up an account, in two minutes.

    Finds the server by your mail address, logs in, and writes the configuration. Run again, it
    changes only what you answer anew.

    \b
    Examples:
      unflub setup
      unflub setup --account work       another account
      unflub setup --no-questions --address me@example.org --password-stdin < secret
    """
    from scanner.adapters import secrecy, settings

    secrecy.no_core_file()  # what is typed in goes through no other way to a password
    path = config_path or config.default_path()
    text = settings.read(path)
    known = config.parse(text) if text is not None else config.Config()
    asker = _Asker(no_questions or sys.stdin is None)
    with _way_on("the configuration was not changed; run `unflub setup` when you like"):
        before, account = _asked_for(known, asker, given)
        account = _by_token(_sourced(_parted(account, before, given), given), asker)
        # What cannot be written is told before a password is asked for, and kept.
        settings.changed(text, account.name, _values(account, before))
        account, keep = _let_in(account, before, asker, given)
        if keep is not None:
            account = _kept(account, keep, path, asker)
    settings.write(path, settings.changed(text, account.name, _values(account, before)))
    click.echo(f"\nThe configuration is written: {path}")
    with _way_on("all is set up; go on with `unflub watch`, or `unflub service install`"):
        _offer(context, asker, account, path, given)


@contextmanager
def _way_on(words: str) -> Iterator[None]:
    """Say where who interrupts it stands, and how to go on."""
    try:
        yield
    except (click.Abort, KeyboardInterrupt):
        raise click.Abort(words) from None


def _asked_for(
    known: config.Config, asker: _Asker, given: dict[str, Any]
) -> tuple[Account | None, Account]:
    """Ask whose account it is; give how it was, if it was, and how it is to be."""
    before = _known(known, given)
    mine = before.address if before else ""
    # Who wrote two accounts of one address into the file, for two mailboxes say, may keep both.
    others = [
        a for a in known.accounts if given["name"] is not None and a.address.lower() != mine.lower()
    ]
    address = asker.text(
        "Your mail address", "--address", given["address"], mine,
        lambda text: _no_address(text := _in_ascii(text)) or _taken(text, others),
    )  # fmt: skip
    address = _in_ascii(address)
    before = before or _of(address, known.accounts)
    differs = before is not None and address.lower() != before.address.lower()
    if before and differs and given["name"] is None:  # it was typed over the one there is
        named = f"Is it a new account, and {before.name} stays as it is?"
        before = None if asker.agrees(named) else before
    return before, _placed(_named(known, before, address, given), asker, given)


def _offer(
    context: click.Context, asker: _Asker, account: Account, path: Path, given: dict[str, Any]
) -> None:
    from scanner.adapters import service

    group = context.parent.command if context.parent else None
    watch = group.commands["watch"] if isinstance(group, click.Group) else None
    if watch and asker.agrees("\nLook once what unflub would do now?", given["dry_run"]):
        with _told(asker):
            context.invoke(watch, once=True, dry_run=True, names=(account.name,), config_path=path)
    runs = service.manager().file.exists()
    anew = "unflub runs at every login; start it anew, so that it heeds this?"
    question = anew if runs else "Run unflub now, and at every login?"
    install = group.commands["service"] if isinstance(group, click.Group) else None
    if isinstance(install, click.Group) and asker.agrees(f"\n{question}", given["service"]):
        with _told(asker):
            context.invoke(install.commands["install"], config_path=path)
    elif runs:
        click.echo("\n`unflub service install` starts the service anew, so that it heeds this.")
    click.echo(
        f"\n`unflub doctor --account {account.name} --wait` tells whether your mail client saves\n"
        "drafts where unflub sees them; `unflub watch` watches until it is stopped."
    )


@contextmanager
def _told(asker: _Asker) -> Iterator[None]:
    """Tell a person what did not work, and go on, for the account is set up all the same."""
    try:
        yield
    except UnflubError as error:
        if asker.silent:
            raise
        click.echo(f"{error}.")


def _known(known: config.Config, given: dict[str, Any]) -> Account | None:
    """Give the account that is set up anew: the one that is named, or the only one there is."""
    if given["name"] is not None:
        return next((a for a in known.accounts if a.name == given["name"]), None)
    if given["address"] is not None:
        return _of(given["address"], known.accounts)
    return known.accounts[0] if len(known.accounts) == 1 else None


def _named(
    known: config.Config, before: Account | None, address: str, given: dict[str, Any]
) -> Account:
    """Begin an account: as it was, or a new one with a name that is free."""
    if before:
        return replace(before, address=address)
    taken = {account.name for account in known.accounts}
    first = given["name"] or "home"
    if trouble := config.unfit_name(first):
        raise click.UsageError(f"--account: {trouble}")
    free = (first, *(f"{first}{number}" for number in range(2, 100)))
    return Account(next(name for name in free if name not in taken), address, host="")


def _placed(account: Account, asker: _Asker, given: dict[str, Any]) -> Account:
    """Say where the account's server is, and what its provider wants."""
    account, found = _found(account, asker, given)
    if not account.host or (not found and not given["host"] and not asker.silent):
        host = asker.text(
            "The IMAP server of your provider", "--host", None,
            account.host or f"imap.{account.address.rpartition('@')[2]}", _no_host,
        )  # fmt: skip
        account = _moved(account, host)
    wishes = {key: given[key] for key in _WISHES}
    account = replace(account, **{key: value for key, value in wishes.items() if value is not None})
    if provider := providers.by_host(*account.endpoint, account.address):
        click.echo(f"{provider.name}: {provider.where}.")
        if provider.imap:
            click.echo(f"Where IMAP is off: {provider.imap}.")
        if provider.drafts:
            click.echo(f"Where Drafts are not found: {provider.drafts}.")
    return account


def _found(account: Account, asker: _Asker, given: dict[str, Any]) -> tuple[Account, bool]:
    """Find the server: as given, as it was, as the provider has it, or as it is published."""
    if given["host"]:
        if trouble := _no_host(given["host"]):
            raise click.UsageError(f"--host: {trouble}")
        return _moved(account, given["host"]), True
    if given["provider"]:
        provider = providers.by_name(given["provider"])
        if provider is None:
            names = ", ".join(dict.fromkeys(p.name for p in providers.PROVIDERS))
            raise click.UsageError(f"--provider: known are {names}")
        return _at(account, Server.of(provider)), True
    if account.host:
        return account, False
    from scanner.adapters.discovery import Directory

    click.echo("Looking for the mail server of your address ...")
    found = Directory().find(account.address)
    if found is None:
        click.echo("Your provider does not tell where its IMAP server is.")
        return account, False
    click.echo(f"Found by {found.how}: {found.server.host}, port {found.server.port}.")
    if not found.sure and not _is_vouched_for(found.server.host, asker):
        return account, False
    return _at(account, found.server), True


def _is_vouched_for(host: str, asker: _Asker) -> bool:
    """Have the user say whether a server is their provider's. Raises UsageError if not to ask."""
    what = f"{host} lies outside the domain of your address, and answers of DNS can be forged"
    if asker.silent:
        raise click.UsageError(f"{what}; if it is your provider's, say so by --host {host}")
    click.echo(f"{what}.")
    return asker.agrees("Is it your provider's?")


def _at(account: Account, server: Server) -> Account:
    port = 0 if server.port == config.usual_port(server.tls) else server.port
    account = _moved(account, server.host)
    return replace(account, port=port, tls=server.tls, user=server.user)


def _moved(account: Account, host: str) -> Account:
    """Give an account this server; how another one was reached tells nothing of it."""
    if host.lower() == account.host.lower():
        return replace(account, host=host)
    none = Account("", "", "")
    return replace(account, host=host, port=none.port, tls=none.tls, ca_file=none.ca_file)


def _let_in(
    account: Account, before: Account | None, asker: _Asker, given: dict[str, Any]
) -> tuple[Account, str | None]:
    """Log in and find Drafts; give the account, and the password that is still to be kept."""
    named = any(given[key] for key in _SOURCES)
    known = named or _is_where_it_was(account, before)
    must = named or asker.silent or account.has_token
    secret = _at_hand(account, must=must) if known and not given["password_stdin"] else None
    kept = secret is not None
    for left in reversed(range(_TRIES)):
        if secret is None:
            secret, kept = _asked(account, asker, given), account.has_token
            if not kept:  # it takes the place of what was there before
                account = replace(account, password_command=(), password_file="", password_env="")
        try:
            return _with_drafts(account, secret, asker, kept=kept), None if kept else secret
        except (CredentialsError, UnreachableError) as error:
            if asker.silent or given["password_stdin"] or account.token_command or not left:
                raise  # what is typed in is a password, and would go out as a token
            click.echo(f"{error}.")
            if isinstance(error, CredentialsError):
                secret, account = None, _as_whom(account, asker)
            elif isinstance(error, UntrustedError):
                account = replace(account, ca_file=_certificate(asker))
            elif not asker.agrees("Try again?"):
                raise
    raise AssertionError  # the last try returns or raises


def _as_whom(account: Account, asker: _Asker) -> Account:
    """Ask for the user name once it may be wrong; the common providers know the address."""
    if account.has_token or providers.by_address(account.address):
        return account
    user = asker.text(
        "User name there (often the address)", "--user", None, account.login, lambda _: ""
    )
    return replace(account, user="" if user == account.address else user)


def _is_where_it_was(account: Account, before: Account | None) -> bool:
    """Tell whether the password that is kept is for this server, and for this user there."""
    return before is not None and (account.host.lower(), account.login) == (
        before.host.lower(), before.login,
    )  # fmt: skip


def _parted(account: Account, before: Account | None, given: dict[str, Any]) -> Account:
    """Leave what an account logged in with behind where it moves: no other server may see it."""
    if _is_where_it_was(account, before):
        return account
    none = Account("", "", "")
    left = {key: getattr(none, key) for key in (*_SOURCES, *_OAUTH) if not given[key]}
    return replace(account, **left)


def _certificate(asker: _Asker) -> str:
    """Ask for what makes a server trusted that no public authority vouches for."""
    file = asker.text(
        "The file of its certificate, as Proton Bridge exports it, say", "--ca-file", None, "",
        lambda text: "" if Path(text).expanduser().is_file() else "there is no such file",
    )  # fmt: skip
    return str(Path(file).expanduser().absolute())


def _sourced(account: Account, given: dict[str, Any]) -> Account:
    """Take the source of the password that is given, in place of another."""
    known = (*_SOURCES, "oauth_client_id")
    sources = {
        key: _words(key, given[key]) if key.endswith("_command") else given[key]
        for key in known
        if given[key]
    }
    if sources or given["password_stdin"]:
        none = {key: type(getattr(account, key))() for key in known}
        return replace(account, **{**none, **sources})
    return account


def _words(key: str, line: str) -> tuple[str, ...]:
    """Take a command apart as a shell does. Raises UsageError."""
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        trouble = str(error).lower()
    else:
        trouble = "" if words else "no command"
    if trouble:
        raise click.UsageError(f"--{key.replace('_', '-')}: {trouble}; quote it as for a shell")
    return words


def _by_token(account: Account, asker: _Asker) -> Account:
    """Ask for what OAuth2 needs, where the provider takes nothing else."""
    provider = providers.by_host(*account.endpoint)
    if account.has_token or provider is None or provider.secret != "oauth2":  # noqa: S105
        return account
    if not asker.silent:
        click.echo(
            "Without an app: press Ctrl-C, and have a tool such as oama give the token, "
            f"`unflub setup --token-command 'oama access {account.address}'`; or have your mail "
            "client alone ask unflub (`unflub plugin install thunderbird`, `unflub sendmail`)."
        )
    client = asker.text(
        f"Client id of an app registered with {provider.name}", "--oauth-client-id", None, "",
        lambda text: "" if text else f"{provider.name} lets no program in without one",
    )  # fmt: skip
    return replace(account, oauth_client_id=client)


def _at_hand(account: Account, *, must: bool) -> str | None:
    """Give the password that is already kept, if it is; where a source is named, it may `must` be.

    Raises CredentialsError.
    """
    from scanner.adapters import credentials

    try:
        return credentials.password(account)
    except CredentialsError as error:
        if any(getattr(account, key) for key in _SOURCES):
            if must:
                raise
            click.echo(f"{error}.")
        return None


def _asked(account: Account, asker: _Asker, given: dict[str, Any]) -> str:
    if account.oauth_client_id:
        from scanner.adapters import credentials

        allow(account, device=given["device"])
        return credentials.password(account)
    if given["password_stdin"]:
        return _from_stdin()
    if asker.silent:
        raise CredentialsError(
            f"account {account.name}: no password; give one of --password-stdin, "
            "--password-command, --password-file, --password-env, --token-command"
        )
    return str(click.prompt(f"Password for {account.login} (not shown)", hide_input=True))


def _from_stdin() -> str:
    """Read a line, whatever the locale is. Raises UsageError where it holds no password."""
    if sys.stdin is None:
        raise click.UsageError("--password-stdin: standard input is closed; put it there")
    line = sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r")
    try:
        secret = line.decode()
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        what = "holds no UTF-8 text" if line else "is empty"
        raise click.UsageError(f"--password-stdin: standard input {what}; put the password there")
    return secret


def _with_drafts(account: Account, secret: str, asker: _Asker, *, kept: bool) -> Account:
    """Log in, and say which mailbox is taken for Drafts. Raises UnflubError."""
    from scanner.adapters import connection, mailboxes
    from scanner.core import answers

    source = None if kept else answers.TYPED
    with connection.connection(account, secret, _TIMEOUT, source=source) as client:
        names = mailboxes.names(client, account)
        with connection.translated(account):
            try:
                folder = mailboxes.find(client, account, tell=True)
            except ConfigurationError as error:
                if asker.silent:
                    raise
                click.echo(f"{error}.")
                folder = ""
    click.echo(f"Logged in. unflub takes the mailbox “{folder}” for Drafts." if folder else "")
    if folder and (asker.silent or asker.agrees("Does your mail client keep drafts there?")):
        return account
    wanted = asker.text(
        f"Which mailbox is it? There are {mailboxes.shown(names)}", "--drafts", None, folder,
        lambda name: "" if name in names else "there is no such mailbox",
    )  # fmt: skip
    return replace(account, drafts=wanted)


def _kept(account: Account, secret: str, path: Path, asker: _Asker) -> Account:
    """Keep the password in the keyring, or where that fails in a file, if the user agrees."""
    from scanner.adapters import credentials, settings

    try:
        credentials.store(account, secret)
    except CredentialsError as error:
        if asker.silent:
            raise
        click.echo(f"{error}.")
        file = path.absolute().parent / f"{account.name}.password"
        if not asker.agrees(f"Keep it in {file} instead, which only you can read?"):
            raise
        settings.write(file, f"{secret}\n")
        click.echo("The password is kept in that file.")
        return replace(account, password_file=str(file))
    click.echo("The password is kept in the keyring of your system.")
    return account


def _values(account: Account, before: Account | None) -> dict[str, Any]:
    """Give the keys to write: those that differ from what the account was, or from defaults."""
    old = before or Account(account.name, "", "")
    now: dict[str, Any] = {}
    for key in config.KEYS:
        value = getattr(account, key)
        if value != getattr(old, key):
            now[key] = (list(value) if isinstance(value, tuple) else value) or None
    return now


def _in_ascii(address: str) -> str:
    """Give a domain like müller.de as mail servers know it (RFC 5890 section 2.3.2.1)."""
    import idna

    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return address


def _no_address(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if not local or not is_host(domain) or not text.isprintable() or " " in text:
        return "a mail address looks like you@example.org"
    return ""


def _taken(address: str, others: Iterable[Account]) -> str:
    """Say whose an address is already: another name for it would be a second watcher of it."""
    if account := _of(address, others):
        name = account.name
        return f"account {name} has this address; with --account {name} it is set up anew"
    return ""


def _of(address: str, accounts: Iterable[Account]) -> Account | None:
    """Find whose address it is; no provider tells capitals and small letters apart."""
    return next((a for a in accounts if a.address.lower() == address.lower()), None)


def _no_host(text: str) -> str:
    import socket

    if not is_host(text):
        return "the name of a server looks like imap.example.org"
    try:
        socket.getaddrinfo(text, None)
    except (OSError, UnicodeError):
        return f"{text} leads nowhere; check it for a slip, and whether there is network"
    return ""
