"""Writes the manual pages while the wheel is built, from the definitions of the commands."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.utils import get_reproducible_timestamp


class ManualPages(BuildHookInterface[Any]):
    """Adds `share/man/man1/unflub*.1` to the wheel, where pipx and uv find them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write them; an editable install does without."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from click_man.core import write_man_pages

        from scanner import __version__
        from scanner.cli import cli

        self._folder = tempfile.TemporaryDirectory()
        date = time.strftime("%Y-%m-%d", time.gmtime(get_reproducible_timestamp()))
        write_man_pages("unflub", cli, version=__version__, target_dir=self._folder.name, date=date)
        for page in sorted(Path(self._folder.name).iterdir()):
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"

    def finalize(self, *_: object) -> None:
        """Leave nothing behind."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
