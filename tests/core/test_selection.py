"""Which messages a scan is asked for."""

from datetime import date

import pytest

from scanner.core.selection import Selection

RAW = (
    b"From: =?utf-8?q?Zo=C3=AB_K=C3=B6hler?= <zoe@example.org>\r\n"
    b"To: Panel <panel@example.com>\r\nCc: cc@example.net\r\n"
    b"Date: Mon, 3 Mar 2025 23:50:00 -0800\r\n\r\nto: nobody@example.org\r\n"
)


@pytest.mark.parametrize(
    ("selection", "takes"),
    [
        (Selection(), True),
        (Selection(since=date(2025, 3, 3)), True),
        (Selection(since=date(2025, 3, 4)), False),
        (Selection(before=date(2025, 3, 4)), True),
        (Selection(before=date(2025, 3, 3)), False),
        (Selection(sender="KÖHLER"), True),
        (Selection(sender="zoe@"), True),
        (Selection(to="panel"), True),
        (Selection(to="cc@example.net"), False),
        (Selection(to="nobody"), False),
        (Selection(since=date(2025, 1, 1), sender="somebody"), False),
    ],
)
def test_what_is_asked_for_is_taken(selection, takes):
    """The day is the one the field names, in its own zone; To does not mean Cc."""
    assert selection.takes(RAW) is takes


def test_a_message_without_a_date_lies_in_no_span_of_days():
    """It is taken where no day is asked for."""
    raw = b"From: a@example.org\r\nDate: soon\r\n\r\nHello\r\n"
    assert Selection(sender="a@").takes(raw)
    assert not Selection(since=date(1990, 1, 1)).takes(raw)
    assert not Selection(before=date(2990, 1, 1)).takes(b"Subject: x\r\n\r\nHello\r\n")


def test_a_message_that_only_its_missing_date_keeps_out_is_told():
    """Whether it lies between the days nobody knows."""
    raw = b"From: a@example.org\r\nDate: soon\r\n\r\nHello\r\n"
    assert Selection(since=date(1990, 1, 1), sender="a@").is_undated(raw)
    assert not Selection(since=date(1990, 1, 1), sender="b@").is_undated(raw)
    assert not Selection(sender="b@").is_undated(raw)
    assert not Selection(since=date(2990, 1, 1)).is_undated(RAW)


@pytest.mark.parametrize("name", [b"=?x-klingon?q?Worf?=", b"=?utf-8?b?a?=", b"=?x\0?q?W?="])
def test_a_name_that_cannot_be_decoded_is_compared_as_it_stands(name):
    """A strange header field ends no scan."""
    raw = b"From: " + name + b" <worf@example.org>\r\n\r\n\r\n"
    assert Selection(sender="worf@").takes(raw)


def test_a_date_beyond_all_years_is_none():
    """Such a message lies in no span of days, and ends no scan."""
    raw = b"From: a@example.org\r\nDate: Thu, 1 Jan 99999999999 00:00:00 +0000\r\n\r\n"
    assert not Selection(since=date(1990, 1, 1)).takes(raw)
