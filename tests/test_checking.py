"""Verdicts before Send: by a daemon on its private socket, or made here, and the same."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.notes import CLEAN, FLUBBED
from support.phrases import JUDGE
from support.waiting import until

from scanner import checking
from scanner.adapters import answering, local
from scanner.core import wire
from scanner.core.classify import Policy
from scanner.core.verdict import Check, Verdicts
from scanner.errors import UnflubError, UnreachableError
from scanner.learning import loading, shelf

GREETING = checking.greeting()
STRICT = Policy("strict")
OTHER = b"From: a@example.org\r\nSubject: Lunch\r\n\r\nSorry I was late for lunch today.\r\n"
MARKED = b"Subject: x\r\n\r\nDear panel,\n\nOnly a test would call this a flub.\r\n"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    """A state folder of the test's own, and no configuration."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("UNFLUB_CONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "state" / "unflub"


class PhraseJudge:
    """A daemon's judge whose verdicts nobody else would give."""

    def __init__(self) -> None:
        self.asked: list[Check] = []
        self.trouble: UnflubError | None = None
        self.knows = True

    def check(self, asked: Check) -> Verdicts | None:
        self.asked.append(asked)
        if self.trouble:
            raise self.trouble
        return JUDGE(asked.messages) if self.knows else None


@contextmanager
def daemon(judge: PhraseJudge | None = None) -> Iterator[PhraseJudge]:
    judge = judge or PhraseJudge()
    with answering.answering(lambda question: checking.answer(judge, question)):
        yield judge


@contextmanager
def silent_daemon(state: Path) -> Iterator[socket.socket]:
    """Hold the socket as a daemon does, and take in whoever asks."""
    state.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(state / "check.sock"))
        silent.listen()
        yield silent


def is_flagged(raw: bytes, model: Path | None = None, **options) -> bool:
    (verdict,) = checking.verdicts([raw], Policy(), model, **options)
    return bool(verdict.assessment.passages)


def test_a_daemon_is_asked_where_there_is_one():
    """It gets the bytes, the policy and the model; its verdicts come back whole and in order."""
    with daemon() as judge:
        assert checking.verdicts([MARKED, CLEAN], STRICT, None) == JUDGE([MARKED, CLEAN])
        (broken,) = checking.verdicts([b"\x00\xff"], STRICT, None)
    assert "it is not text" in str(broken)
    assert judge.asked == [Check(raws, STRICT, None) for raws in ([MARKED, CLEAN], [b"\x00\xff"])]


@pytest.mark.parametrize("policy", [Policy("cautious"), STRICT])
def test_without_a_daemon_the_verdict_is_made_here(policy):
    """By the installed model."""
    here = loading.judge(shelf.shipped(), policy, sift=True)
    assert checking.verdicts([FLUBBED, CLEAN, OTHER], policy, None) == here([FLUBBED, CLEAN, OTHER])


@pytest.mark.parametrize("trouble", ["stopping", "busy", "huge"])
def test_what_a_daemon_does_not_answer_is_judged_here(trouble):
    """It is stopping, busy or has another model, or the mail is huge."""
    judge = PhraseJudge()
    judge.trouble = UnflubError("unflub is stopping") if trouble == "stopping" else None
    judge.knows = trouble != "busy"
    with daemon(judge):
        assert not is_flagged(MARKED + b"\n" * local.MOST * (trouble == "huge"))


def test_a_daemon_of_another_version_is_not_believed():
    """Its verdicts may be others; who tests the connection is told what to do."""
    old = {"protocol": checking.PROTOCOL, "version": "0.0.1", "verdicts": []}
    with answering.answering(lambda _: old):
        assert not is_flagged(MARKED)
        with pytest.raises(UnreachableError, match=r"0\.0\.1.*restart the daemon"):
            checking.presence()


def test_a_client_of_another_version_gets_no_verdict_and_is_told_why():
    """The answer names the daemon's version, so that a clear sentence can be made of it."""
    with daemon() as judge:
        said = local.ask({"protocol": 99, "version": "9.9", "messages": []}, 60)
    assert said == GREETING
    assert not judge.asked


def test_presence_tells_whether_a_daemon_answers():
    """For who tests the connection."""
    assert "no daemon" in checking.presence()
    with daemon():
        assert "answers" in checking.presence()


def test_a_silent_daemon_is_not_waited_for_long(state):
    """Whoever holds the socket and says nothing, the verdict is made here."""
    with silent_daemon(state):
        assert not is_flagged(MARKED, patience=0.2)


def test_a_silent_daemon_is_waited_for_once(state):
    """For a while the process asks it nothing then: each mail would wait for it anew."""
    with silent_daemon(state) as silent:
        for _ in range(2):
            assert not is_flagged(MARKED, patience=0.2)
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_a_daemon_that_was_silent_is_asked_again_later(state, monkeypatch):
    """One slow answer is not held against it for ever: Thunderbird's helper lives for days."""
    monkeypatch.setattr(local, "_REST", 0)
    with silent_daemon(state) as silent:
        for _ in range(2):
            assert not is_flagged(MARKED, patience=0.2)
        silent.settimeout(0)
        for _ in range(2):
            silent.accept()[0].close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"x\n", b"[]\n", b"[" * 100_000 + b"\n", b"\xff\n", b"{}",
     *(json.dumps(said).encode() + b"\n" for said in (
         {"protocol": checking.PROTOCOL}, GREETING | {"verdicts": []}, GREETING | {"verdicts": [7]}
     ))],
)  # fmt: skip
def test_a_broken_answer_is_no_answer(state, answer):
    """Nothing that comes through the socket is believed but a whole answer."""
    with silent_daemon(state) as broken:

        def say() -> None:
            sock, _ = broken.accept()
            with sock, suppress(OSError):
                local.received(sock, 1e9)
                sock.sendall(answer)

        thread = threading.Thread(target=say)
        thread.start()
        assert not is_flagged(MARKED)
        thread.join(60)


def test_socket_and_folder_are_the_user_s_alone(state):
    """Also where the folder was open before; nothing is left when the daemon ends."""
    state.mkdir(parents=True, mode=0o755)
    with daemon():
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert stat.S_IMODE((state / "check.sock").stat().st_mode) == 0o600
        assert stat.S_ISSOCK((state / "check.sock").stat().st_mode)
    assert not (state / "check.sock").exists()


@pytest.mark.parametrize("uid", ["client", "daemon"])
def test_neither_end_talks_to_another_user(monkeypatch, uid):
    """The kernel says who is at the other end; a stranger is neither told nor believed."""
    real, main = local.peer, threading.main_thread()

    def peer(sock: socket.socket) -> int:
        asked_by = "daemon" if threading.current_thread() is main else "client"
        return real(sock) + (asked_by == uid)

    monkeypatch.setattr(local, "peer", peer)
    with daemon() as judge:
        assert local.ask({"protocol": checking.PROTOCOL}, 60) is None
        assert not is_flagged(MARKED)
    assert not judge.asked


def test_the_kernel_names_the_user_at_the_other_end():
    """It is we ourselves, in a test."""
    with daemon(), socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(local.path()))
        assert local.peer(sock) == os.getuid()


def test_a_socket_that_a_dead_daemon_left_is_replaced(state):
    """The lock tells that nobody answers there any more."""
    state.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(state / "check.sock"))
    assert not is_flagged(MARKED)
    with daemon():
        assert is_flagged(MARKED)


def test_a_second_daemon_leaves_the_socket_to_the_first():
    """And takes nothing away when it ends."""
    with daemon() as first:
        with daemon() as second:
            assert is_flagged(MARKED)
        assert is_flagged(MARKED)
    assert len(first.asked) == 2
    assert not second.asked


def test_a_daemon_without_a_socket_goes_on(state, caplog):
    """Where none can be made, one line says so, and checks do without."""
    (state / "check.sock").mkdir(parents=True)
    with daemon():
        assert not is_flagged(MARKED)
    assert "checks before Send do without the daemon" in caplog.text
    assert (state / "check.sock").is_dir()


@pytest.mark.parametrize(
    "question",
    [b"", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b"\x80\x04.", b"[" * 100_000 + b"\n",
     b"x" * (local.MOST + 2**17)],
)  # fmt: skip
def test_a_bad_client_hurts_nobody(question):
    """It is hung up on; who comes next is answered."""
    with daemon():
        for _ in range(10):
            with socket.socket(socket.AF_UNIX) as sock, suppress(OSError):
                sock.settimeout(60)
                sock.connect(str(local.path()))
                sock.sendall(question)
                sock.shutdown(socket.SHUT_WR)
                assert sock.recv(1) == b""
        assert is_flagged(MARKED)


@pytest.mark.parametrize(
    "changes",
    [{"messages": 7}, {"messages": ["not base64!"]}, {"messages": [7]}, {"model": 7},
     {"policy": None}, {"policy": {}}, {"messages": ["ÿ"]}],
)  # fmt: skip
def test_a_question_that_is_none_is_not_answered_wrongly(changes):
    """No verdict comes of it, and the daemon stands."""
    policy = wire.policy_as_values(Policy())
    good = {**GREETING, "model": None, "messages": [], "policy": policy}
    with daemon() as judge:
        said = local.ask({**good, **changes}, 60)
        assert said is None or said["verdicts"] == []
        judge.trouble = UnflubError("stopping")
        assert local.ask(good, 60).keys() == {"protocol", "version"}


def test_a_slip_of_the_daemon_is_logged_without_words(caplog):
    """The kind of error and its place alone: its words may hold mail."""

    def slip(question: local.Values) -> local.Values:
        raise RuntimeError(json.dumps(question))

    with answering.answering(slip):
        assert local.ask({"secret": "words"}, 60) is None
        until(lambda: "internal error, RuntimeError at test_checking.py:" in caplog.text)
    assert "words" not in caplog.text


def test_many_who_wait_do_not_take_all_threads():
    """Those beyond a few are sent away at once, and judge for themselves."""
    go = threading.Event()

    class Slow(PhraseJudge):
        def check(self, asked: Check) -> Verdicts | None:
            go.wait(60)
            return super().check(asked)

    found: list[bool] = []
    with daemon(Slow()):
        threads = [
            threading.Thread(target=lambda: found.append(is_flagged(MARKED, patience=60)))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        until(lambda: found.count(False) >= 12 - 8)
        go.set()
        for thread in threads:
            thread.join(60)
    assert found.count(True) == 8
