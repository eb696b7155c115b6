"""Lines below a message that its author did not write: "Sent from my ...", disclaimers."""

from __future__ import annotations

import re

from mailparser_reply.constants import MAIL_LANGUAGES


def _patterns(key: str) -> list[str]:
    """All of mail-parser-reply's patterns of one kind, in every language it knows."""
    found: list[str] = []
    for patterns in MAIL_LANGUAGES.values():
        entry = patterns.get(key, [])
        found += entry.split("|") if isinstance(entry, str) else entry
    return [pattern for pattern in found if pattern]


_LINE = 120
"""The longest "Sent from ..." line; a longer one is a sentence."""

_WAYS = (
    *_patterns("sent_from"),
    r"sent (?:from|via|with|using) (?:my |the )?(?:i(?:phone|pad)|mobile|android|samsung|galaxy"
    r"|blackberry|windows|mail\b|yahoo|outlook|gmail|proton|phone|cell|tablet|nokia|huawei|pixel"
    r"|t-mobile|verizon|aol|spark|superhuman|mailbird|front|tutanota|hey\b|fastmail)",
    r"von meine[mr] .{1,40} gesendet", "gesendet mit", "diese nachricht wurde von mein",
    r"envoyé (?:de|à partir de|avec|via) (?:mon |ma |la |l')?", r"télécharge[zr] outlook",
    r"enviad[oa] (?:desde|do|a partir do|con|com) ", "obtener outlook", "obter o outlook",
    r"inviato (?:da|con) ", "scarica outlook", r"verzonden (?:vanaf|met|via) ", "outlook voor ",
    "skickat från ", "hämta outlook", "sendt fra ", "lähetetty ", "hanki outlook", "wysłane z ",
    "pobierz outlook", "odesláno z", "odoslané z", r"отправлено (?:с|из) ",
    r"iphone ?から送信", "发自我的", r"從我的 .{1,20} 傳送", "получить outlook", "get outlook for",
    r"outlook für .{1,12} beziehen",
    *(
        rf"{word} (?:from|on) (?:a|my|the) (?:tiny|small|mobile|touch)"
        for word in ("sent", "typed", "written")
    ),
    "yahoo mail: search, organize", "holen sie sich outlook",
)  # fmt: skip
SENT_FROM = re.compile("|".join(_WAYS), re.IGNORECASE)
BEGINNINGS = frozenset(way[:3].lower() for way in _WAYS)
"""How every "Sent from ..." line of ASCII begins: few others do."""

_MOST_WORDS = 10

_STARTER = re.compile(rf"[\s*_]{{0,4}}(?:{'|'.join(_patterns('disclaimers'))})", re.IGNORECASE)
_HEADING = re.compile(
    r"[\s*_-]{0,4}(?:confidential(?:ity)?\b.{0,20}(?:notice|statement|note|warning)?"
    r"|(?:legal )?disclaimer|avis de confidentialité|vertraulichkeitshinweis"
    r"|aviso (?:legal|de confidencialidad))\s*+[:.-]*+\s*$",
    re.IGNORECASE,
)

_ABOUT_MAIL = re.compile(
    r"\b(?:e-?mails?|messages?|communication|transmi(?:ssion|tted)|nachricht|courriels?|courrier"
    r"|mél|correo|mensaje|mensagem|messaggio|bericht|meddelande|besked|wiadomość|zpráva)\b",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"confidenti|privileged|proprietary|vertraulich|rechtlich geschützt|confidenc|riservat"
    r"|vertrouwelijk|konfidentiell|fortrolig|poufn|důvěrn|intended (?:only|solely|for)",
    re.IGNORECASE,
)
_ADDRESSEE = re.compile(
    r"intended (?:only|solely|for|recipient)|recipients?\b|addressee|empfänger|adressat|bestimmt"
    r"|destinataire|destinatari|destinatário|geadresseerde|ontvanger|mottagare|modtager|adresat"
    r"|in error|unauthori[sz]ed",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"[\s*_\"'(]{0,4}(?:this|these|the (?:information|contents?|above)|any (?:views|opinions)"
    r"|e-?mail"
    r"|diese|dieses|der inhalt dieser|die (?:in|information)|ce|cet|cette"
    r"|les informations|l'information"
    r"|este|esta|la información|o conteúdo|questo|questa|le informazioni|dit|deze|de informatie"
    r"|denne|detta|tato|tento|niniejsza)\b",
    re.IGNORECASE,
)
"""A notice speaks of itself first; a sentence about somebody's message does not."""

_PRINTING = re.compile(
    r"(?:P )?(?:please )?(?:consider|think of|think about) (?:the|our) environment before printing"
    r"|bitte (?:denken sie|prüfen sie).{0,60}(?:ausdruck|drucken)"
    r"|(?:pensez|merci de penser) à l'environnement",
    re.IGNORECASE,
)
_IN_ERROR = re.compile(
    r"if you (?:are not the intended recipient|(?:have )?received? this (?:e-?mail|message|"
    r"communication) (?:in error|by mistake))"
    r"|wenn sie (?:nicht der richtige adressat|diese e-?mail irrtümlich)"
    r"|si vous (?:n'êtes pas le destinataire|avez reçu ce (?:message|courriel) par erreur)",
    re.IGNORECASE,
)

_OUTSIDE = re.compile(
    r"th(?:is|e) (?:e-?mail|message) (?:(?:has |was |is )?(?:been )?\w{4,10} )?from "
    r"(?:an external|outside(?: of)? (?:the|our|your) (?:organi[sz]|compan|institut|universit))",
    re.IGNORECASE,
)
"""What a gateway puts above mail from elsewhere."""

_LABEL = re.compile(
    r"[ *_\[(]{0,4}(?:[^\s:]{1,20} ){0,3}[^\s:]{1,20}"
    r"(?:[:\]][*_]{0,2}\s| [-\N{EN DASH}\N{EM DASH}] )\s{0,4}+(?!The contents)"
)
"""A few words that may stand ahead of a notice: "CONFIDENTIALITY NOTICE:", "Please note:".

`(?!The contents)`: a note of the corpus (t37-005) has such a notice, and the encoder was fitted to
it; to be taken out with the next encoder.
"""

_SURE = re.compile(
    rf"[ *_]*+(?:{_PRINTING.pattern}|{_IN_ERROR.pattern}|{_OUTSIDE.pattern})", re.IGNORECASE
)
_NOTICE = re.compile(rf"{_SURE.pattern}|{_STARTER.pattern}|{_SUBJECT.pattern}", re.IGNORECASE)
"""How every notice opens but a bare heading: hardly another paragraph does."""

# "I dati ..." is Italian for the data, and most plurals after that article end so.
_FIRST_PERSON = re.compile(r"\bI\b(?!\s+\w+i\b)|\b[Mm]y\b")
"""Who speaks of themselves: no notice does."""

_PARAGRAPH = 6000
"""As much of a paragraph as is looked at."""

_OPENING = 160
"""Within so many characters a disclaimer names what it is about: the message."""


def is_sent_from(line: str) -> bool:
    """Tell whether a line was added by a phone or a mail client."""
    line = line.strip(" \t\xa0*_-\N{EM DASH}\N{EN DASH}<>[]")
    if len(line) > _LINE or (line.isascii() and line[:3].lower() not in BEGINNINGS):
        return False
    # "Sent from my desk at noon, the parcel ..." is prose: it goes on after the device.
    words = line.split("<")[0].split()
    return len(words) <= _MOST_WORDS and bool(SENT_FROM.match(line))


def is_disclaimer(paragraph: str) -> bool:
    """Tell whether a paragraph is a confidentiality notice or a plea to save paper."""
    paragraph = paragraph[:_PARAGRAPH].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if _is_notice(paragraph) or _HEADING.match(paragraph[:_OPENING]):
        return True
    label = _LABEL.match(paragraph)
    return label is not None and _is_notice(paragraph, label.end())


def _is_notice(paragraph: str, start: int = 0) -> bool:
    opening = paragraph[start : start + _OPENING]
    if not _NOTICE.match(opening) or _FIRST_PERSON.search(paragraph):
        return False
    if _SURE.match(opening):
        return True
    speaks_of_mail = _SUBJECT.match(opening) and _ABOUT_MAIL.search(opening)
    if not (_STARTER.match(opening) or speaks_of_mail):
        return False
    return bool(_SECRET.search(paragraph) and _ADDRESSEE.search(paragraph))
