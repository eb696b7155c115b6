"""Whether a message was written by the user or to the user, and when."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from scanner.core.dates import sent
from scanner.core.draft import Draft
from scanner.core.fields import decoded, parsed_header
from scanner.core.header import raw_header

Direction = Literal["outgoing", "incoming"]

# How mail programs name the folders of what one wrote, and of what one got.
_WRITTEN = (
    "sent", "sent mail", "sent items", "sent messages", "drafts", "draft", "outbox", "unsent",
    "unsent messages", "templates", "gesendet", "gesendete objekte", "gesendete elemente",
    "entwürfe", "postausgang", "envoyés", "messages envoyés", "éléments envoyés", "brouillons",
    "enviados", "elementos enviados", "borradores", "inviata", "posta inviata", "bozze",
    "itens enviados", "rascunhos", "verzonden", "verzonden items", "concepten", "skickat",
    "utkast", "sendt", "kladder", "lähetetyt", "luonnokset", "wysłane", "robocze", "odeslané",
    "koncepty", "отправленные", "черновики", "送信済みメール", "下書き", "已发送", "草稿",
    "보낸편지함", "임시보관함", "inviati", "e-mails enviados", "wersje robocze", "odeslaná pošta",
    "odoslané", "elküldött", "elküldött levelek", "piszkozatok", "trimise", "mesaje trimise",
    "gönderilenler", "gönderilmiş postalar", "taslaklar", "απεσταλμένα", "πρόχειρα", "надіслані",
    "чернетки", "изпратени", "送信済み", "已发邮件", "寄件備份",
)  # fmt: skip
_RECEIVED = (
    "inbox", "posteingang", "boîte de réception", "bandeja de entrada", "posta in arrivo",
    "caixa de entrada", "postvak in", "inkorg", "indbakke", "innboks", "saapuneet",
    "skrzynka odbiorcza", "doručená pošta", "входящие", "受信トレイ", "收件箱", "받은편지함",
)  # fmt: skip
_FOLDERS: dict[str, Direction] = {
    **dict.fromkeys(_WRITTEN, "outgoing"),
    **dict.fromkeys(_RECEIVED, "incoming"),
}
_NUMBER = re.compile(r"#\d+$")
_UID = re.compile(r";UIDVALIDITY=\d+/;UID=\d+$")
_LABELS = "X-Gmail-Labels"
_LABELLED = _LABELS.encode()
_HEADER = 64 * 1024
# A Maildir++ has its INBOX in its own cur and new, and every other folder in one of a name.
_OWN_FOLDER = re.compile(r"(?:^|[/\\])maildir[/\\](?:cur|new)[/\\][^/\\]+$", re.IGNORECASE)
# Written where a message is delivered (RFC 5321 section 4.4). Gmail labels what one wrote, too,
# which `_by_labels` knows by "Sent" or "Drafts". What begins with one known byte is found fast.
_ON_DELIVERY = re.compile(rb"\n(?:Return-Path|Delivered-To|X-Gmail-Labels):", re.IGNORECASE)
# "Inbox-1" is Thunderbird's, "Inbox (1)" a browser's, "Inbox 2023" one's own way to say another.
_ANOTHER = re.compile(r"(?:-\d+| \d+| \(\d+\))$")
_SLASH = re.compile(r"[/\\]")
_MESSAGES = (".eml", ".emlx", ".txt")


def direction(source: str, raw: bytes, draft: Draft, own: frozenset[str]) -> Direction:
    """Tell by the folder, else by the user's own addresses, else by the signs of a delivery.

    A folder's name counts most: who sends under another address keeps the copy in Sent.
    Without any of these it was written.
    """
    known = by_folder(source) or _by_labels(raw) or _by_address(draft, own)
    return known or ("incoming" if _was_delivered(source, raw) else "outgoing")


def day(raw: bytes) -> str:
    """Give the day of the Date field as 2025-03-01, or nothing where there is none."""
    time = sent(parsed_header(raw))
    return time.date().isoformat() if time else ""


def by_folder(source: str) -> Direction | None:
    """Tell by the path or URL of a message or mailbox, or not at all.

    The innermost folder that has a name for it counts; an mbox is a folder, too.
    """
    return _by_path(_UID.sub("", _NUMBER.sub("", source)))


@lru_cache(maxsize=64)  # the messages of an mbox come one after the other
def _by_path(path: str) -> Direction | None:
    parts = unquote(path).split("/")[3:] if path.startswith("imap://") else _SLASH.split(path)
    if parts[-1].casefold().endswith(_MESSAGES):
        del parts[-1]  # a message's own name is none of a folder
    roles = (_role(name) for part in reversed(parts) for name in _names(part))
    return next((role for role in roles if role), None)


def _names(part: str) -> list[str]:
    """Split "INBOX.Sent" and the like; the part after the last dot may also be a suffix."""
    bare = re.sub(r"\.(?:mbox|mbx|sbd|gz)\b", "", part.casefold())
    return [bare, *reversed(bare.split("."))]


def _role(name: str) -> Direction | None:
    return _FOLDERS.get(_ANOTHER.sub("", name).strip())


def _by_labels(raw: bytes) -> Direction | None:
    """Read what Google's Takeout says of each message."""
    if raw.find(_LABELLED, 0, _HEADER) < 0:
        return None
    labels = decoded(str(parsed_header(raw)[_LABELS]))
    roles = {_role(label.strip().casefold()) for label in labels.split(",")}
    return "outgoing" if "outgoing" in roles else "incoming" if "incoming" in roles else None


def _by_address(draft: Draft, own: frozenset[str]) -> Direction | None:
    if draft.sender in own:
        return "outgoing"
    # A blind copy and a list name others; a draft may name no sender yet.
    is_from_another = bool(own and draft.sender)
    return "incoming" if is_from_another or own & draft.recipients else None


def _was_delivered(source: str, raw: bytes) -> bool:
    header = raw_header(raw[:_HEADER])
    return bool(_OWN_FOLDER.search(source) or _ON_DELIVERY.search(b"\n" + header))
