"""plugins/emacs/unflub.el in a real Emacs on a pseudo-terminal, sending by SMTP."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pexpect
import pytest
from support.letters import FLUBBED

FOLDER = Path(__file__).parents[2] / "plugins" / "emacs"
ASKED = "this note explains a flub"
INIT = """
(setq user-mail-address "me@example.org" user-full-name "Me" mail-host-address "example.org"
      inhibit-startup-screen t message-auto-save-directory nil auto-save-default nil
      make-backup-files nil message-kill-buffer-on-exit t message-required-mail-headers
      '(From Subject Date Message-ID)
      message-send-mail-function #'smtpmail-send-it send-mail-function #'smtpmail-send-it
      smtpmail-smtp-server "127.0.0.1" smtpmail-smtp-service {port} smtpmail-stream-type nil
      message-interactive t)
(add-to-list 'load-path "{folder}")
(require 'unflub)
(require 'message)
(unflub-mode 1)
{more}
(defun state () (interactive)
  (message "state: %s at %s" (buffer-name) (thing-at-point 'line t)))
(global-set-key [f5] #'state)
{compose}
(goto-char (point-max))
(insert {body})
(goto-char (point-max))
"""


MESSAGE = '(compose-mail "panel@example.com" "Thank you")'
PACKAGES = """
(let ((default-directory "/usr/share/emacs/site-lisp/elpa/"))
  (normal-top-level-add-subdirs-to-load-path))
"""
NOTMUCH = f"""{PACKAGES}
(require 'notmuch)
(setq notmuch-fcc-dirs nil)
(notmuch-mua-mail "panel@example.com" "Thank you" '((From . "me@example.org")))
"""
# `mu` keeps the drafts and what was sent; it must have said so before a message is begun.
MU4E = f"""{PACKAGES}
(require 'mu4e)
(dolist (place '("drafts/cur" "sent/cur" "trash/cur" "trash/new" "trash/tmp"))
  (make-directory (expand-file-name (concat "~/mail/" place)) t))
(call-process "mu" nil nil nil "init" "--maildir" (expand-file-name "~/mail"))
(mu4e t)
(while (not mu4e--server-props) (accept-process-output nil 0.1))
(setq mail-user-agent 'mu4e-user-agent)
(compose-mail "panel@example.com" "Thank you")
"""
MAIL_MODE = """
(setq mail-user-agent 'sendmail-user-agent)
(compose-mail "panel@example.com" "Thank you")
"""


@pytest.fixture
def compose(desk):
    """Start Emacs with a finished mail."""

    def start(body: str, more: str = "", compose: str = MESSAGE) -> pexpect.spawn:
        init = desk.write("init.el", INIT.format(
            port=desk.box.port, folder=FOLDER, more=more, compose=compose,
            body=json.dumps(body, ensure_ascii=False),
        ))  # fmt: skip
        client = desk.start("emacs", "-nw", "-Q", "-l", init)
        client.expect(r"\((Message|Notmuch Message|mu4e:compose|Mail)")
        return client

    return start


def send(client: pexpect.spawn) -> None:
    client.send("\x03\x03")  # C-c C-c


def content(desk, client: pexpect.spawn) -> str:
    (message,) = desk.sent(client, 1)
    return message.get_content().replace("\r\n", "\n")


def test_ordinary_mail_is_sent_without_a_question(desk, compose):
    """And nothing is written into it."""
    client = compose("Lunch at noon?\n")
    send(client)
    assert content(desk, client) == "Lunch at noon?\n"
    assert desk.box.messages[0].get("X-Unflub") is None


def test_going_back_puts_point_at_the_passage_and_sending_anyway_sends_once(desk, compose):
    """The window with the findings has the same words as everywhere."""
    client = compose(FLUBBED)
    send(client)
    shown = {client.expect(["apologises for something in the interview", ASKED]) for _ in range(2)}
    assert shown == {0, 1}
    client.send("b")
    client.expect("point is at the passage")
    client.send("\x1b[15~")  # F5
    client.expect(r"state: \*unsent mail.* at I am sorry I rambled")
    assert not desk.box.raw
    send(client)
    client.expect(ASKED)
    client.send("s")
    assert content(desk, client) == FLUBBED
    assert len(desk.box.raw) == 1


def test_not_a_flub_is_remembered(desk, compose):
    """Another message with the passage is sent without a question."""
    client = compose(FLUBBED)
    send(client)
    client.expect(ASKED)
    client.send("n")
    assert content(desk, client) == FLUBBED
    client.close(force=True)
    again = compose(FLUBBED)
    send(again)
    assert len(desk.sent(again, 2)) == 2


def kept(desk, folder: str) -> list[Path]:
    """What mu4e has in a folder."""
    return list((desk.home / "mail" / folder).glob("*/[!.]*"))  # Emacs locks what it edits


@pytest.mark.parametrize("other", [NOTMUCH, MAIL_MODE], ids=["notmuch", "mail-mode"])
def test_it_asks_wherever_mail_is_written(desk, compose, other):
    """In what is made of message-mode, and in the older mode."""
    client = compose(FLUBBED, compose=other)
    send(client)
    client.expect(ASKED)
    assert not desk.box.raw
    client.send("s")
    assert content(desk, client) == FLUBBED


def test_ctrl_g_at_the_question_goes_back(desk, compose):
    """As whatever else is no answer."""
    client = compose(FLUBBED)
    send(client)
    client.expect(ASKED)
    client.send("\x07")
    client.expect("Quit")
    assert not desk.box.raw


@pytest.mark.parametrize("trouble", ["missing", "broken", "slow", "silent"])
def test_with_an_engine_in_trouble_the_mail_goes(desk, compose, trouble):
    """A message says so."""
    command = {
        "missing": '("no-such-program")', "broken": '("false" "x" "--")',
        "slow": '("sh" "-c" "exec sleep 1000")', "silent": '("sh" "-c" "cat >/dev/null; exit 1")',
    }[trouble]  # fmt: skip
    client = compose(FLUBBED, f"(setq unflub-command '{command} unflub-patience 1)")
    send(client)
    assert content(desk, client) == FLUBBED


def test_that_mail_goes_unchecked_is_seen_and_said_once(desk, compose):
    """Sending has the last word in the echo area, so it stands in a window."""
    count = """
(global-set-key [f6] (lambda () (interactive) (unflub-before-send)
  (with-selected-window (get-buffer-window "*Warnings*")
    (message "told %d time" (how-many "sent without a check" (point-min) (point-max))))))
"""
    client = compose(FLUBBED, f'(setq unflub-command \'("no-such-program")){count}')
    send(client)
    assert content(desk, client) == FLUBBED
    client.send("\x1b[17~")  # F6
    client.expect("told 1 time")


def test_what_cannot_be_remembered_is_said(desk, compose):
    """The mail goes, and a warning tells why the passage will be brought up again."""
    (desk.home / "state").write_text("no folder")
    client = compose(FLUBBED)
    send(client)
    client.expect(ASKED)
    client.send("n")
    client.expect("not remembered: The command ended with status 5")
    assert content(desk, client) == FLUBBED


def test_it_asks_also_where_the_working_folder_is_gone(compose):
    """A program cannot be started in one that is not there."""
    client = compose(FLUBBED, compose=f'{MESSAGE}(setq default-directory "/no/such/folder/")')
    send(client)
    client.expect(ASKED)


def test_a_command_that_reads_nothing_holds_up_no_long_mail(desk, compose):
    """Of that it takes in only what a pipe holds."""
    long = FLUBBED + "More of the same.\n" * 10_000
    client = compose(
        long, '(setq unflub-command \'("sh" "-c" "exec sleep 1000") unflub-patience 1)'
    )
    send(client)
    assert content(desk, client) == long


def test_a_flub_is_asked_about_also_without_its_report(desk, compose):
    """The engine that failed after it found something has found it; the passages are shown."""
    failing = desk.write(
        "failing", '#!/bin/sh\ncase "$*" in *text*) exit 6 ;; esac\nexec unflub "$@"\n', 0o755
    )
    client = compose(FLUBBED, f'(setq unflub-command \'("{failing}"))')
    send(client)
    shown = {client.expect(["What I should have said", ASKED]) for _ in range(2)}
    assert shown == {0, 1}
    client.send("b")
    client.expect("point is at the passage")
    assert not desk.box.raw


def test_a_header_field_lets_it_through(desk, compose):
    """Without a question."""
    client = compose(FLUBBED, '(setq message-default-mail-headers "X-Unflub: send\\n")')
    send(client)
    assert content(desk, client) == FLUBBED


def test_switched_off_it_is_gone(desk, compose):
    """The mode is a global one."""
    client = compose(FLUBBED, "(unflub-mode -1)")
    send(client)
    assert content(desk, client) == FLUBBED


def test_the_file_compiles_without_a_warning(desk):
    """Byte-compiled, as packages are."""
    shutil.copy(FOLDER / "unflub.el", desk.home)
    strict = "(setq byte-compile-error-on-warn t)"
    compiling = desk.start(
        "emacs", "-Q", "--batch", "--eval", strict, "-f", "batch-byte-compile", "unflub.el"
    )
    compiling.expect(pexpect.EOF)
    compiling.close()
    assert compiling.exitstatus == 0, compiling.before


def test_in_mu4e_going_back_keeps_the_draft_and_sending_anyway_sends_once(desk, compose):
    """mu4e prepares its copy at each try, and keeps one."""
    client = compose(FLUBBED, compose=MU4E)
    send(client)
    client.expect(ASKED)
    client.send("b")
    client.expect("point is at the passage")
    assert not desk.box.raw
    assert [len(kept(desk, folder)) for folder in ("drafts", "sent")] == [1, 0]
    send(client)
    client.expect(ASKED)
    client.send("s")
    assert content(desk, client) == FLUBBED
    client.expect("Message sent")
    assert len(desk.box.raw) == len(kept(desk, "sent")) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [("Lunch at noon?\n", ""), (FLUBBED, "X-Unflub: send")],
    ids=["clean", "header"],
)
def test_mu4e_sends_what_is_not_to_be_asked_about(desk, compose, body, field):
    """Ordinary mail, and a flub note that a header field lets through."""
    added = f'(message-add-header "{field}")' if field else ""
    client = compose(body, compose=f"{MU4E}{added}")
    send(client)
    assert content(desk, client) == body
    client.expect("Message sent")
    assert len(desk.box.raw) == len(kept(desk, "sent")) == 1
