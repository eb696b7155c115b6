"""`make pictures`: photograph a warning draft, and reports of a scan and of a training.

They are shown in a real browser. Training takes a minute or two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from scanner import retraining, training
from scanner.adapters.sources import Message
from scanner.core.classify import Policy
from scanner.core.judge import Judge
from scanner.core.page import page
from scanner.core.render import Envelope, render
from scanner.core.report import Tally
from scanner.core.verdict import Verdict
from scanner.demo import FLUBBED
from scanner.learning import corpus, shelf
from scanner.learning.progress import silent
from scanner.rows import Terms
from scanner.scanning import judge, rows

_BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
_TERMS = Terms(shelf.shipped(), Policy(), dated=True)


def main() -> None:
    """Write warning-draft.png, report.png and training-report.png beside this file."""
    browser = shutil.which("chromium") or sys.exit(
        "pictures need Chromium: apt-get install chromium"
    )
    _photograph(browser, "warning-draft", _warning(judge(_TERMS)), height=1640)
    _photograph(browser, "report", _report(), height=1500)
    _photograph(browser, "training-report", _training_report(), height=1050)


def _photograph(browser: str, name: str, html: str, height: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / f"{name}.html"
        shown.write_text(html, encoding="utf-8")
        options = [
            *_BROWSER,
            f"--window-size=760,{height}",
            f"--user-data-dir={folder}/browser",
            f"--screenshot={Path(__file__).parent / name}.png",
        ]
        subprocess.run([browser, *options, shown.as_uri()], check=True, capture_output=True)  # noqa: S603


def _warning(judge: Judge) -> str:
    (verdict,) = judge([FLUBBED.as_bytes()])
    assert isinstance(verdict, Verdict)  # noqa: S101 - the demo's note can be read
    envelope = Envelope("sam@example.org", "<picture@example.org>", datetime.now(UTC))
    raw = render(verdict.draft, verdict.assessment, envelope)
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what policy.default makes
    body = message.get_body(("html",))
    return str(body.get_content()) if body else ""


def _report() -> str:
    """Show the demo's note as one that an employer has received, and as one that was sent."""
    dated = b"Date: Tue, 4 Mar 2025 10:12:00 +0000\r\n" + FLUBBED.as_bytes()
    found = list(rows([Message("Inbox.mbox#7", dated), Message("Sent.mbox#12", dated)], _TERMS))
    tally = Tally()
    for row in found:
        tally.add(row)
    return page(found, tally)


def _training_report() -> str:
    """Train on the notes of one writer of the corpus, as if they were somebody's own."""
    with tempfile.TemporaryDirectory() as home:
        given = retraining.Wishes(page=Path(home) / "report", output=Path(home))
        notes = training.Material(added=[corpus.shipped() / "t60.jsonl"])
        os.environ["XDG_DATA_HOME"] = home  # without notes of who takes the picture
        retraining.retrain(notes, given, silent)
        return (Path(home) / "report" / "report.html").read_text("utf-8")


if __name__ == "__main__":
    main()
