"""The commands of living on a laptop: asking, showing, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import click

from scanner import common, config, terminal
from scanner.errors import ConfigurationError, UnreachableError

_PATIENCE = 300  # seconds for a draft to arrive
_NOT_INSTALLED = "not installed; `unflub service install` does it"
_account = click.option("--account", "names", multiple=True, metavar="NAME", help="Only this one.")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what has a shell complete commands and options.

    A new shell has it then; for zsh, put "fpath+=~/.zfunc" into ~/.zshrc, before compinit.

    \b
    Examples:
      mkdir -p ~/.local/share/bash-completion/completions
      unflub completion bash > ~/.local/share/bash-completion/completions/unflub
      mkdir -p ~/.zfunc
      unflub completion zsh > ~/.zfunc/_unflub
      mkdir -p ~/.config/fish/completions
      unflub completion fish > ~/.config/fish/completions/unflub.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    found = get_completion_class(shell)
    group = context.find_root().command
    if found:
        # Not its own source(): bash's looks for a bash on this machine.
        click.echo(ShellComplete.source(found(group, {}, "unflub", "_UNFLUB_COMPLETE")))


@click.command()
@click.argument("name", metavar="ACCOUNT")
@click.option("--device", is_flag=True, help="OAuth2 by a code that you type in on any device.")
@common.config
def login(name: str, *, device: bool, config_path: Path | None) -> None:
    """Store a password in the system keyring.

    For an account with an oauth_client_id it has you allow unflub instead: in the browser of this
    machine, or with --device on any other.

    \b
    Examples:
      unflub login home
      unflub login work --device        on a machine without a browser
    """
    from scanner.adapters import credentials, secrecy
    from scanner.core import answers

    secrecy.no_core_file()
    account = config.load(config_path).account(name)
    source = credentials.source(account)
    if source == answers.OAUTH:
        allow(account, device=device)
    elif source != answers.KEYRING:
        raise ConfigurationError(
            f"account {name}: what it logs in with comes from {source.name}, so the keyring is not "
            f"asked; {answers.advice(source, name, 'another')}, or take that setting away first"
        )
    elif sys.stdin is None:
        raise click.UsageError("standard input is closed, so nobody can be asked; use a terminal")
    else:
        question = f"Password of {account.login} at {account.host}"
        credentials.store(account, click.prompt(question, hide_input=True))
    click.echo(f"stored; `unflub watch --once --dry-run --account {name}` tries it")


def allow(account: config.Account, *, device: bool) -> None:
    """Have the user allow unflub by OAuth2. Raises UnflubError."""
    from scanner.adapters import oauth

    if device:
        oauth.by_device(account, lambda page, code: click.echo(f"Open {page} and enter {code}"))
    else:
        oauth.by_browser(account, _opened)
    click.echo("allowed")


def _opened(page: str) -> None:
    click.echo(f"Allow unflub in your browser; if none opens, open there yourself:\n{page}")
    click.launch(page)


@click.command()
@_account
@click.option("--wait", is_flag=True, help="Have a draft saved, and see whether it arrives.")
@common.config
def doctor(*, names: tuple[str, ...], wait: bool, config_path: Path | None) -> int:
    """Say what is wrong, and what to do now.

    Looks at the configuration, at the model, at whether a daemon answers checks, and for each
    account at name, encryption, password, login, the Drafts mailbox, whether drafts can be written
    and taken away again (it writes a trial and removes it), the clock, and the daemon. --wait asks
    you to save a draft in your own mail client.

    \b
    Examples:
      unflub doctor
      unflub doctor --wait              does my client save drafts on the server?
    """
    from scanner.doctor import configured, examine

    settings, accounts, read = configured(config_path or config.default_path(), names)
    troubles = []
    for found in chain([read], examine(settings, accounts)):
        mark = click.style("WRONG", fg="red", bold=True) if found.trouble else "ok   "
        what = f"{found.account} {found.what}".lstrip()
        click.echo(f"{mark}  {what}: {found.line}", color=terminal.is_colored())
        if found.trouble:
            troubles.append(found.trouble)
    if wait:
        for account in accounts:
            _wait_for_draft(settings, account)
    return troubles[0].exit_status if troubles else 0


@click.group()
def service() -> None:
    """Have the system run unflub at login.

    By systemd on Linux, launchd on macOS, the Task Scheduler on Windows: as you, with no more
    rights than it needs.

    \b
    Examples:
      unflub service install
      unflub service logs
    """


@service.command()
@common.config
def install(*, config_path: Path | None) -> None:
    """Run it now and at every login."""
    from scanner.adapters import service as services

    path = config_path or config.default_path()
    _require_seen(config.load(path).chosen(()))
    manager = services.manager()
    services.install(manager, path)
    click.echo(f"unflub runs now, and at every login, by {manager.name}: {manager.file}")
    click.echo("`unflub status` says how it is doing")


def _require_seen(accounts: Sequence[config.Account]) -> None:
    """Refuse passwords that a service could not have. Raises ConfigurationError."""
    from scanner.adapters import credentials
    from scanner.core import answers

    for account in accounts:
        if credentials.source(account) == answers.PASSWORD_ENV:
            raise ConfigurationError(
                f"account {account.name}: a service does not see the variable that password_env "
                f"names; take that away and run `unflub login {account.name}`, or set "
                "password_command or password_file"
            )


@service.command()
def uninstall() -> None:
    """Stop it, and do not run it any more."""
    from scanner.adapters import service as services

    manager = services.manager()
    gone = services.uninstall(manager)
    click.echo("stopped and removed" if gone else "it was not installed; nothing was changed")


@service.command(name="status")
def service_status() -> int:
    """Say whether it is installed and runs; changes nothing."""
    from scanner.adapters import service as services

    manager = services.manager()
    if not manager.file.exists():
        click.echo(_NOT_INSTALLED)
    elif services.is_running(manager):
        click.echo(f"running, by {manager.name}; `unflub status` says how it is doing")
        return 0
    else:
        click.echo("installed, and not running; `unflub service logs` tells why")
    return UnreachableError.exit_status


@service.command()
def logs() -> int:
    """Show the last lines of its log."""
    from scanner.adapters import service as services

    manager = services.manager()
    if not manager.file.exists():
        click.echo(_NOT_INSTALLED)
        return UnreachableError.exit_status
    click.echo(services.log(manager), nl=False)
    return 0


def _wait_for_draft(settings: config.Config, account: config.Account) -> None:
    """Have the user save a draft. Raises UnreachableError where none comes."""
    from scanner.doctor import arrival

    def ready() -> None:
        click.echo(
            f"\nNow write a few words to nobody in your own mail client, as {account.address},\n"
            "and save them as a draft."
        )
        if sys.stdin is not None and sys.stdin.isatty():
            click.prompt("Press Enter as you save it", default="", show_default=False)
        click.echo(f"Waiting up to {_PATIENCE // 60} minutes for it ...")

    seconds = arrival(account, settings.timeout_seconds, ready, _PATIENCE)
    if seconds is None:
        raise UnreachableError(
            f"account {account.name}: no draft arrived, so your mail client keeps drafts to "
            "itself; in its settings for this account, have drafts kept on the server (IMAP)"
        )
    click.echo(f"ok     {account.name} a draft arrived after {seconds:.1f} s: unflub can see yours")
