"""The options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.core.classify import PRESETS

path = click.Path(path_type=Path)
file_names = click.Path().shell_complete
"""Has the shell complete the names of files, for an argument whose words are taken as they are."""

config = click.option(
    "--config",
    "config_path",
    type=path,
    help="Configuration file, instead of $UNFLUB_CONFIG or the platform's folder.",
)
preset = click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="How sure unflub must be before it speaks up; see `unflub model show`.",
)
model = click.option(
    "--model",
    type=path,
    help="Model folder, instead of your own or the shipped one.",
)
