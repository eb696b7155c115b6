"""Ways to read a note, compared on the same held-out writers: what each step is worth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scanner.learning import features, fitting
from scanner.learning.features import Mask
from scanner.learning.holding_out import cross_fit
from scanner.learning.preparing import Prepared, ReadCorpus
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import Reading
from scanner.learning.words import Floats

# Inverse strength of the penalty, as the model of words alone had it.
_WORDS_C = 6.0

# What a list of telling phrases would hold.
_PHRASES = re.compile(
    r"\b(?:sorry|apolog(?:y|ies|i[sz]e)|regret|unfortunately|forg(?:o|e)t|fail(?:ed)? to|"
    r"neglected|mis(?:spoke|stated|understood)|clarif\w+|correct (?:my|what|something)|"
    r"should have (?:said|mentioned|told|been)|could have (?:said|been|done)|"
    r"wish i (?:had|could)|meant to|did(?: no|n')t (?:get to|mention|answer|explain|express)|"
    r"went blank|blank(?:ed)?|nerv(?:es|ous)|rambl\w+|stumbl\w+|flub\w*|not at my best|"
    r"second chance|hold (?:it|this|that) against|another (?:go|try|chance)|"
    r"thinking about (?:my|the) (?:answer|response)|on second thought)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ReaderScore:
    """How well one way to read does: `average_precision` is None where it says only yes or no."""

    name: str
    average_precision: float | None
    f1: float


def compare(
    read: ReadCorpus, held_out: Sequence[Mask], *, progress: Progress = silent
) -> list[ReaderScore]:
    """Score every reader on the sentences of notes, each fold read by what the others taught.

    F1 is the best any threshold reaches: readers are compared, not thresholds.
    Raises `ConfigurationError` as `cross_fit` does.
    """
    from sklearn.metrics import average_precision_score

    prepared = read.prepared
    notes = prepared.is_note[prepared.message]
    truth = prepared.is_flub[notes]
    texts = [s.text for one in read.projected for s in one.sentences.items]
    phrases = np.array([bool(_PHRASES.search(text)) for text in texts])[notes]
    encoder = np.concatenate([one.sentences[:, 0] for one in prepared.mail.readings])[notes]
    heads = cross_fit(prepared, read.ordinary, held_out, progress).flubs[notes]
    words = _words_alone(prepared, held_out)[notes]
    return [
        ReaderScore("list of phrases", None, _best_f1(truth, phrases.astype(np.float32))),
        *(
            ReaderScore(name, float(average_precision_score(truth, said)), _best_f1(truth, said))
            for name, said in (
                ("words (TF-IDF) and layout", words),
                ("encoder", encoder),
                ("encoder and heads", heads),
            )
        ),
    ]


def as_text(readers: Sequence[ReaderScore]) -> str:
    """Lay the comparison out as a Markdown table."""
    return "\n".join(_lines(readers))


def _lines(readers: Sequence[ReaderScore]) -> Iterator[str]:
    yield f"| {'reader':25} | average precision | best F1 |"
    yield f"| {'---':25} | {'---:':>17} | {'---:':>7} |"
    for reader in readers:
        precision = "–" if reader.average_precision is None else f"{reader.average_precision:.3f}"
        yield f"| {reader.name:25} | {precision:>17} | {reader.f1:7.3f} |"


def _words_alone(prepared: Prepared, held_out: Sequence[Mask]) -> Floats:
    marks = layout(prepared)
    said = np.zeros(len(prepared.message), np.float32)
    for fold in held_out:
        said[fold[prepared.message]] = words_alone(prepared, marks, ~fold, fold)
    return said


def layout(prepared: Prepared) -> Floats:
    """Describe each sentence as the heads see it where no encoder has read the message."""
    messages = prepared.mail.messages
    return features.of_sentences(messages, [Reading.empty(len(one.items)) for one in messages])


def words_alone(prepared: Prepared, marks: Floats, seen: Mask, unseen: Mask) -> Floats:
    """Give the log-odds of a flub head that never hears of an encoder.

    It learns from the notes among the messages `seen`, and is asked for the sentences of those
    `unseen`; `marks` are the `layout`.
    """
    learnt = np.flatnonzero((seen & prepared.is_note)[prepared.message])
    asked = np.flatnonzero(unseen[prepared.message])
    counts, truth = prepared.mail.sentence_words, prepared.is_flub
    fitted = fitting.fit(counts[learnt], marks[learnt], truth[learnt], inverse_strength=_WORDS_C)
    return fitted.odds(counts[asked], marks[asked])


def _best_f1(truth: Mask, said: Floats) -> float:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(truth, said)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-12)).max())
