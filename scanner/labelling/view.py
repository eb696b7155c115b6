"""What the screen shows of a session: lines that fit its width, in words and marks first.

Everything can be told without colour: ">" stands before the sentence at hand, "?" before what the
model suggests, and a category in capitals is decided. Styles name no colour that is pale on
either a light or a dark ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.text import Text

from scanner.labelling.session import NO_FLUB, Session

KEYS = {
    "r": "reanswer", "s": "self_criticism", "a": "apology", "e": "excuse",
    "c": "correction", "o": "omission", "p": "plea", "t": "pretext",
}  # fmt: skip
"""The key of each category."""

LEGEND = (
    "r reanswer   s self-criticism   a apology   e excuse   c correction",
    "o omission   p plea   t pretext   n no flub   space as suggested   u undo",
    "enter done   l later   b back   k note/other   f folded/flub   ? help   q quit",
)

HELP = """\
A sentence is a flub if its job is to bring back what went wrong in the
interview, or may have. If several fit, take the one that dominates.
 r  reanswer        recalls an answer and gives it another try
 s  self-criticism  says the performance was poor: I rambled, my mind went blank
 a  apology         for conduct around the interview: late, a name mispronounced
 e  excuse          gives the reason: traffic, no sleep, first video call
 c  correction      takes back or corrects something said
 o  omission        framed as a slip: I forgot to mention, I wish I had told you
 p  plea            not to hold it against the writer, or for another chance
 t  pretext         a question or offer as cover to reopen an answer
 n  none of these: thanks, plain additions, what was asked for, logistics
 k  only notes to an employer after an interview hold flubs; all else is other
 f  folded: one short passage after the value, turned into a positive point
 u  takes the last step back, also a message that was done
 1 2 3 ...  go to a sentence
Any key goes back to the message."""

_MARGIN = 22
_CONSOLE = Console(file=StringIO(), width=200)  # it only knows how wide a tab is


def head(session: Session, width: int) -> Text:
    """Tell which message it is, and what is made of it."""
    if session.is_over:
        pairs = zip(session.kept, session.items, strict=True)
        count = sum(kept != item.before for kept, item in pairs)
        lines = [f"All messages seen, {count} of {len(session.items)} labelled now."]
        lines.append("enter or q: the end   b back   u undo")
        return _joined([Text(line) for line in lines], width)
    at = f"message {session.at + 1} of {len(session.items)}"
    subject = session.item.sentences.subject or "(no subject)"
    # Control characters could steer the terminal; a text has none.
    top = Text("".join(c if c.isprintable() else " " for c in subject), style="bold")
    top.truncate(max(8, width - len(at) - 2), overflow="ellipsis")
    top.pad_right(max(1, width - top.cell_len - len(at)))
    top.append(at)
    return _joined([top, Text(_state(session))], width)


def body(session: Session, width: int, height: int) -> Text:
    """Show the message, as much as fits, with the sentence at hand in sight."""
    if session.is_over:
        return Text()
    lines, first, last = _lines(session, width)
    top = max(0, min(first - height // 3, len(lines) - height))
    if last >= top + height:
        top = min(first, last - height + 1)
    return _joined(lines[top : top + height], width)


def _state(session: Session) -> str:
    kind = "note to an employer" if session.is_note else "other mail"
    if session.mark.kind == session.item.kind and not session.item.before:
        kind += f" ({session.item.confidence:.0%} sure)"
    said = [kind, f"severity {session.severity}" if session.is_note else ""]
    said.append(f"{len(session.open)} to decide" if session.open else "")
    said.append("labelled before" if session.item.before else "")
    return "   ".join(filter(None, said))


def _lines(session: Session, width: int) -> tuple[list[Text], int, int]:
    """Lay out the message; give also the first and last line of the sentence at hand."""
    sentences = session.item.sentences
    lines: list[Text] = []
    first = last = at = 0
    for number, sentence in enumerate(sentences.items):
        lines += _between(sentences.text[at : sentence.start], width)
        at = sentence.end
        start = len(lines)
        lines += _sentence(session, number, width)
        if number == session.cursor:
            first, last = start, len(lines) - 1
    lines += _between(sentences.text[at:], width)
    return lines, first, last


def _between(text: str, width: int) -> Iterator[Text]:
    """Show what is no sentence: salutation, closing, the bullets of a list."""
    for line in text.split("\n"):
        if line.strip():
            yield from _wrapped(Text(" ".join(line.split()), style="dim"), Text(), width)


def _sentence(session: Session, number: int, width: int) -> Iterator[Text]:
    at_hand = number == session.cursor
    mark, style = _mark(session, number)
    margin = Text(f"{'>' if at_hand else ' '}{number + 1:>3} {mark}")
    margin.truncate(_MARGIN - 1)
    text = Text(" ".join(session.item.sentences.items[number].text.split()), style=style)
    for part in (margin, text):
        part.stylize("reverse" if at_hand else style)
    return _wrapped(text, margin, width)


def _mark(session: Session, number: int) -> tuple[str, str]:
    """Give the mark of a sentence, and its style."""
    decided, suggested = session.mark.decided[number], session.item.suggested[number]
    if decided and session.is_note:
        return decided.upper().replace("_", "-"), "bold"
    if decided is None and suggested and session.is_note:
        return f"? {suggested.replace('_', '-')}", "underline"
    if number in session.item.dismissed:
        return "- dismissed", ""
    return ("-" if decided == NO_FLUB else ""), ""


def _wrapped(text: Text, margin: Text, width: int) -> Iterator[Text]:
    for number, line in enumerate(text.wrap(_CONSOLE, max(10, width - _MARGIN))):
        start = margin.copy() if number == 0 else Text()
        start.pad_right(_MARGIN - start.cell_len)
        line.rstrip()
        yield start.append_text(line)


def _joined(lines: list[Text], width: int) -> Text:
    for line in lines:
        line.truncate(width)
    return Text("\n").join(lines)
