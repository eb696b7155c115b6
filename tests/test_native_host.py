"""What the add-on's pipe carries: framing, the handshake, and whatever may come along it."""

from __future__ import annotations

import io
import json
import struct
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.letters import CLEAN, FLUBBED, in_html
from support.program import PATIENCE, Program

from scanner.adapters import answering, local
from scanner.core import pipe
from scanner.errors import UnreadableError
from scanner.native_host import PROTOCOL, message

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def reader(content: bytes):
    return io.BytesIO(content).read


def question(ask: str, **values: object) -> dict[str, object]:
    return {"id": 1, "protocol": PROTOCOL, "ask": ask, **values}


def check(body: str, *, html: bool = False, preset: str = "", without: tuple[str, ...] = ()):
    return question(
        "check", subject="Thank you", body=body, html=html, preset=preset, without=without
    )


def exchange(program: Program, *contents: bytes) -> tuple[list[dict[str, object]], str]:
    """Ask all of this, read an answer to each, and close the pipe; give also what was logged."""
    process = program.start(
        "native-host", "manifest.json", "add-on", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        process.stdin.write(b"".join(struct.pack("=I", len(one)) + one for one in contents))
        process.stdin.flush()
        said = [json.loads(pipe.read(process.stdout.read)) for _ in contents]
        rest, log = process.communicate()
    assert (process.returncode, rest) == (0, b"")
    return said, log.decode()


def answers(program: Program, *questions: object) -> list[dict[str, object]]:
    return exchange(program, *(json.dumps(one).encode() for one in questions))[0]


@given(st.lists(_VALUES))
def test_what_is_framed_is_read(values):
    """Any JSON, in any number, comes out as it went in; then comes the end."""
    source = reader(b"".join(map(pipe.framed, values)))
    assert [json.loads(pipe.read(source)) for _ in values] == values
    assert pipe.read(source) is None


@given(_VALUES, st.data())
def test_what_ends_in_the_middle_is_told(value, data):
    """Cut anywhere but at its end, a message is refused."""
    content = pipe.framed(value)
    cut = data.draw(st.integers(1, len(content) - 1))
    with pytest.raises(UnreadableError, match="ends in the middle"):
        pipe.read(reader(content[:cut]))


@given(st.integers(pipe.LONGEST + 1, 2**32 - 1))
def test_what_is_too_long_is_not_read(length):
    """Only the length is looked at; nothing is laid out in memory for it."""
    source = io.BytesIO(struct.pack("=I", length) + b"x" * 100)
    with pytest.raises(UnreadableError, match="too long"):
        pipe.read(source.read)
    assert source.tell() == 4


@given(st.text(), st.text(), st.booleans())
@example("=?utf-7?q?+2AA-?=", "", False)  # noqa: FBT003 - hypothesis gives them by place
def test_any_subject_and_body_make_a_message(subject, body, html):
    """Control characters, halves of characters and line ends break no header."""
    head = message(subject, body, html=html).partition(b"\r\n\r\n")[0]
    assert head.count(b"\r\nContent-Type:") == 1
    assert b"\nBcc:" not in head


def test_a_text_pasted_as_the_subject_holds_up_no_mail():
    """The library takes minutes for a subject of a megabyte."""
    assert len(message("Thank you " * 10_000, "", html=False)) < 2000


def test_the_greeting_tells_whether_notes_will_be_checked(program):
    """It is what the add-on tests the connection by."""
    program.configure('model = "nowhere"')
    (said,) = answers(program, question("hello"))
    assert "there is no model folder nowhere" in said["error"]


def test_a_flub_is_told_as_the_warning_draft_tells_it(program):
    """Quote, reason, advice and letter come ready for showing, plain text or HTML."""
    for asked in (check(FLUBBED), check(in_html(FLUBBED), html=True)):
        (said,) = answers(program, asked)
        (passage,) = said["passages"]
        assert passage["quote"].startswith("I am sorry I rambled")
        assert passage["deed"] == (
            "It apologises for something in the interview and says what you forgot to mention."
        )
        assert said["steps"][0]["gist"] == "Press ahead."
        assert "ward manager position at Larkfield Hospital" in said["letter"]
        assert said["digests"]


def test_each_question_is_answered_by_its_number(program):
    """Greeting, a clean note, a foreign note and categories that are not asked for, in a row."""
    asked = [
        question("hello"),
        check(CLEAN),
        check("Vielen Dank für das freundliche Gespräch gestern. Ich habe mich sehr gefreut, Sie "
              "kennenzulernen, und würde gern bei Ihnen arbeiten."),
        check(FLUBBED, without=("apology", "reanswer", "omission")),
    ]  # fmt: skip
    said = answers(program, *({**one, "id": number} for number, one in enumerate(asked)))
    assert [answer["id"] for answer in said] == [0, 1, 2, 3]
    assert said[0]["categories"]["omission"] == "says what you forgot to mention"
    assert [answer.get("passages") for answer in said[1:]] == [[], [], []]
    assert "not in English" in said[2]["lead"]


def test_categories_off_in_the_add_on_and_in_the_file_are_off_alike(program, monkeypatch):
    """Whoever judges is told of both, so that they make no doubtful sentence count."""
    program.configure('categories_off = ["plea"]')
    monkeypatch.setenv("XDG_STATE_HOME", str(program.home / "state"))
    policies: list[object] = []

    def answer(question: local.Values) -> local.Values:
        policies.append(question["policy"]["off"])
        return {}

    with answering.answering(answer):
        answers(program, check(FLUBBED, without=("apology",)))
    assert policies[-1] == ["apology", "plea"]


def test_what_is_dismissed_is_not_brought_up_again(program):
    """By this process, by the next, and also where other passages stand in the note."""
    (said,) = answers(program, check(FLUBBED))
    dismissed, again = answers(
        program, question("dismiss", digests=said["digests"]), check(FLUBBED)
    )
    assert "error" not in dismissed
    assert again["passages"] == []
    assert answers(program, check(FLUBBED))[0]["passages"] == []


def test_versions_that_differ_are_told_apart(program):
    """The answer names the program's own protocol and version, and says what to do."""
    for protocol in (0, PROTOCOL + 1, None, "1"):
        (said,) = answers(program, {**question("hello"), "protocol": protocol})
        assert said["protocol"] == PROTOCOL
        assert said["version"]
        assert "update the older" in said["error"]


def test_nonsense_is_answered_and_the_next_question_too(program):
    """Whatever JSON holds, or does not, it ends nothing; of a note's words no error tells."""
    nonsense = [
        b"\xff\xfe", b"{", b"[]", b"7", b'"id"', b"null", b'{"id": 1}', b"[" * 100_000,
        json.dumps({"id": 1, "protocol": PROTOCOL, "ask": ["x"]}).encode(),
        json.dumps(question("fly")).encode(),
        json.dumps(question("check", subject="secret", body="secret")).encode(),
        json.dumps(question("check", subject=None, body=7, html=1, preset=[], without=3)).encode(),
        json.dumps({**check("secret"), "preset": "secret"}).encode(),
        json.dumps(question("dismiss", digests=None)).encode(),
    ]  # fmt: skip
    said, log = exchange(program, *nonsense, json.dumps(question("hello")).encode())
    assert all(answer["error"] for answer in said[:-1])
    assert "categories" in said[-1]
    assert "secret" not in json.dumps(said) + log


@pytest.mark.parametrize("rest", [b"\x01", struct.pack("=I", 9) + b"{}", struct.pack("=I", 2**31)])
def test_after_what_cannot_be_read_it_ends(program, rest):
    """What came before is answered, then the fault is told, then nothing."""
    process = program.start("native-host", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said, _ = process.communicate(pipe.framed(question("hello")) + rest, timeout=PATIENCE)
    source = reader(said)
    assert "categories" in json.loads(pipe.read(source))
    assert "restart it" in json.loads(pipe.read(source))["error"]
    assert pipe.read(source) is None


def test_a_missing_model_is_told(program):
    """The sentence is that of every other command."""
    program.configure('model = "/nowhere"\n')
    (said,) = answers(program, check(FLUBBED))
    assert "model" in said["error"]
