"""The judge in a process of its own: as good as one here, and gone when it is not needed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator

import pytest
from support.notes import CLEAN, FLUBBED
from support.processes import children_of, is_alive

from scanner.core.classify import Policy
from scanner.core.verdict import Verdict
from scanner.errors import ModelError, UnflubError, UnreadableError
from scanner.judging import JudgingProcess
from scanner.learning import loading, shelf


@pytest.fixture
def judge() -> Iterator[JudgingProcess]:
    made = JudgingProcess(None, Policy(), idle=0)
    yield made
    made.close()


@pytest.fixture
def others() -> Callable[[], set[int]]:
    """Which living processes of ours there are since the beginning of the test."""
    before = children_of(os.getpid())
    return lambda: {pid for pid in children_of(os.getpid()) - before if is_alive(pid)}


def warns(judge: JudgingProcess) -> list[bool]:
    verdicts = judge([FLUBBED, CLEAN])
    assert all(isinstance(verdict, Verdict) for verdict in verdicts)
    return [bool(verdict.assessment.passages) for verdict in verdicts]


def test_it_judges_as_a_judge_in_this_process_does(judge, others):
    """Verdicts come in order, from one process, which stays for the next question."""
    judge.start()
    (process,) = others()
    here = loading.judge(shelf.shipped(), Policy(), sift=False)([FLUBBED, CLEAN])
    assert [v.assessment for v in judge([FLUBBED, CLEAN])] == [v.assessment for v in here]
    assert warns(judge) == [True, False]
    assert others() == {process}


def test_when_idle_it_is_let_go_and_comes_back(judge, others):
    """The system has all of its memory back, and the next question starts it anew."""
    assert warns(judge) == [True, False]
    judge.rest()
    assert not others()
    assert warns(judge) == [True, False]


def test_one_that_was_just_started_is_not_let_go(others):
    """It is kept as long as after a question: loading the model for the first one takes time."""
    judge = JudgingProcess(None, Policy(), idle=300)
    judge.start()
    judge.rest()
    assert others()
    judge.close()


def test_one_that_died_is_replaced(judge, others):
    """Whatever ended it, what is asked next is answered."""
    judge.start()
    (process,) = others()
    os.kill(process, signal.SIGKILL)
    assert warns(judge) == [True, False]
    assert others() != {process}


def test_a_message_that_takes_too_long_is_not_checked_and_the_others_are(
    judge, others, monkeypatch
):
    """Each gets its own time then; the process that is stuck is ended."""
    monkeypatch.setattr("scanner.judging._BATCH", 0.1)
    judge.start()
    for answers in (True, False):
        (process,) = others()
        os.kill(process, signal.SIGSTOP)
        if answers:
            assert warns(judge) == [True, False]
        else:
            monkeypatch.setattr("scanner.judging._ONE", 0)
            assert [type(verdict) for verdict in judge([FLUBBED])] == [UnreadableError]
        assert process not in others()


def test_a_closed_one_answers_no_more(judge, others):
    """Who asks while the daemon stops is told so at once."""
    judge.start()
    judge.close()
    with pytest.raises(UnflubError, match="stopping"):
        judge([FLUBBED])
    assert not others()


def test_a_model_that_cannot_be_loaded_is_said_at_the_start(tmp_path):
    """Not when the first note comes, which may be days later."""
    judge = JudgingProcess(tmp_path / "none", Policy())
    with pytest.raises(ModelError, match="no model folder"):
        judge.start()


def test_a_process_that_ends_at_once_is_said_as_a_model_that_cannot_be_loaded(monkeypatch, others):
    """It has read nothing then, so the connection is reset (unix(7)); nothing of it stays."""
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    judge = JudgingProcess(None, Policy())
    for _ in range(2):
        with pytest.raises(ModelError, match="cannot be loaded"):
            judge.start()
    assert not others()
