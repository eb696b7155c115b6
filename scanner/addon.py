"""The commands of the mail client's add-on."""

from __future__ import annotations

from pathlib import Path

import click

from scanner import common, findings

_client = click.argument("client", type=click.Choice(["thunderbird"]), expose_value=False)


@click.group()
def plugin() -> None:
    """Check notes inside the mail client, before they are sent.

    \b
    Examples:
      unflub plugin install thunderbird
      unflub plugin status thunderbird
      unflub plugin uninstall thunderbird
    """


@plugin.command()
@_client
def install() -> None:
    """Let Thunderbird start unflub, and make the add-on.

    For you alone, and for this copy of unflub: run it again when that has moved or was updated.
    """
    from scanner.adapters import plugin as plugins

    where = plugins.places()
    made = plugins.install(where)
    click.echo(f"Thunderbird may start unflub now: {where.manifest}")
    click.echo("Add the add-on once: menu, Add-ons and Themes, the gear, Install Add-on From File:")
    click.echo(made)
    _warn_of_sandboxes(plugins.confined())


@plugin.command()
@_client
def uninstall() -> None:
    """Take away what `install` wrote; remove the add-on in Thunderbird."""
    from scanner.adapters import plugin as plugins

    gone = plugins.uninstall(plugins.places())
    click.echo("removed" if gone else "it was not installed; nothing was changed")


@plugin.command()
@_client
def status() -> int:
    """Say whether Thunderbird may start this unflub, and where the add-on is."""
    from scanner.adapters import plugin as plugins
    from scanner.errors import UnreachableError

    where, made = plugins.places(), plugins.package_path()
    if not where.manifest.exists() or not where.launcher.exists():
        click.echo("not installed; `unflub plugin install thunderbird` does it")
        return UnreachableError.exit_status
    if not plugins.is_current(where):
        click.echo(f"out of date: run `unflub plugin install thunderbird`, and add {made} anew")
        return UnreachableError.exit_status
    click.echo(f"Thunderbird may start unflub: {where.manifest}")
    click.echo(f"the add-on: {made}")
    _warn_of_sandboxes(plugins.confined())
    return 0


@plugin.command()
@_client
@click.argument("file", type=common.path)
def pack(file: Path) -> None:
    """Write the add-on's package into FILE, and nothing else.

    \b
    Examples:
      unflub plugin pack thunderbird unflub.xpi
    """
    from scanner.adapters import plugin as plugins

    if file.suffix != ".xpi":
        findings.require_free(file)
    plugins.write_package(file)
    click.echo(file)


@click.command(name="native-host")
@click.argument("given", nargs=-1, expose_value=False)
def native_host() -> None:
    """Answer the add-on (started by the mail client).

    It talks over standard input and output, as browsers talk with programs, until these close.
    """
    from scanner.native_host import run

    run()


def _warn_of_sandboxes(kinds: list[str]) -> None:
    for kind in kinds:
        click.echo(
            f"You have a Thunderbird from {kind}, which may not start programs of the system: "
            f"{_SANDBOXES[kind]}"
        )


_SANDBOXES = {
    "Flatpak": "there use the Drafts watcher (`unflub service install`), or the Thunderbird of "
    "your system or of thunderbird.net.",
    "Snap": "if it asks whether the add-on may start one, allow it; if the add-on still says that "
    "the program is not there, use the Drafts watcher (`unflub service install`), or the "
    "Thunderbird of your system or of thunderbird.net.",
}
