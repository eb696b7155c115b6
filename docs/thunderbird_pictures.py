"""`make pictures`: photograph the add-on's dialog and a warning draft in Thunderbird itself."""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from PIL import Image
from support import dovecot
from support.desktop import screen
from support.household import Household, household_on
from support.notes import written
from support.program import Program
from support.smtp import postbox
from support.thunderbird import Thunderbird, thunderbird

_HERE = Path(__file__).parent
_NOTE = written(
    "Thank you for meeting me on Tuesday about the ward manager position at Larkfield Hospital. "
    "Your plan for shorter handovers is just what I would like to work on.",
    "I am sorry I rambled when you asked about the budget. What I should have said is that I "
    "planned ours for three years, within one percent.",
    "I would be glad to bring what we learned from our own night shifts.",
)


def main() -> None:
    """Write thunderbird-dialog.png and thunderbird-warning.png beside this file."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unflub-pictures-")))
        (folder / "home").mkdir()
        server = stack.enter_context(dovecot.running())
        program = Program(folder / "home", {"TEST_PASSWORD": dovecot.PASSWORD})
        household = household_on(server, program)
        program.run("plugin", "install", "thunderbird")
        program.run("plugin", "pack", "thunderbird", "unflub.xpi")
        box = stack.enter_context(postbox())
        display = stack.enter_context(screen("1100x860x24"))
        client = stack.enter_context(
            thunderbird(
                folder / "profile",
                household.client,
                box.port,
                {**program.surroundings(), "DISPLAY": display},
            )
        )
        client.install(program.home / "unflub.xpi")
        _take(client, household)


def _take(client: Thunderbird, household: Household) -> None:
    note = client.write(_NOTE, "Thank you for the conversation")
    note.save()
    household.client.wait_until(lambda mailbox: mailbox.own())
    household.once()
    note.send()
    dialog = client.dialog()
    client.wait_for(lambda: dialog.focused() == "edit")
    _keep("thunderbird-dialog", client.picture(dialog.window))
    client.show_message("Drafts", "⚠ unflub")
    _keep("thunderbird-warning", client.picture(client.driver.chrome_window_handles[0]))


def _keep(name: str, picture: bytes) -> None:
    """Write a picture with as many colours as it needs to look the same."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(128).save(
        _HERE / f"{name}.png", optimize=True
    )


if __name__ == "__main__":
    sys.exit(main())
