"""`make pictures`: photograph the warning draft of the demo's note in a real browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from scanner.core.judge import Judge, Verdict
from scanner.core.render import Envelope, render
from scanner.demo import FLUBBED
from scanner.learning import artifact

_BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
_SIZE = "--window-size=760,1640"


def main() -> None:
    """Write docs/warning-draft.png beside this file."""
    browser = shutil.which("chromium") or sys.exit(
        "pictures need Chromium: apt-get install chromium"
    )
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "warning.html"
        page.write_text(_html(), encoding="utf-8")
        picture = Path(__file__).parent / "warning-draft.png"
        options = [*_BROWSER, _SIZE, f"--user-data-dir={name}/browser", f"--screenshot={picture}"]
        subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True)  # noqa: S603


def _html() -> str:
    model = artifact.load(artifact.shipped())
    (verdict,) = Judge(model, model.thresholds["balanced"])([FLUBBED.as_bytes()])
    assert isinstance(verdict, Verdict)  # noqa: S101 - the demo's note can be read
    envelope = Envelope("sam@example.org", "<picture@example.org>", datetime.now(UTC))
    raw = render(verdict.draft, verdict.assessment, envelope)
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what policy.default makes
    body = message.get_body(("html",))
    return str(body.get_content()) if body else ""


if __name__ == "__main__":
    main()
