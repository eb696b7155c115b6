"""The model card: what a model is, how it was measured, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanner.core.classify import DEFAULT_PRESET
from scanner.learning import artifact, evidence, on_demand, shelf
from scanner.learning.evaluate import Alarms, alarms_as_text, as_text
from scanner.learning.evidence import Writer
from scanner.learning.model import Model

_NAME = "README.md"
_TOLD = 5  # writers: so many of the hardest, and of the easiest

_CARD = """\
# unflub model {version}

Reads one outgoing message and says three things: how probably it is a thank-you note after a job
interview (`kind`), how probably each of its sentences explains a flub, and which of eight
categories such a sentence would be. In three steps:

1. A **gate** turns ordinary mail away unread, by three looks, each a logistic regression: at the
   hashed single words of a message; closer, at words and pairs of words, where ordinary mail sounds
   like a note; last, at what these, the words of each sentence and the length say together.
2. The **encoder**, MiniLM-L6 fine-tuned on whole notes (subject and all sentences at once),
   answers at each sentence of a note: a flub, and of which category; and of the whole: a note.
   It is an average of networks, each fine-tuned without a third of the writers. Those of the
   shipped one were taught by larger ones (MPNet, base), fine-tuned without the same writers. From
   the writers who came later (t104 on) it learnt in four rounds, by networks that each left out a
   third of these.
   Embeddings and matrices are quantised to eight bits; ONNX Runtime runs it. After the third of
   its six layers is an **early exit**, a logistic regression over the mean of the word pieces: much
   mail that passes the gate and is no note need not be read to the end.
3. The **heads** decide: logistic regressions for flub, `kind` and whether a flub is folded in, a
   linear support vector machine for the category, over the encoder's log-odds of a sentence, its
   neighbours and its note, hashed words and the layout. On flubs three small neural networks have
   the last word, which hear the same but for the words, and what the head says of a sentence and
   the two beside it. All of them are fitted on what encoders said of writers they had not been
   trained on, the networks on what heads said of such writers. Where words alone are surer than the
   head for `kind` that a message is a note, they count.

## Data

{messages} messages by {writers} writers, SHA-256 of the corpus {corpus}, and {ordinary}.
{origin} Words are hashed, and `readings.npz` holds
numbers under hashes of texts: whoever has the very same text can tell that it was there, nobody
can read it.

## Gate

A message is read where the first look speaks for a note with log-odds of {gate.first:.3f} at
least, the closer one for a note with a flub with {gate.closer:.3f}, and the last one with
{gate.short:.3f}, or where there are more than six sentences {gate.long:.3f}. If it is of 33 to
192 word pieces, it is read to its end where the early exit speaks for a note with a flub with
{gate.exit:.3f} at least. Each of these is a hair below the lowest held-out flub note that
`balanced` warns about. These are of the shipped gate;
{gate_of}.

## Thresholds

| preset | note from | warning from | flub from | once there is one, others from |
| --- | ---: | ---: | ---: | ---: |
{thresholds}

{chosen}

## Measured: leave one writer out

`unflub evaluate` holds out each writer in turn (here in as many groups as are told below), fits
the heads to the others, and reads the writer by the mean of the networks that were fine-tuned
without him (the shipped one is that of all); with `--background` it uses the mail that the shipped
model was trained with. Gate and thresholds are chosen on what was said of the other writers, by
heads and encoders that may have seen him: two numbers of a stacked model, a small debt to the
truth.

{measured}
{plain}
## Measured: false alarms on ordinary mail

Sent mail and list mail without post-interview notes, none of it trained on; every warning there
is a false one. `unflub scan FILE` shows them.

{alarms}
{explained}{fails}
## Limits

- English only; a message in another language is reported as not checked.
- The subtlest flubs, which only the story gives away, are still missed, and a clean second thought
  may still be flagged: the tables say how often.
- An apology for the note itself (late, mistyped, sent twice) may still be taken for one about the
  interview, though the guide calls it none: t104 to t112 are there for that.
- The notes are composed, if by many voices. Real ones are plainer; t14 and `plain_mail.jsonl` in
  the tests stand for them.
- Mail about another sort of interview or meeting, in the words of a note, may pass for one.
- It judges neither people nor their chances, and is not meant for screening candidates.
"""

# `unflub evaluate` would measure the corpus, of which this model is not made alone.
_COMPARED = """\
Not done with this model. When it was trained it was compared with the one then in use (with the
shipped one, where that could not be asked), at the preset {preset}, on messages that neither had
learnt from (in brackets the change, 95 % sure):

{lines}
"""

# What differs between a model made from nothing and one that was moved by its owner's notes.
_ANEW = {
    "origin": """\
The shipped notes were composed for unflub, none is real mail; notes added with `--add` are their
owner's and, without `--encoder`, teach the heads alone.""",
    "gate_of": "a model trained with `--add` takes it over, lower where an added note needs it",
    "chosen": """\
Chosen on writers (and background mail) held out while training: the lowest that warns
about at most 4 % (cautious), 11 % (balanced) or 25 % (strict) of the clean notes of the
corpus, which are hard on purpose: every fourth has a twin with a flub in the same words. From where
on a message is a note: what is right of most messages of the corpus. How surely a note it must be
to be warned about: so that at most 3, 6.5 or 8 % of the corpus's messages that are none are,
which are as hard. A model trained with `--add` takes that over.""",
}
_MOVED = {
    "origin": """\
The shipped notes were composed for unflub, none is real mail; {yours} messages are
its owner's and teach the heads alone: what they say of flubs is one more linear head, added to
what the networks say.""",
    "gate_of": "this one is that of {base}, lower where a note of its owner's needs it",
    "chosen": """\
The thresholds are those of {base}, unless another was needed on messages held
out while training, or found more; that of further sentences was chosen on these.""",
}

_EXPLAINED = """
[What these are](../../docs/false-alarms.md).

## Measured: what more notes are worth

![Average precision over the number of messages learnt from](../../docs/learning-curve.svg)

(Drawn when the corpus had 10,353 messages.)
"""

# Of the shipped corpus: the writer whose notes are plain letters, as most are.
_PLAIN_WRITER = "t14"
_PLAIN = """
Most clean letters are plain. Of those of {writer}, which are, it warned about {shares}.
"""

# Of the shipped model: sentences of the corpus such as it gets wrong, held out. They name sorts and
# claim no numbers, so that they stay true of the next one.
_FAILS = """
## Where it fails

Writers differ. By average precision, held out, the hardest are
{worst},
the easiest {best}. The README of the corpus says
what they wrote. Typical of what it gets wrong are flubs that it misses:

- "In my present team in Pinetown we brought it down from twelve to five percent, and I have the
  charts." It goes on with a second try; by itself it is plain value.
- "If ever you need somebody to empty a room of oxygen, you know where I am." A dry joke: no word of
  it is about the interview.
- "I'm awake now." It takes up the excuse three sentences before, and does not show that.
- "ta for your time today mate, pretty ordinary effort from me on the safety stuff but hope to hear
  from you" Thanks and flub in one breath, and a modest word for it.

And clean sentences that it takes for flubs:

- "Trench question, I said what I always say and you nodded." An answer recalled, not tried again.
- "I hope your son won't hold it against you that you had to leave before his game finished." The
  words of a plea, about something else.
- "I do have one small question: when you spoke about legacy giving, did I understand that Clare
  set the programme up and did not merely inherit it?" A true question, in the form of a pretext.
- "The standard behind your lease register, IFRS 16 and not 15, is the one I put in from an empty
  sheet." A fact put right that nobody had got wrong.

Who is missing among the writers, by language, mother tongue, work and register, says
[the data sheet](../../training_data/DATASHEET.md).
"""


def write(model: Model, *, is_shipped: bool = False) -> str:
    """Write the model card from what the model's metadata say, and from nothing else.

    So whoever has the model can tell that its card says what was measured (`evidence`).
    Of the one that `is_shipped` it says where it fails, too: in the sentences of its corpus.
    """
    background = model.metadata.get("background", {})
    ordinary = (
        f"{background['messages']} ordinary messages as background for `kind` (not shipped; "
        f"SHA-256 of their own texts {background['sha256']})"
        if background.get("messages")
        else "no background mail"
    )
    thresholds = "\n".join(
        f"| {name} | {at.kind:.3f} | {max(at.kind, at.sure):.3f} | {at.flub:.3f} | {at.also:.3f} |"
        for name, at in model.thresholds.items()
    )
    found = model.metadata.get("measured", {})
    report, by_writer = evidence.report_of(found), evidence.writers_of(found)
    is_told = is_shipped and report is not None
    return _CARD.format(
        version=model.version,
        messages=model.metadata.get("messages", 0),
        writers=len(model.metadata.get("writers", ())),
        corpus=model.metadata.get("corpus_sha256", ""),
        ordinary=ordinary,
        gate=model.gate,
        thresholds=thresholds,
        **_made(model.metadata),
        measured=as_text(report) if report else _unmeasured(model.metadata),
        explained=_EXPLAINED if is_told else "",
        fails=_fails(by_writer) if is_told else "",
        plain=_plain(by_writer) if is_told else "",
        alarms=_alarm_lines(evidence.alarms_of(found)),
    )


def _made(metadata: Mapping[str, Any]) -> dict[str, str]:
    yours = metadata.get("yours")
    if yours is None:
        return _ANEW
    numbers = {"yours": sum(yours.values()), "base": metadata["base"]}
    return {name: text.format(**numbers) for name, text in _MOVED.items()}


def _unmeasured(metadata: Mapping[str, Any]) -> str:
    compared = metadata.get("compared")
    if not compared:
        return "Not measured; run `unflub evaluate`."
    lines = "\n".join(f"- {one}" for one in compared)
    preset = metadata.get("compared_at", DEFAULT_PRESET)  # older ones were compared at that
    return _COMPARED.format(preset=preset, lines=lines)


def _plain(by_writer: Mapping[str, Writer]) -> str:
    if _PLAIN_WRITER not in by_writer:
        return ""
    met = by_writer[_PLAIN_WRITER].clean_notes
    shares = ", ".join(f"{str(share).strip()} at {name}" for name, share in met.items())
    return _PLAIN.format(writer=_PLAIN_WRITER, shares=shares)


def _fails(by_writer: Mapping[str, Writer]) -> str:
    ranked = sorted(
        (one.average_precision, name)
        for name, one in by_writer.items()
        if one.average_precision is not None
    )
    told = [f"{name} ({reached:.2f})" for reached, name in ranked]
    return _FAILS.format(worst=", ".join(told[:_TOLD]), best=", ".join(told[: -_TOLD - 1 : -1]))


def renew(folder: Path, found: Mapping[str, Any] | None = None) -> None:
    """Write the card of a model folder anew, after what was `found` if it was measured again.

    Nothing that predicts is touched. Raises `ModelError` where the folder is not as it was made.
    """
    model = artifact.load(folder)
    if found is not None:
        model = replace(model, metadata={**model.metadata, "measured": found})
    card = write(model, is_shipped=folder == shelf.shipped()).encode()
    files = {**model.metadata["files"], _NAME: on_demand.sha256(card)}
    (folder / _NAME).write_bytes(card)
    artifact.write_metadata(folder, {**model.metadata, "files": files})


def _alarm_lines(alarms: Mapping[str, Alarms]) -> str:
    lines = [f"- {name}, {alarms_as_text(found)}" for name, found in alarms.items()]
    return "\n".join(lines).replace("\n", "\n  ").replace("\n  - ", "\n- ") or "Not measured."
