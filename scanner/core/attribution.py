"""Where quoted mail begins: attribution lines, header blocks and separators.

What mail clients write above a quoted or forwarded message, in the languages people
have them set to. Every function looks at a few lines only, so a hostile message costs
no more than a long one.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from mailparser_reply.constants import MAIL_LANGUAGES

_WINDOW = 400
"""The longest attribution looked at, in characters; real ones stay under 250."""

_BLOCK = 10
"""A header block is looked for in so many lines; a long To field takes some of them."""

_WITHOUT_FROM = 3
"""So many other fields make a header block even without a From field."""

_LINES = 4
"""The most lines over which clients wrap an attribution."""

_AROUND = " \t\xa0*_\u200e\u200f\u202a\u202b\u202c"
"""What may stand around an attribution: blanks, emphasis, marks of direction."""

_REPLY_HEADERS = [
    re.compile(MAIL_LANGUAGES[language]["wrote_header"]) for language in ("ja", "ko", "zh")
]
"""mail-parser-reply's attribution lines where no verb tells them.

Its patterns for the other languages take cubic time on a long line, so `_VERB` stands
for them.
"""

_VERB = re.compile(
    r"\b(?:wrote|writes|schrieb|a écrit|écrit|escribió|escribio|ha scritto|scrive|schreef"
    r"|skrev|escreveu|kirjoitti|napsala?|napsal\(a\)|napísala?|napisała?|napisał\(a\)|nadesłał|pisze"
    r"|написала?|пишет|пише|írta|a scris|yazdı|έγραψε)\b"
    r"|写道|寫道|のメール|님이 작성|כתב|كتب",
    re.IGNORECASE,
)
"""The verb of an attribution, also in languages the package does not know."""

_SENT_BY = re.compile(
    r"(?:[^\W\d_]{1,20}[.,]? {1,2}){0,2}\d{1,2}[ .,/][^@\n]{0,20}?"
    r"\b(?:19|20)\d\d\b[^@\n]{1,8}\d{1,2}[:.]\d\d\b[^@\n]{0,12}"
    r" (?:by|from|von|de|par|por|da|van|door|av|af|od|przez|от) [^@\n]{1,80}@\S+\s?[:：]$",
    re.IGNORECASE,
)
"""An attribution without a verb: Mail.ru and Tutanota name day, time and mailbox."""

_MAILBOX = re.compile(r"<[^<>\s]{1,80}@[^<>\s]{1,80}>")
_BY_NUMBERS = re.compile(
    r"\d{1,2}\.\d{1,2}\.\d{4}, \d{1,2}:\d\d, \"[^\"\n]{0,80}\" " + _MAILBOX.pattern + r"\s?:$"
)
"""The same of Yandex."""

_RIGHT_BEHIND = ":   "
"""Yahoo's app for Android puts the quoted message on the line of its attribution, behind this."""

_OPENING = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Den|Em|No dia|A|Dne|Dňa|Dnia|W dniu|На|Дата|Pe|Le jeu|Στις)\s[^\n]*\d"
    r"|\d|[^<>\n]{1,80}\n?<[^<>\s]+@",
    re.IGNORECASE,
)
"""How an attribution that is wrapped over lines starts: a preposition and a date, or a mailbox.

It does so on its first line, else the line above an attribution would be taken along.
"""

_DATED = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.h]\d\d\b|@")
"""What an attribution carries and a sentence that merely says "wrote" does not."""

_SENTENCE = re.compile(
    r"\b(?:I|you|we|they|he|she|it|ich|wir|je|j'ai|nous|yo|io)\s+"
    r"(?:\w+:?$|(?:\w+\s+)?(?:wrote|writes)\b)",
    re.IGNORECASE,
)
"""A sentence about writing says so: "On the 2023 test I wrote a join, but meant this:"."""

_FROM = (
    "from|von|de|da|van|od|från|fra|lähettäjä|от|от кого|发件人|發件人|寄件者|差出人|보낸 사람"
    "|expéditeur|remitente|mittente|feladó|gönderen|kimden|από"
)
_OF_MAIL = (
    "sent|subject|gesendet|betreff|envoyé|envoyé le|objet|enviado|enviado el|asunto|inviato|oggetto"
    "|verzonden|onderwerp|assunto|enviada|enviado em|skickat|ämne|sendt|emne|lähetetty|aihe"
    "|odesláno|předmět|wysłano|temat|data wysłania|odoslané|predmet|отправлено|тема"
    "|发送时间|主题|發送時間|主旨|送信日時|件名|보낸 날짜|제목|elküldve|tárgy|gönderildi|konu"
)
"""Fields that a list of the writer's own has not: when a message was sent, and its subject."""

_OTHERS = (
    "date|to|cc|bcc|reply-to|importance|attachments|organization|datum|an|kopie|à|copie à|pour"
    "|fecha|para|data|a|aan|till|kopia|til|päivämäärä|vastaanottaja|komu|do|dw|дата|кому|копия"
    "|收件人|抄送|日期|宛先|받는 사람|címzett|kime"
)
_SPACE = r"[ \t\xa0]"
# Possessive, as neither a name nor a separator's words begin with what stands before them.
_FIELD = re.compile(
    rf"[*_ \t]{{0,12}}+(?:(?P<origin>{_FROM})|(?P<of_mail>{_OF_MAIL})|{_OTHERS})"
    rf"{_SPACE}{{0,2}}+[:：]",
    re.IGNORECASE,
)

_NOBODY = re.compile(r"(?:[^\W\d_]+|[^\W\d_]*[ .]{0,2}\d[^@]*|[a-z][^@]*)$")
"""What follows "From:" in a list: a place, a date, words without a capital; no name, no mailbox."""

_SEPARATOR = re.compile(
    r"\s{0,3}+(?:"
    r"-{2,40}+\s?+(?:original message|forwarded (?:message|by)|original-nachricht"
    r"|ursprüngliche nachricht|weitergeleitete nachricht|message (?:d'origine|transféré|original)"
    r"|mensaje (?:original|reenviado)|mensagem (?:original|encaminhada)"
    r"|messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht"
    r"|original(?:t)? meddelande|vidarebefordrat meddelande|oprindelig meddelelse"
    r"|videresendt (?:besked|melding)|opprinnelig melding|alkuperäinen viesti"
    r"|původní zpráva|wiadomość oryginalna|исходное сообщение|пересылаемое сообщение"
    r"|reply message|reply above this line|原始邮件|轉寄郵件|转发邮件|元のメッセージ|転送メッセージ"
    r")"
    r"|(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)"
    r"|début du (?:message réexpédié|message transféré)|inicio del mensaje reenviado"
    r"|inizio messaggio inoltrato|início da mensagem (?:re)?encaminhada"
    r"|begin doorgestuurd bericht|vidarebefordrat brev|videresendt besked)\s?[:：]\s*$)",
    re.IGNORECASE,
)

_RULES = ("_", "=", "-")
_RULE = re.compile(r"\s{0,3}+[_=-]{10,}+\s*+$")
"""A line of underscores, equals signs or dashes that stands above a header block."""


def is_quoted(line: str) -> bool:
    """Tell whether a line carries the quote mark ">" (RFC 3676 section 4.5)."""
    return line.startswith((">", " >", "  >", "   >"))


def ahead_of_colons(lines: Sequence[str]) -> set[int]:
    """Tell the lines at which an attribution may begin: few do, and each ends in a colon."""
    ends = [at for at, line in enumerate(lines) if _has_colon(line) and _ends_in_colon(line)]
    return {end - before for end in ends for before in range(_LINES)}


def quote_header(lines: Sequence[str], at: int, ahead: Container[int]) -> int:
    """How many lines, from line `at` on, announce a quoted message; 0 if they do not.

    `ahead` are the lines that `ahead_of_colons` gives.
    """
    line, found = lines[at], 0
    if _has_colon(line):
        found = separator(lines, at) or header_block(lines, at)
    elif line.lstrip().startswith(_RULES):
        found = separator(lines, at)
    return found or (attribution(lines, at) if at in ahead else 0)


def _has_colon(line: str) -> bool:
    return ":" in line or "\N{FULLWIDTH COLON}" in line


def _ends_in_colon(line: str) -> bool:
    return line.rstrip(_AROUND).endswith((":", "\N{FULLWIDTH COLON}"))


def attribution(lines: Sequence[str], at: int) -> int:
    """How many lines an attribution ("On ... wrote:") takes that begins at line `at`."""
    for count, last in enumerate(lines[at : at + _LINES], 1):
        if not last.strip():
            return 0
        if _ends_in_colon(last):
            parts = [line.strip(_AROUND) for line in lines[at : at + count]]
            quoted = _quote_follows(lines, at + count)
            opens = count == 1 or _is_wrapped(parts)
            return count if opens and is_attribution(" ".join(parts), quoted=quoted) else 0
    return 0


def _is_wrapped(parts: Sequence[str]) -> bool:
    """Tell the lines of one attribution from one with a sentence of the writer's above it."""
    return not parts[0].endswith((".", "!", "?")) and bool(_OPENING.match("\n".join(parts)))


def is_attribution(text: str, *, quoted: bool = False) -> bool:
    """Tell whether `text`, on one line, names who wrote the message quoted below.

    A sentence may say "wrote" and end in a colon too, so a date, a time or an address
    is asked for, unless a quoted line follows.
    """
    text = text.strip(_AROUND)
    if len(text) > _WINDOW:
        return False
    if not quoted and (not _DATED.search(text) or _SENTENCE.search(text)):
        return False
    if quoted and _MAILBOX.search(text):
        return True  # there are more languages than verbs here
    without_verb = (_SENT_BY, _BY_NUMBERS, *_REPLY_HEADERS)
    return bool(_VERB.search(text)) or any(header.match(text) for header in without_verb)


def _quote_follows(lines: Sequence[str], at: int) -> bool:
    following = next((line for line in lines[at : at + 3] if line.strip()), "")
    return is_quoted(following)


def header_block(lines: Sequence[str], at: int) -> int:
    """How many lines a block of copied header fields takes (Outlook and its kin).

    It needs a From field and another one, or three others (Lotus Notes names the author
    above the block): "To:" or "Date:" alone may open a list. So may "From:" where it
    names nobody and no field is of mail alone.
    """
    fields: list[re.Match[str]] = []
    end = 0
    for number, line in enumerate(lines[at : at + _BLOCK]):
        field = _FIELD.match(line) if _has_colon(line) else None
        if not line.strip() or (number == 0 and field is None):
            break
        if field is not None:
            fields.append(field)
            end = number + 1
    origins = [field for field in fields if field["origin"]]
    others = len(fields) - len(origins)
    is_about_mail = any(field["of_mail"] for field in fields) or any(map(_names_somebody, origins))
    return end if others >= _WITHOUT_FROM or (others and origins and is_about_mail) else 0


def _names_somebody(origin: re.Match[str]) -> bool:
    return not _NOBODY.match(origin.string[origin.end() :].strip(_AROUND))


def separator(lines: Sequence[str], at: int) -> int:
    """How many lines a separator takes, with the header block under it."""
    line = lines[at]
    if _is_between_dashes(line) or _has_quote_behind(line):
        return 1
    if not (_SEPARATOR.match(line) or _RULE.match(line)):
        return 0
    below = at + 1
    while below < len(lines) and below < at + 4 and not lines[below].strip():
        below += 1
    block = header_block(lines, below) if below < len(lines) else 0
    if block:
        return below - at + block
    return 1 if _SEPARATOR.match(line) else 0


def _is_between_dashes(line: str) -> bool:
    """Tell an attribution of Zoho, which ends in no colon."""
    line = line.strip(_AROUND)
    return line.startswith("--") and line.endswith("--") and is_attribution(line.strip("- "))


def _has_quote_behind(line: str) -> bool:
    head, _, rest = line.partition(_RIGHT_BEHIND)
    named = _MAILBOX.search(head) if rest.strip() else None
    return named is not None and is_attribution(f"{head}:")
