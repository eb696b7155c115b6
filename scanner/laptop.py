"""The commands of living on a laptop: asking, showing, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from scanner import config
from scanner.errors import ConfigurationError, UnreachableError

_PATIENCE = 300  # seconds for a draft to arrive
_config = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file, instead of $UNFLUB_CONFIG or the platform's folder.",
)
_account = click.option("--account", "names", multiple=True, metavar="NAME", help="Only this one.")


@click.command()
@_account
@click.option("--wait", is_flag=True, help="Have a draft saved, and see whether it arrives.")
@_config
def doctor(*, names: tuple[str, ...], wait: bool, config_path: Path | None) -> int:
    """Say what is wrong, and what to do now.

    Looks at the model, and for each account at name, encryption, password, login, the Drafts
    mailbox, whether drafts can be written and taken away again (it writes a trial and removes
    it), the clock, and the daemon. --wait asks you to save a draft in your own mail client.

    \b
    Examples:
      unflub doctor
      unflub doctor --wait              does my client save drafts on the server?
    """
    from scanner.doctor import examine

    settings = config.load(config_path or config.default_path())
    accounts = _accounts(names, settings)
    troubles = []
    for found in examine(settings, accounts):
        mark = click.style("WRONG", fg="red", bold=True) if found.trouble else "ok   "
        click.echo(f"{mark}  {found.account} {found.what}: {found.line}".replace("   ", "  ", 1))
        if found.trouble:
            troubles.append(found.trouble)
    if wait:
        for account in accounts:
            _wait_for_draft(settings, account)
    return troubles[0].exit_status if troubles else 0


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


def _accounts(names: Sequence[str], settings: config.Config) -> list[config.Account]:
    accounts = [settings.account(name) for name in names] or list(settings.accounts)
    if not accounts:
        raise ConfigurationError("the configuration names no account; run `unflub setup`")
    return accounts
