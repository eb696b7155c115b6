"""The model that comes with unflub, on plain notes in words of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from scanner.core.assess import assess
from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.learning import artifact, card, corpus, evaluate, evidence, shelf, train

if TYPE_CHECKING:
    from scanner.learning.artifact import Model
    from scanner.learning.corpus import Example
    from scanner.learning.readings import Known

MAIL = [
    json.loads(line)
    for line in Path(__file__).with_name("plain_mail.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def shipped() -> Model:
    return artifact.load(shelf.shipped())


def judged(model: Model, what: str) -> list[tuple[str, str]]:
    """Give kind and severity, at the balanced preset, of each message of one sort."""
    mail = [Draft(one["text"], one["subject"]) for one in MAIL if one["what"] == what]
    messages = [segment(draft) for draft in mail]
    found = [
        assess(message, said, model.thresholds["balanced"])
        for message, said in zip(messages, model.predict(messages), strict=True)
    ]
    return [(one.kind, one.severity) for one in found]


def test_the_shipped_model_was_trained_on_the_shipped_corpus(
    shipped: Model, everything: list[Example]
):
    """The hash in model.json is that of training_data."""
    assert shipped.metadata["corpus_sha256"] == corpus.digest(everything)


def test_the_card_is_made_of_what_was_measured(shipped: Model):
    """The shipped card says what model.json keeps of the measurement, and nothing else."""
    assert card.write(shipped) == (shelf.shipped() / "README.md").read_text("utf-8")
    report = evidence.report_of(shipped.metadata["measured"])
    assert report is not None
    assert report.messages == shipped.metadata["messages"]
    assert evaluate.as_text(report) in card.write(shipped)


def test_a_writer_measured_again_is_as_the_card_has_him(
    shipped: Model, everything: list[Example], known: Known
):
    """Heads fitted without t13 rank his sentences as well as it was measured."""
    read = train.read_corpus(everything, (), shipped.encoder, known)
    prepared = read.prepared
    his = prepared.writers == "t13"
    rows = np.flatnonzero((his & prepared.is_note)[prepared.message])
    flub, _ = train.fit_flub(prepared, train.SEED, ~his)
    mail = prepared.mail
    odds = flub.odds(mail.sentence_words[rows], mail.sentence_dense[rows])
    found = average_precision_score(prepared.is_flub[rows], odds)
    noted = evidence.writers_of(shipped.metadata["measured"])
    assert found == pytest.approx(noted["t13"], abs=0.001)


def test_plain_flubs_are_caught(shipped: Model):
    """Most plain notes that explain a flub get a warning."""
    found = judged(shipped, "flubbed")
    assert sum(severity != "none" for _, severity in found) >= len(found) - 3


def test_plain_clean_notes_pass(shipped: Model):
    """Plain notes without a flub are known for notes and get no warning."""
    found = judged(shipped, "clean")
    assert sum(kind == "thank_you" for kind, _ in found) >= len(found) - 1
    assert sum(severity != "none" for _, severity in found) == 0


def test_other_mail_gets_no_warning(shipped: Model):
    """Apologies and corrections elsewhere in life are nobody's business."""
    assert {severity for _, severity in judged(shipped, "other")} == {"none"}


def test_the_model_is_small(shipped: Model):
    """The shipped folder stays below 25 megabytes."""
    folder = shelf.shipped()
    assert folder.name == shipped.version
    assert sum(path.stat().st_size for path in folder.iterdir()) < 25_000_000


LOADED = """
import sys
from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.learning import artifact, shelf
model = artifact.load(shelf.installed())
heavy = ("sklearn", "scipy", "skops", "torch", "onnxruntime", "tokenizers")
model.predict([segment(Draft(sys.argv[1]))])
print(*(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        ("The pump of line 4 stopped at noon. Parts come on Friday.", []),
        ("Thank you for the interview. Sorry that I was late.", ["onnxruntime", "tokenizers"]),
    ],
)
def test_a_verdict_loads_no_more_than_it_needs(text: str, loaded: list[str]):
    """Ordinary mail is judged without the encoder, and a note without scikit-learn and torch."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, text], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == loaded
