"""What of a user's own mail is taken for ordinary mail."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from support.notes import CLEAN, OPENING, note
from support.phrases import assessed_draft

from scanner import training
from scanner.core.render import Envelope, render


def test_warning_drafts_of_ours_are_no_ordinary_mail(tmp_path: Path):
    """They quote the note they warn about; nothing is learnt from them or counted in them."""
    read = assessed_draft(1, note(OPENING, "What a flub that was."))
    envelope = Envelope("me@example.org", "<w1@unflub.example>", datetime.now(UTC))
    (tmp_path / "warning.eml").write_bytes(render(read.draft, read.assessment, envelope))
    (tmp_path / "clean.eml").write_bytes(CLEAN)
    found = list(training.mail([str(tmp_path)]))
    assert [message.subject for message in found] == ["Thank you for the interview"]
