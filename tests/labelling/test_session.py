"""Labelling step by step: what is decided, what is kept, and that every step can be undone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.classify import CATEGORIES
from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.labelling import view
from scanner.labelling.session import NO_FLUB, Item, Session, begun
from scanner.learning.corpus import Example, Label, as_json, project

TEXT = """Dear Ms Okafor,

Thank you for the trial day in the workshop. I like how you plan the week.

Sorry again that I cut the first board too short. I would gladly come back.

Kind regards,
Ada"""
FLUB = 2


def item(text: str = TEXT, *, flub: int | None = FLUB, kind: str = "thank_you", **more) -> Item:
    sentences = segment(Draft(text, "Trial day"))
    suggested = tuple("apology" if n == flub else None for n in range(len(sentences.items)))
    return Item(f"{len(text):032x}", sentences, kind, suggested, **more)


def kept(session: Session) -> list[str]:
    return [as_json(one) if one else "" for one in session.kept]


def test_it_begins_at_what_the_model_suggests():
    """The first suggestion is at hand, open, and nothing is kept yet."""
    session = begun([item()])
    assert (session.cursor, session.open, session.kept) == (FLUB, (FLUB,), (None,))


def test_a_suggestion_is_taken_and_kept():
    """Space and Enter make a label of what the model suggests."""
    session = begun([item()]).taken().done()
    assert session.is_over
    (example,) = session.kept
    flub = "Sorry again that I cut the first board too short."
    start = TEXT.index(flub)
    assert example.labels == (Label(start, start + len(flub), flub, "apology"),)
    assert (example.kind, example.subject, example.text) == ("thank_you", "Trial day", TEXT)
    assert project(example).lost == ()


def test_a_suggestion_cannot_be_passed_over():
    """Enter goes to what is not decided yet, and keeps nothing."""
    session = begun([item()]).moved(-2)
    assert session.done() == replace(session, cursor=FLUB)
    assert session.done().marked(NO_FLUB).done().kept[0].labels == ()


def test_other_mail_needs_no_decision_and_holds_no_flub():
    """Where the message is no note, what was suggested and marked in it does not count."""
    session = begun([item()]).moved(-1).marked("plea").kind_turned().done()
    assert (session.kept[0].kind, session.kept[0].labels) == ("other", ())
    assert session.kept[0].severity == "none"


def test_marking_a_flub_makes_a_note_of_other_mail():
    """Only notes hold flubs, so who marks one says that it is a note."""
    session = begun([item(kind="other", flub=None)]).marked("excuse").done()
    assert (session.kept[0].kind, session.kept[0].labels[0].category) == ("thank_you", "excuse")


def test_severity_follows_the_guide_until_it_is_set():
    """A late short passage is folded, a long one a flub; f says otherwise, of flubs alone."""
    session = begun([item()]).taken()
    assert session.severity == "folded"
    assert session.severity_turned().severity == "flub"
    assert session.severity_turned().severity_turned().severity == "folded"
    everything = session.moved(-9).marked("plea").marked("plea")
    assert everything.severity == "flub"
    clean = begun([item(flub=None)])
    assert clean.severity_turned() is clean


def test_sentences_are_found_by_number():
    """Digits typed one after the other are one number, if there is such a sentence."""
    long_one = item("\n\n".join(f"Here is sentence {n}." for n in range(1, 15)), flub=None)
    session = begun([long_one])
    assert session.typed_digit(1).cursor == 0
    assert session.typed_digit(1).typed_digit(2).cursor == 11
    assert session.typed_digit(1).typed_digit(9).cursor == 8
    assert session.typed_digit(1).moved(0).typed_digit(2).cursor == 1
    assert session.typed_digit(0) == session


def test_a_message_put_off_is_not_kept():
    """It has no label, and can be gone back to."""
    session = begun([item(), item(TEXT + " PS")]).later()
    assert (session.at, session.kept) == (1, (None, None))
    assert session.back().at == 0
    assert session.later().is_over


def test_labels_from_before_stand_and_undoing_brings_them_back():
    """Who looks at a labelled message again finds it as they left it, whatever they do now."""
    (before,) = begun([item()]).taken().severity_turned().done().kept
    before = replace(before, writer="import-x")
    session = begun([item(before=before)])
    assert (session.open, session.severity, session.kept) == ((), "flub", (before,))
    changed = session.typed_digit(3).marked(NO_FLUB).done()
    assert changed.kept[0].labels == ()
    assert changed.undone().kept == (before,)


def test_what_was_dismissed_is_no_flub():
    """The user has decided by deleting the warning; Enter alone keeps that."""
    session = begun([item(dismissed=frozenset({FLUB}))])
    assert session.open == ()
    assert session.done().kept[0].labels == ()


def test_a_message_without_sentences_can_be_labelled():
    """There is nothing to mark, and all keys are safe."""
    bare = replace(item(flub=None), sentences=segment(Draft("")), suggested=())
    session = begun([bare]).moved(1).marked("plea").taken().typed_digit(1).severity_turned()
    assert session.done().kept[0].labels == ()


STEPS = {
    "mark": lambda s: s.marked(CATEGORIES[s.cursor % 8]), "clear": lambda s: s.marked(NO_FLUB),
    "take": Session.taken, "kind": Session.kind_turned, "severity": Session.severity_turned,
    "done": Session.done, "later": Session.later, "back": Session.back, "undo": Session.undone,
    "up": lambda s: s.moved(-1), "down": lambda s: s.moved(1), "digit": lambda s: s.typed_digit(2),
}  # fmt: skip
ALWAYS = {"back", "undo"}
walks = st.lists(st.sampled_from(sorted(STEPS)), max_size=25)


def walked(steps: list[str]) -> list[Session]:
    """Give the states on a walk; after the last message only some steps are possible."""
    two = [item(), item(TEXT.replace("\nAda", "\nAda\n\nP.S. I forgot my gloves!"), flub=None)]
    states = [begun(two)]
    for step in steps:
        now = states[-1]
        states.append(STEPS[step](now) if step in ALWAYS or not now.is_over else now)
    return states


@settings(max_examples=100)
@given(walks)
def test_undoing_everything_leads_back_to_the_beginning(steps):
    """However one went, undo after undo one is where one began, with nothing kept."""
    *_, state = states = walked(steps)
    for _ in steps:
        state = state.undone()
    assert (state.marks, state.kept, state.at) == (states[0].marks, states[0].kept, 0)


@settings(max_examples=100)
@given(walks)
def test_what_is_kept_is_always_a_sound_example(steps):
    """Each label matches its text, and kind, labels and severity agree, as in the corpus."""
    for state in walked(steps):
        for example in state.kept:
            if example:
                assert (example.severity == "none") == (not example.labels)
                assert example.kind == "thank_you" or not example.labels
                assert all(example.text[x.start : x.end] == x.text for x in example.labels)
                assert isinstance(example, Example)


@settings(max_examples=100)
@given(walks, st.integers(24, 200), st.integers(8, 40))
def test_the_view_fits_the_screen_and_shows_the_sentence_at_hand(steps, width, height):
    """No line is wider than the screen, and the cursor is always in sight."""
    for state in walked(steps):
        head, body = view.head(state, width), view.body(state, width, height)
        lines = body.split("\n", allow_blank=True)
        assert len(lines) <= height
        assert all(line.cell_len <= width for line in (*lines, *head.split("\n")))
        if not state.is_over:
            assert sum(line.plain.startswith(">") for line in lines) == 1


def test_legend_and_help_fit_an_old_terminal():
    """Eighty columns and twenty-four lines show every key."""
    lines = view.HELP.split("\n")
    assert all(len(words) <= 80 for words in (*view.LEGEND, *lines))
    assert len(lines) <= 24 - 2 - len(view.LEGEND) - 2


def test_a_subject_cannot_steer_the_terminal():
    """Escape characters are shown as spaces."""
    steering = replace(item(), sentences=segment(Draft(TEXT, "\x1b]0;title\x07Re:\nTrial")))
    shown = view.head(begun([steering]), 80).plain
    assert "Re: Trial" in shown
    assert not any(ord(character) < 32 for character in shown.replace("\n", ""))


def test_the_marks_need_no_colour():
    """What is suggested, decided, denied and at hand differs in its characters."""
    session = begun([item()]).moved(-1).marked("self_criticism").moved(-3).marked(NO_FLUB)
    shown = view.body(session, 80, 24).plain
    for words in (">  2 SELF-CRITICISM", "   1 -  ", "   3 ? apology"):
        assert words in shown
