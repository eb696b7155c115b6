"""The own text in sentences: exact spans, soft and hard line breaks, salutation and closing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.draft import Draft
from scanner.core.parse import plain
from scanner.core.segment import segment

PIECES = st.sampled_from(
    [
        *" .!?\n\"'-…",
        "\n\n",
        " \n",
        "😀",
        "me.",
        "Ms. ",
        "P.S. ",
        "R",
        "\u00a0",
        "\u2009",
        "- ",
        "1. ",
        "Dear Ann,",
        "Best,",
        "a",
    ]
)


def sentences(text):
    return [sentence.text for sentence in segment(plain(text)).items]


@given(st.lists(st.one_of(PIECES, st.text(max_size=12))).map("".join))
def test_spans_are_exact(text):
    """Sentences are ordered, disjoint, stripped slices of the own text."""
    found = segment(Draft(text))
    position = 0
    for sentence in found.items:
        assert found.text == text
        assert position <= sentence.start < sentence.end
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
        position = sentence.end


@given(st.lists(st.sampled_from(["I came late.", "We met Ann?", "It rained 😀 hard!"]), min_size=1))
def test_nothing_of_a_body_is_lost(parts):
    """In a plain paragraph every word lies in some sentence."""
    text = " ".join(parts)
    assert "".join(sentences(text)).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He told me. Then I left.", ["He told me.", "Then I left."]),
        ("It is fine by me. and so on.", ["It is fine by me.", "and so on."]),
        ("I sat it in May. I passed.", ["I sat it in May.", "I passed."]),
        ("Ms. Ibarra asked Dr. Ek why.", ["Ms. Ibarra asked Dr. Ek why."]),
        ("At 9 a.m. Monday we met.", ["At 9 a.m. Monday we met."]),
        ("I have a Ph.D. in glass. Yes.", ["I have a Ph.D. in glass.", "Yes."]),
        ("I said no... then yes.", ["I said no... then yes."]),
        ("loved it!! my phone rang tho", ["loved it!!", "my phone rang tho"]),
        ("great day 🙂 so tired now", ["great day 🙂", "so tired now"]),
        ('"Why?" he asked. I froze.', ['"Why?" he asked.', "I froze."]),
    ],
)
def test_sentences_of_a_paragraph(text, expected):
    """Sentences end where a reader would say, also after words that abbreviate something."""
    assert sentences(text) == expected


def test_what_is_dictated_without_a_full_stop_is_cut_before_clauses():
    """The encoder would not read the end of it; a long sentence that can be read stays whole."""
    clauses = [f"and i kept the till in shop {n} for a year" for n in range(20)]
    assert sentences(" ".join(clauses)) == [" ".join(clauses[n : n + 2]) for n in range(0, 20, 2)]
    assert [len(one.split()) for one in sentences("word " * 150)] == [30] * 5
    written = "word " * 79 + "word."
    assert sentences(written) == [written]


def test_wrapped_lines_are_one_paragraph():
    """A line break that a program put in at a column ends no sentence."""
    text = (
        "Dear Ann,\n\nYou asked me how I would tell a leaking valve from a\n"
        "failing pump, and on the walk home the answer came to me\nin one piece. "
        "I would close the valve first and look at\nthe gauge.\n\nBest,\nIda"
    )
    assert [sentence.split()[-1] for sentence in sentences(text)] == ["piece.", "gauge."]


def test_typed_lines_are_sentences_of_their_own():
    """A line break that a person typed ends a sentence without a full stop."""
    text = "hi Ann\n\nthe bus died on the hill so i ran all the way\npls forgive it\n\nIda"
    assert sentences(text) == [
        "the bus died on the hill so i ran all the way",
        "pls forgive it",
    ]


def test_list_items_lose_their_markers():
    """Each item of a list is a sentence without its bullet or number."""
    text = "I can:\n\n- drive the van\n* cook\n1. sew\n2) row"
    assert sentences(text) == ["I can:", "drive the van", "cook", "sew", "row"]


@pytest.mark.parametrize(
    "salutation",
    [
        "Dear Dr. Ek,",
        "hi Ann",
        "Ann,",
        "Good morning Ann!",
        "To the panel",
        "Hi Ms. Ek, hi Ms. Lund!",
        "Dear Ann, Bo, and all the crew,",
    ],
)
def test_salutation_is_no_sentence(salutation):
    """The line that addresses the reader is left out."""
    assert sentences(f"{salutation}\n\nI came late.\n\nBest,\nIda") == ["I came late."]


@pytest.mark.parametrize(
    "closing",
    [
        "Best,\nIda",
        "Kind regards\nIda Lund, CPA\nBookkeeper | Harbour Office",
        "With thanks to you and to the whole of the night shift,\nIda Lund",
        "Talk soon,\n\nIda",
        "Herzliche Grüße\nIda",
        "ida",
        "Ida xx",
    ],
)
def test_closing_is_no_sentence(closing):
    """The closing phrase and the names below it are left out."""
    assert sentences(f"Dear Ann,\n\nI came late.\n\n{closing}") == ["I came late."]


def test_postscript_after_the_closing_is_body():
    """A postscript is kept, without its mark, and the name below it left out."""
    text = "Dear Ann,\n\nI came late.\n\nBest,\nIda\n\nP.S. My phone rang too. Sorry!\n\nIda"
    assert sentences(text) == ["I came late.", "My phone rang too.", "Sorry!"]


@pytest.mark.parametrize(
    "last", ["I remain very keen.", "pls dont mind the mud", "My bad about the tea"]
)
def test_short_last_line_of_the_body_is_kept(last):
    """A short line at the end that is no closing phrase is a sentence."""
    assert sentences(f"Dear Ann,\n\nI came late.\n\n{last}\n\nIda")[-1] == last


@pytest.mark.parametrize(
    "phrase", ["Thank you again!", "Looking forward to hearing from you", "Best regards,\nIda"]
)
@pytest.mark.parametrize(
    "sentence",
    [
        "Sorry again for my rambling answer.",
        "It was the blue one.",
        "sorry i froze on the sql today",
    ],
)
@pytest.mark.parametrize("below", ["", "\n\nBest,\nIda"])
def test_short_sentence_below_a_closing_phrase_is_kept(phrase, sentence, below):
    """The closing begins below the last sentence, however short it is."""
    assert sentences(f"Dear Ann,\n\nI came late.\n\n{phrase}\n\n{sentence}{below}")[-1] == sentence


@pytest.mark.parametrize(
    "line", ["Lund & Co.", "Ida Lund, M.D., F.A.C.P.", "Think before you print!"]
)
def test_full_stop_in_a_signature_ends_no_sentence(line):
    """A line under the name that tells nothing is left out, whatever mark it ends in."""
    assert sentences(f"Dear Ann,\n\nI came late.\n\nBest,\nIda\n{line}") == ["I came late."]


@pytest.mark.parametrize(
    "greeting",
    [
        "Hi Ann, sorry I froze today!",
        "Hi Ann, I froze on SQL!",
        "Hello Ann - sorry I froze",
        "Hi Ann, froze totally today, forgive me",
    ],
)
def test_sentence_behind_a_greeting_is_kept(greeting):
    """A greeting on a line of its own that goes on is body, whatever mark it ends in."""
    assert sentences(f"{greeting}\n\nI came late.\n\nIda") == [greeting, "I came late."]


def test_greeting_with_text_on_its_line_is_kept():
    """A line that greets and goes on is body."""
    assert sentences("Hi Ann, sorry about the mud. Ring me.") == [
        "Hi Ann, sorry about the mud.",
        "Ring me.",
    ]


@pytest.mark.parametrize("blank", ["\u00a0", "\u2009", " \u202f", "\u3000"])
def test_a_wide_blank_before_a_full_stop_is_a_blank(blank):
    """As French typing has it; offsets count it as one character."""
    text = f"I should have named plan B{blank}. I froze."
    assert sentences(text) == [text]


def test_offsets_count_characters():
    """An emoji before a sentence moves it by one character."""
    (sentence,) = segment(Draft("😀\n\nI came late.")).items
    assert sentence.start == 3
