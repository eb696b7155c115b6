"""The labelled corpus as mail: an mbox for benches that are given none."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from pathlib import Path

from scanner.learning import corpus


def corpus_mbox(folder: Path) -> Path:
    path = folder / "corpus.mbox"
    with path.open("wb") as file:
        for example in corpus.read([corpus.shipped()]):
            message = EmailMessage(policy=policy.SMTP.clone(linesep="\n"))
            message["From"], message["Subject"] = "a@example.org", example.subject
            message.set_content(example.text)
            file.write(
                b"From a@example.org Mon Jan  1 00:00:00 2024\n" + message.as_bytes() + b"\n"
            )
    return path
